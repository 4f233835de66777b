package inject

import (
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestRollout(t *testing.T) {
	two, none := int32(2), int32(0)
	status := func(seen int64, all, updated, available int32) appsv1.DeploymentStatus {
		return appsv1.DeploymentStatus{ObservedGeneration: seen, Replicas: all, UpdatedReplicas: updated, AvailableReplicas: available}
	}
	tests := map[string]struct {
		replicas   *int32
		generation int64
		status     appsv1.DeploymentStatus
		want       string
	}{
		"just made":        {&two, 1, appsv1.DeploymentStatus{}, "not looked at yet"},
		"an old status":    {&two, 2, status(1, 2, 2, 2), "not looked at yet"},
		"no pods yet":      {&two, 1, status(1, 0, 0, 0), "0 of 2 replicas available"},
		"one is available": {&two, 1, status(1, 2, 2, 1), "1 of 2 replicas available"},
		// The old pods still answer, but with the old configuration.
		"the old ones are available": {&two, 2, status(2, 3, 1, 2), "1 of 2 replicas available"},
		"old ones are going":         {&two, 2, status(2, 3, 2, 3), "1 old replicas are going"},
		"all of it":                  {&two, 2, status(2, 2, 2, 2), "available"},
		"one by default":             {nil, 1, status(1, 1, 1, 1), "available"},
		"none by default":            {nil, 1, status(1, 0, 0, 0), "0 of 1 replicas available"},
		"scaled to none":             {&none, 1, status(1, 0, 0, 0), "available"},
	}
	for name, tt := range tests {
		d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: tt.generation},
			Spec: appsv1.DeploymentSpec{Replicas: tt.replicas}, Status: tt.status}
		if got := rollout(d); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// Of two installs at once each waits for its own form, and must see that the other has replaced it.
func TestSameForm(t *testing.T) {
	base := deploymentOf(goodOptions(), pairs()[0])
	tests := map[string]struct {
		change func(*appsv1.Deployment)
		want   bool
	}{
		"the same":               {func(*appsv1.Deployment) {}, true},
		"scaled":                 {func(d *appsv1.Deployment) { *d.Spec.Replicas = 9 }, true},
		"restarted by hand":      {func(d *appsv1.Deployment) { d.Spec.Template.Annotations["kubectl.kubernetes.io/restartedAt"] = "now" }, true},
		"another image":          {func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].Image = "other" }, false},
		"another certificate":    {func(d *appsv1.Deployment) { d.Spec.Template.Annotations[manifest.CertificateHash] = "x" }, false},
		"without annotations":    {func(d *appsv1.Deployment) { d.Spec.Template.Annotations = nil }, false},
		"another configuration":  {func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers[0].EnvFrom[0].ConfigMapRef.Name = "x" }, false},
		"none of its containers": {func(d *appsv1.Deployment) { d.Spec.Template.Spec.Containers = nil }, false},
	}
	for name, tt := range tests {
		other := base.DeepCopy()
		tt.change(other)
		if got := sameForm(other, base); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
		if got := sameForm(base, other); got != tt.want {
			t.Errorf("%s, the other way round: %v", name, got)
		}
	}
}

