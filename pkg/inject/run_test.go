package inject

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const goodImage = "registry.example.com/falcon-sensor:7.40.0"

func goodOptions() Options {
	o := manifest.Defaults()
	o.CID, o.Image = "0123456789ABCDEF0123456789ABCDEF-12", goodImage
	return o
}

func goodHow() How {
	return How{Timeout: time.Minute, Wait: true, Rollback: true, RenewBefore: 30 * 24 * time.Hour, Version: "1.2.3"}
}

// journal is a Reporter that keeps what it is told.
type journal struct{ changes, remarks, troubles []string }

func (j *journal) report(e Event) {
	switch {
	case e.Change != "":
		j.changes = append(j.changes, fmt.Sprintf("%s %s", e.Object, e.Change))
	case e.Trouble != "":
		j.troubles = append(j.troubles, e.Trouble)
	case e.Remark != "":
		j.remarks = append(j.remarks, e.Remark)
	}
}

func (j *journal) says(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(strings.Join(j.remarks, "\n"), text) {
		t.Errorf("the remarks do not say %q:\n%s", text, strings.Join(j.remarks, "\n"))
	}
}

func mustInstall(t *testing.T, c *kube.Cluster, o Options) *journal {
	t.Helper()
	var j journal
	if _, err := Install(t.Context(), c, o, goodHow(), j.report); err != nil {
		t.Fatal(err)
	}
	return &j
}

// pairs are certificates as installations make them; made once, since RSA keys take their time.
var pairs = sync.OnceValue(func() (all []manifest.TLS) {
	for range 2 {
		t, err := certs.New(time.Now(), 1000*24*time.Hour)
		if err != nil {
			panic(err)
		}
		all = append(all, t)
	}
	return all
})

// installed puts an installation into the cluster as Install leaves it, with the first certificate.
func (c *cluster) installed(t *testing.T, client *kube.Cluster) {
	t.Helper()
	c.put(secretOf(pairs()[0]))
	mustInstall(t, client, goodOptions())
	c.forget()
}

func secretOf(t manifest.TLS) *corev1.Secret {
	plan := manifest.Render(goodOptions(), manifest.Given{TLS: t})
	n := slices.IndexFunc(plan.Objects, func(o kube.Object) bool { return o.GetName() == manifest.SecretName })
	return plan.Objects[n].(*corev1.Secret)
}

// deploymentOf is the Deployment that an installation with the certificate makes.
func deploymentOf(o Options, t manifest.TLS) *appsv1.Deployment {
	for _, object := range manifest.Render(o, manifest.Given{TLS: t, CertHash: manifest.CertHash(t)}).Objects {
		if d, ok := object.(*appsv1.Deployment); ok {
			return d
		}
	}
	return nil
}

// injectorPod is a pod of the installation that is ready, or waits for a reason.
func injectorPod(name, waits string) *corev1.Pod {
	template := deploymentOf(goodOptions(), manifest.TLS{}).Spec.Template
	p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}, ObjectMeta: template.ObjectMeta, Spec: template.Spec}
	p.Name, p.Namespace = name, Namespace
	p.Status.Phase = corev1.PodRunning
	if waits == "" {
		p.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}
		return p
	}
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "injector", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: waits, Message: "pulling:\nno such image"}}}}
	return p
}

func wantProblem(t *testing.T, err error, kind problem.Kind, says ...string) *problem.Error {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Fatalf("no problem but %v", err)
	}
	if p.Kind() != kind {
		t.Errorf("kind %d, want %d: %v", p.Kind(), kind, err)
	}
	for _, text := range says {
		if !strings.Contains(p.Error()+"\n"+p.Next(), text) {
			t.Errorf("it does not say %q: %v; %s", text, p, p.Next())
		}
	}
	return p
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}
