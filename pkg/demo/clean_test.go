package demo

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

// crowd is a cluster with what two runs left, and with what others made under the same names.
func crowd(t *testing.T) []runtime.Object {
	t.Helper()
	mine := deployed(t, "")
	mine.Annotations[expiresKey] = noon.Format(time.RFC3339)
	own, err := Deployment(&scenarios[1], Options{Namespace: Namespace, Own: true, Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	foreign := mine.DeepCopy()
	foreign.Namespace, foreign.Labels = "team-b", map[string]string{"run": Default, managedBy: "Helm"}
	injector := &appsv1.Deployment{TypeMeta: own.TypeMeta, ObjectMeta: metav1.ObjectMeta{Name: "injector", Namespace: "falcon-system",
		Labels: map[string]string{managedBy: kube.FieldManager}}}
	vulnapp := scenarios[len(scenarios)-1]
	return []runtime.Object{mine, demoPod(nil), own, foreign, injector, closed(&vulnapp, Options{Namespace: "team-a"}),
		ownNamespace(Options{Namespace: Namespace, Now: noon}), quota(Options{Namespace: Namespace}),
		&corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"}, ObjectMeta: metav1.ObjectMeta{Name: "team-a"}}}
}

func clusterOf(objects []runtime.Object) (*kube.Cluster, *fake.Clientset) {
	client := fake.NewClientset(objects...)
	return &kube.Cluster{Client: client, Dynamic: dynamicfake.NewSimpleDynamicClient(clientset.Scheme(), objects...)}, client
}

// blind keeps a user from listing the whole cluster, but not single namespaces.
func blind(client *fake.Clientset, but ...string) {
	client.PrependReactor("list", "*", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if slices.Contains(but, a.GetNamespace()) {
			return false, nil, nil
		}
		return true, nil, apierrors.NewForbidden(appsv1.Resource(a.GetResource().Resource), "", errors.New("no"))
	})
}

func TestCleanRemovesOnlyItsOwn(t *testing.T) {
	all := []string{"team-a/deployment/detection-single", "falcon-demo/deployment/rootkit", "team-a/networkpolicy/vulnapp", "/namespace/falcon-demo"}
	for name, test := range map[string]struct {
		where Where
		but   []string
		blind bool
		want  []string
		in    []string
		says  string
	}{
		"the whole cluster":    {want: all},
		"one namespace":        {where: Where{Namespace: "team-a"}, want: []string{all[0], all[2]}},
		"another's namespace":  {where: Where{Namespace: "team-b"}},
		"the demo's own":       {where: Where{Namespace: Namespace}, want: []string{all[1], all[3]}},
		"without the cluster":  {where: Where{Otherwise: []string{Namespace, "team-a", "team-a"}}, blind: true, but: []string{"team-a", Namespace}, want: all, in: []string{Namespace, "team-a"}},
		"one of two":           {where: Where{Otherwise: []string{Namespace, "team-a"}}, blind: true, but: []string{"team-a"}, want: []string{all[0], all[2]}, in: []string{"team-a"}},
		"without any right":    {where: Where{Otherwise: []string{Namespace}}, blind: true, says: "forbidden"},
		"without one, by name": {where: Where{Namespace: "team-a"}, blind: true, says: "forbidden"},
	} {
		t.Run(name, func(t *testing.T) {
			c, client := clusterOf(crowd(t))
			if test.blind {
				blind(client, test.but...)
			}
			var got []string
			in, err := Clean(t.Context(), c, test.where, func(o kube.Object) { got = append(got, o.GetNamespace()+"/"+kube.Describe(o)) })
			slices.Sort(got)
			want := slices.Sorted(slices.Values(test.want))
			if !slices.Equal(got, want) || !slices.Equal(in, test.in) || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("removed %q in %q, want %q (%v)", got, in, want, err)
			}
		})
	}
}

func TestListSaysHowTheyAre(t *testing.T) {
	c, _ := clusterOf(crowd(t))
	got, in, err := List(t.Context(), c, Where{}, noon.Add(time.Hour))
	if err != nil || len(got) != 2 || len(in) != 0 {
		t.Fatalf("got %+v, %q (%v)", got, in, err)
	}
	slices.SortFunc(got, func(a, b Running) int { return strings.Compare(b.Namespace, a.Namespace) })
	if r := got[0]; r.Scenario != Default || !r.Ready || r.State != "2/2 running" || !r.Expired || r.Pod != "detection-single-x" {
		t.Errorf("the first is %+v", r)
	}
	if r := got[1]; r.Scenario != "rootkit" || r.Ready || r.State != "waiting for its pod" || r.Expired {
		t.Errorf("the second is %+v", r)
	}
}

// What a run made goes when it fails, its namespace only if no other scenario is in it.
func TestUndo(t *testing.T) {
	objects := crowd(t)
	c, client := clusterOf(objects)
	var said []string
	r := &run{c: c, o: Options{Namespace: Namespace, Own: true, Now: noon}, report: hear(&said)}
	second := scenarios[2]
	d, err := Deployment(&second, r.o)
	if err != nil {
		t.Fatal(err)
	}
	r.made = []kube.Object{ownNamespace(r.o), quota(r.o), d}
	if !r.undo(t.Context()) || len(said) != 0 {
		t.Errorf("with a scenario of another run it said %q", said)
	}
	if err := client.AppsV1().Deployments(Namespace).Delete(t.Context(), "rootkit", metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	if !r.undo(t.Context()) || !slices.Equal(said, []string{"namespace/falcon-demo deleted"}) {
		t.Errorf("it said %q", said)
	}
}
