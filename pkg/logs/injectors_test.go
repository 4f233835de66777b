package logs

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

func injector(namespace, name string, labels map[string]string) *appsv1.Deployment {
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels},
		Spec: appsv1.DeploymentSpec{Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": name}}}}
}

// replica has a container beside the server, so that its position says nothing.
func replica(namespace, of, name string) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: map[string]string{"app": of}},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "proxy"}, {Name: "server-of-" + of, Command: []string{"injector"}}}}}
}

// The injectors of this tool, the guide, the vendor's chart and operator are found, wherever they are.
func TestInjectors(t *testing.T) {
	c := &kube.Cluster{Client: fake.NewClientset(
		injector("falcon-system", "injector", nil), replica("falcon-system", "injector", "injector-1"), replica("falcon-system", "injector", "injector-2"),
		injector("elsewhere", "falcon-sensor-injector", map[string]string{"crowdstrike.com/provider": "crowdstrike", "app.kubernetes.io/component": "container_sensor"}),
		replica("elsewhere", "falcon-sensor-injector", "chart-1"),
		injector("operated", "falcon-sidecar-injector", map[string]string{"crowdstrike.com/component": "container_sensor"}),
		replica("operated", "falcon-sidecar-injector", "operated-1"),
		injector("falcon-system", "web", nil), replica("falcon-system", "web", "web-1"))}
	list, err := Injectors(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	got, err := list(t.Context())
	want := []Container{{"elsewhere", "chart-1", "server-of-falcon-sensor-injector"}, {"falcon-system", "injector-1", "server-of-injector"},
		{"falcon-system", "injector-2", "server-of-injector"}, {"operated", "operated-1", "server-of-falcon-sidecar-injector"}}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("got %v (%v)", got, err)
	}
}

func TestInjectorsSayWhatIsMissing(t *testing.T) {
	denied := func(c *fake.Clientset, verb, resource string) {
		c.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(appsv1.Resource(resource), "", errors.New("no"))
		})
	}
	none := fake.NewClientset()
	scaled := fake.NewClientset(injector("falcon-system", "injector", nil))
	blind := fake.NewClientset()
	denied(blind, "list", "mutatingwebhookconfigurations")
	denied(blind, "list", "deployments")
	for name, test := range map[string]struct {
		client *fake.Clientset
		says   string
		next   string
	}{
		"none":     {none, "there is no injector in the cluster", "kubectl falcon install"},
		"no pods":  {scaled, "the injector has no pods: deployment/injector in namespace falcon-system", "kubectl falcon status"},
		"no right": {blind, "mutatingwebhookconfigurations", ""},
	} {
		t.Run(name, func(t *testing.T) {
			c := &kube.Cluster{Client: test.client}
			list, err := Injectors(t.Context(), c)
			if err == nil {
				_, err = list(t.Context())
			}
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Fatalf("got %v", err)
			}
			if p, ok := errors.AsType[*problem.Error](err); test.next != "" && (!ok || !strings.Contains(p.Next(), test.next)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// Whoever may not see the cluster still finds the injector where it usually is.
func TestInjectorsWithoutTheWholeCluster(t *testing.T) {
	client := fake.NewClientset(injector("falcon-system", "injector", nil), replica("falcon-system", "injector", "injector-1"))
	client.PrependReactor("list", "mutatingwebhookconfigurations", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(appsv1.Resource("mutatingwebhookconfigurations"), "", errors.New("no"))
	})
	c := &kube.Cluster{Client: client}
	list, err := Injectors(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := list(t.Context()); err != nil || len(got) != 1 || got[0].Pod != "injector-1" {
		t.Errorf("got %v (%v)", got, err)
	}
}
