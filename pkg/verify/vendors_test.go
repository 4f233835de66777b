package verify

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// vendor is a snapshot of a cluster that runs the injector of a file of objects: what is theirs comes from
// the file, and what Kubernetes adds is as on a healthy cluster.
func vendor(t *testing.T, file string) *Snapshot {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	s := healthy()
	s.Injectors, s.Webhooks = []Injector{{}}, nil
	i := &s.Injectors[0]
	i.TLS = &TLS{KeyFits: true, Changed: installedAt}
	for _, document := range bytes.Split(text, []byte("\n---\n")) {
		object, _, err := clientset.Codecs().UniversalDeserializer().Decode(document, nil, nil)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		take(s, i, object)
	}
	host := i.Reference.Name + "." + i.Namespace + ".svc"
	a := newAuthority(i.Namespace+" ca", longAfter)
	i.TLS.Chain, i.TLS.CA = a.issue(installedAt, longAfter, host, host+".cluster.local"), string(a.pem)
	s.Webhooks[0].Webhooks[0].ClientConfig.CABundle = a.pem
	for n := range s.Pods {
		s.Pods[n].Sidecar.Image, s.Pods[n].Sidecar.ImageID = i.Config.Image, ""
	}
	run(i)
	return s
}

// take puts an object into the snapshot.
func take(s *Snapshot, i *Injector, object runtime.Object) {
	switch o := object.(type) {
	case *corev1.Namespace:
		for n := range s.Namespaces {
			if s.Namespaces[n].Name == o.Name {
				s.Namespaces[n].Labels = o.Labels
			}
		}
	case *corev1.ConfigMap:
		d := o.Data
		i.Config = &Config{Name: o.Name, Changed: installedAt, Image: d["FALCON_IMAGE"], PullPolicy: d["FALCON_IMAGE_PULL_POLICY"],
			PullSecret: d["FALCON_IMAGE_PULL_SECRET"], Port: d["FALCON_INJECTOR_LISTEN_PORT"], CID: "0123…-12", CIDForm: true}
	case *appsv1.Deployment:
		i.Deployment, i.Namespace = o, o.Namespace
		i.TLS.Secret = o.Spec.Template.Spec.Volumes[0].Secret.SecretName
	case *corev1.Service:
		i.Service = o
	case *admissionv1.MutatingWebhookConfiguration:
		o.CreationTimestamp = metav1.NewTime(installedAt)
		s.Webhooks = append(s.Webhooks, *o)
		i.Webhook = o.Name
		i.Tool, i.Detail = owner.Of(o)
		to := o.Webhooks[0].ClientConfig.Service
		i.Reference = Reference{Namespace: to.Namespace, Name: to.Name, Path: *to.Path}
		if to.Port != nil {
			i.Reference.Port = *to.Port
		}
	}
}

// run has Kubernetes run the injector.
func run(i *Injector) {
	n := i.replicas()
	i.Deployment.Status = appsv1.DeploymentStatus{Replicas: n, UpdatedReplicas: n, ReadyReplicas: n, AvailableReplicas: n}
	yes, port, name := true, int32(4433), "https"
	i.Slices = []discoveryv1.EndpointSlice{{Ports: []discoveryv1.EndpointPort{{Name: &name, Port: &port}}}}
	for at := range n {
		i.Slices[0].Endpoints = append(i.Slices[0].Endpoints, discoveryv1.Endpoint{Addresses: []string{fmt.Sprintf("10.0.0.%d", at+1)},
			Conditions: discoveryv1.EndpointConditions{Ready: &yes}})
		p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("%s-%d", i.Deployment.Name, at), Namespace: i.Namespace},
			Spec: *i.Deployment.Spec.Template.Spec.DeepCopy()}
		p.Spec.NodeName = fmt.Sprintf("node-%d", at+1)
		p.Status = corev1.PodStatus{Phase: corev1.PodRunning, StartTime: &metav1.Time{Time: installedAt.Add(time.Minute)},
			Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}
		i.Pods = append(i.Pods, p)
		i.Served = append(i.Served, Served{Pod: p.Name, Chain: i.TLS.Chain})
	}
}

// Injectors of the vendor's chart, operator and guide are understood, and what is known to be wrong with
// each is found, and nothing else.
func TestInjectorsOfTheVendor(t *testing.T) {
	for _, name := range []string{"chart", "operator", "guide"} {
		t.Run(name, func(t *testing.T) {
			golden.Check(t, name+"-verdicts.txt", []byte(verdicts(vendor(t, name+".yaml"))))
		})
	}
}

// verdicts are the results of the checks of the injector, a line each and one for each finding.
func verdicts(s *Snapshot) string {
	var b strings.Builder
	for _, r := range Judge(s, Selection{Only: []string{"1", "2", "3", "4"}}).Checks {
		fmt.Fprintf(&b, "%s %-7s %s\n", r.ID, r.Verdict, r.Title)
		if r.Reason != "" {
			fmt.Fprintf(&b, "  %s\n", r.Reason)
		}
		for _, f := range r.Findings {
			fmt.Fprintf(&b, "  %s: %s\n    next: %s\n", f.Object, f.Message, strings.TrimSpace(f.Hint+"\n          "+f.Command))
		}
	}
	return b.String()
}