func TestConfigName(t *testing.T) {
	named := func(name string) corev1.EnvFromSource {
		return corev1.EnvFromSource{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: name}}}
	}
	secret := corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{}}
	tests := map[string]struct {
		containers []corev1.Container
		want       string
	}{
		"no containers":         {nil, ""},
		"no environment":        {[]corev1.Container{{}}, ""},
		"a secret alone":        {[]corev1.Container{{EnvFrom: []corev1.EnvFromSource{secret}}}, ""},
		"after a secret":        {[]corev1.Container{{EnvFrom: []corev1.EnvFromSource{secret, named("a")}}}, "a"},
		"in a second container": {[]corev1.Container{{}, {EnvFrom: []corev1.EnvFromSource{named("b")}}}, "b"},
		"the first of two":      {[]corev1.Container{{EnvFrom: []corev1.EnvFromSource{named("a"), named("b")}}}, "a"},
	}
	for name, tt := range tests {
		if got := configName(&corev1.PodSpec{Containers: tt.containers}); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// The reason is in the error and was said when it was first seen; that of pods on their way out is not.
func TestInstallSaysWhyTheInjectorDoesNotComeUp(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	c.put(injectorPod("injector-new", "ErrImagePull"))
	old := injectorPod("injector-old", "CrashLoopBackOff")
	old.Spec.Containers[0].Image = "registry.example.com/falcon-sensor:6"
	c.put(old)
	var j journal
	how := brief()
	how.Rollback = false
	_, err := Install(t.Context(), client, goodOptions(), how, j.report)
	const why = "pod/injector-new: container injector: ErrImagePull: no such image (check --image"
	wantProblem(t, err, problem.TimedOut, why)
	if len(j.troubles) != 1 || j.troubles[0][:len(why)] != why {
		t.Errorf("it said %q", j.troubles)
	}
}

// A pod whose own status says nothing has events that do, and a reason that is over is not the end's.
func TestInstallSaysWhatWarnsOfAPod(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	quiet := injectorPod("injector-quiet", "")
	quiet.Status.Conditions[0].Status = corev1.ConditionFalse
	c.put(quiet)
	warning := func(name, message string, after time.Duration) *corev1.Event {
		return &corev1.Event{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Event"}, ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: Namespace},
			Type: corev1.EventTypeWarning, Reason: "Unhealthy", Message: message, LastTimestamp: metav1.NewTime(time.Now().Add(after)),
			InvolvedObject: corev1.ObjectReference{Kind: "Pod", Name: quiet.Name, UID: c.of("pods/" + Namespace + "/injector-quiet").GetUID()}}
	}
	c.put(warning("a", "Readiness probe failed: statuscode: 500", time.Minute))
	c.put(warning("b", "Readiness probe failed: connection refused", time.Second))
	var j journal
	_, err := Install(t.Context(), client, goodOptions(), brief(), j.report)
	wantProblem(t, err, problem.TimedOut, "pod/injector-quiet: Unhealthy: Readiness probe failed: statuscode: 500 (kubectl logs")
	if len(j.troubles) != 1 {
		t.Errorf("it said %q", j.troubles)
	}
}

func TestTheEndOfTheWaitCitesNoReasonThatIsOver(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	c.put(injectorPod("injector-new", "ErrImagePull"))
	c.meddle = func(q *request) error {
		// Seen once, and then it is pulled.
		if q.verb == "list" && q.gvr.Resource == "pods" && q.namespace == Namespace {
			c.meddle = func(q *request) error {
				delete(c.objects, "pods/"+Namespace+"/injector-new")
				return nil
			}
		}
		return nil
	}
	how := brief()
	how.Timeout = 2 * pollEvery
	_, err := Install(t.Context(), client, goodOptions(), how, func(Event) {})
	p := wantProblem(t, err, problem.TimedOut, "0 of 2 replicas available")
	if strings.Contains(p.Error(), "ErrImagePull") {
		t.Errorf("it cites what is over: %v", p)
	}
}

func TestInstallSaysWhatRefusesThePods(t *testing.T) {
	c, client := newCluster(t)
	d := deploymentOf(goodOptions(), pairs()[0])
	d.Generation, d.Status.ObservedGeneration = 1, 1
	d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue,
		Message: `pods "injector-x" is forbidden: exceeded quota: small`}}
	got, err := deploymentTrouble(t.Context(), client, d)
	const want = `its pods are refused: pods "injector-x" is forbidden: exceeded quota: small (raise the quota of namespace falcon-system, ` +
		`or ask for less with --injector-cpu-request and its like)`
	if err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	d.Generation = 2
	if got, err := deploymentTrouble(t.Context(), client, d); got != "" || err != nil {
		t.Errorf("of the form before: %q, %v", got, err)
	}
	if len(c.did()) > 0 {
		t.Error("it changed something")
	}
}

// A pod that does not serve what the webhook is about to trust ends the installation before the webhook.
func TestInstallHoldsTheServedCertificateAgainstTheBundle(t *testing.T) {
	c, client := newCluster(t)
	c.put(secretOf(pairs()[0]))
	c.put(injectorPod("injector-1", ""))
	c.meddle = func(*request) error {
		c.serving = pairs()[1]
		return nil
	}
	how := brief()
	how.Rollback = false
	_, err := Install(t.Context(), client, goodOptions(), how, func(Event) {})
	wantProblem(t, err, problem.Failed, "pod/injector-1 serves a certificate that the webhook would not trust", "kubectl rollout restart")
	if slices.ContainsFunc(c.did(), func(d string) bool { return d != "" && c.of(hookKey) != nil }) {
		t.Errorf("there is a webhook: %q", c.did())
	}
}

func TestListenPort(t *testing.T) {
	pod := injectorPod("x", "")
	pod.Spec.Containers[0].Ports[0].ContainerPort = 8443
	if got := listenPort(pod); got != 8443 {
		t.Errorf("got %d", got)
	}
	pod.Spec.Containers[0].Ports = nil
	if got := listenPort(pod); got != 4433 {
		t.Errorf("without a port: %d", got)
	}
	if !ready(pod) || ready(&corev1.Pod{}) {
		t.Error("which pod is ready?")
	}
}
