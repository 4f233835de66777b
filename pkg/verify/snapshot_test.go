package verify

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestCollectOfANamespaceThatIsNotThere(t *testing.T) {
	_, err := Collect(t.Context(), &kube.Cluster{Client: fake.NewClientset()}, "tem-a")
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Error(), `"tem-a"`) ||
		!strings.Contains(p.Next(), "kubectl get namespaces") {
		t.Errorf("got %v", err)
	}
}

func TestCollectReadsAllPagesAndChangesNothing(t *testing.T) {
	client := fake.NewClientset(namespace("team-a", nil))
	// The fake knows no pages, so these are given to it.
	client.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		options := a.(clienttesting.ListActionImpl).ListOptions
		if a.GetNamespace() != "team-a" || options.Limit == 0 {
			t.Errorf("it listed %q with the limit %d", a.GetNamespace(), options.Limit)
		}
		page := &corev1.PodList{}
		first := 0
		if options.Continue == "" {
			page.Continue = "next"
		} else {
			first = 2
		}
		for i := range 2 {
			page.Items = append(page.Items, corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprint("pod-", first+i)}})
		}
		return true, page, nil
	})
	s, err := Collect(t.Context(), &kube.Cluster{Client: client}, "team-a")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, p := range s.Pods {
		names = append(names, p.Name)
	}
	if got := strings.Join(names, " "); got != "pod-0 pod-1 pod-2 pod-3" || s.Namespace.Name != "team-a" {
		t.Errorf("collected %s of %s", got, s.Namespace.Name)
	}
	for _, a := range client.Actions() {
		create, isCreate := a.(clienttesting.CreateActionImpl)
		dry := isCreate && len(create.CreateOptions.DryRun) == 1 && create.CreateOptions.DryRun[0] == metav1.DryRunAll
		if verb := a.GetVerb(); verb != "get" && verb != "list" && !dry {
			t.Errorf("it did %s %s", verb, a.GetResource().Resource)
		}
	}
}

// configured is an injector that names its configuration.
func configured() *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: inject.Name, Namespace: inject.Namespace}}
	d.Spec.Template.Spec.Containers = []corev1.Container{{EnvFrom: []corev1.EnvFromSource{{
		ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "injector-config"}}}}}}
	return d
}

// Half of the truth would read like all of it.
func TestCollectFailsWhereItMayNotLook(t *testing.T) {
	for what, says := range map[string]string{
		"get namespaces":                    "read namespace/team-a",
		"get deployments":                   "read deployment/injector",
		"get configmaps":                    "read configmap/injector-config",
		"get mutatingwebhookconfigurations": "read the webhook injector.falcon-system.svc",
		"list pods":                         "list pods in namespace team-a",
	} {
		t.Run(what, func(t *testing.T) {
			client := fake.NewClientset(namespace("team-a", nil), configured())
			verb, resource, _ := strings.Cut(what, " ")
			client.PrependReactor(verb, resource, func(clienttesting.Action) (bool, runtime.Object, error) {
				return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New("no"))
			})
			_, err := Collect(t.Context(), &kube.Cluster{Client: client}, "team-a")
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), says) {
				t.Errorf("got %v", err)
			}
		})
	}
}
