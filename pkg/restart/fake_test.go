package restart

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

// world is a cluster whose injector and whose Deployment controller do as a test says.
type world struct {
	client *fake.Clientset
	mu     sync.Mutex
	// stale are the Deployments that verify would find fault with.
	stale map[string]bool
	// refuse is the answer to dry-run pods, plain leaves the sensor out of them.
	refuse error
	plain  bool
	// bare has the new pods of a Deployment come without the sensor, unready never become available.
	bare, unready map[string]bool
	// patched are the Deployments in the order in which they were, with what was sent.
	patched, bodies []string
	said            []string
}

func newWorld(t *testing.T, names ...string) *world {
	t.Helper()
	w := &world{stale: map[string]bool{}, bare: map[string]bool{}, unready: map[string]bool{}}
	var objects []runtime.Object
	for _, name := range names {
		w.stale[name] = true
		objects = append(objects, deployment(name, 1))
	}
	w.client = fake.NewClientset(objects...)
	w.injector(t)
	w.server()
	w.controller()
	w.status()
	return w
}

// injector answers dry runs.
func (w *world) injector(t *testing.T) {
	t.Helper()
	w.client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		create := a.(clienttesting.CreateActionImpl)
		if !slices.Equal(create.CreateOptions.DryRun, []string{"All"}) {
			t.Error("a pod was created")
		}
		pod := create.Object.(*corev1.Pod).DeepCopy()
		if w.refuse != nil {
			return true, nil, w.refuse
		}
		if !w.plain {
			pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: sidecar.Names[0]})
		}
		return true, pod, nil
	})
}

// server takes note of each patch.
func (w *world) server() {
	w.client.PrependReactor("patch", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		patch := a.(clienttesting.PatchActionImpl)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.patched = append(w.patched, patch.Name)
		w.bodies = append(w.bodies, fmt.Sprintf("%s by %s: %s", patch.PatchType, patch.PatchOptions.FieldManager, patch.Patch))
		if len(patch.PatchOptions.DryRun) > 0 {
			return true, &appsv1.Deployment{}, nil
		}
		return false, nil, nil
	})
}

// controller makes the new pods of what was patched.
func (w *world) controller() {
	w.client.PrependReactor("list", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		list := &corev1.PodList{}
		for _, name := range w.patched {
			d, err := w.client.Tracker().Get(appsv1.SchemeGroupVersion.WithResource("deployments"), "team-a", name)
			if err != nil {
				continue
			}
			template := d.(*appsv1.Deployment).Spec.Template
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name + "-new", Namespace: "team-a", Labels: template.Labels, Annotations: template.Annotations},
				Spec: *template.Spec.DeepCopy()}
			if !w.bare[name] {
				pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: sidecar.Names[0]})
				w.stale[name] = false
			}
			if selector := a.(clienttesting.ListActionImpl).GetListRestrictions().Labels; selector.Matches(labels.Set(pod.Labels)) {
				list.Items = append(list.Items, pod)
			}
		}
		return true, list, nil
	})
}

// status is what a Deployment says of itself.
func (w *world) status() {
	w.client.PrependReactor("get", "deployments", func(a clienttesting.Action) (bool, runtime.Object, error) {
		w.mu.Lock()
		defer w.mu.Unlock()
		name := a.(clienttesting.GetActionImpl).Name
		o, err := w.client.Tracker().Get(a.GetResource(), "team-a", name)
		if err != nil {
			return true, nil, err
		}
		d := o.(*appsv1.Deployment).DeepCopy()
		if w.unready[name] && slices.Contains(w.patched, name) {
			d.Status.UpdatedReplicas = 0
		}
		return true, d, nil
	})
}

func (w *world) cluster() *kube.Cluster { return &kube.Cluster{Client: w.client, Context: "lab"} }

func (w *world) judge(scope verify.Scope) *verify.Cluster {
	w.mu.Lock()
	defer w.mu.Unlock()
	c := &verify.Cluster{}
	for name, stale := range w.stale {
		if target := (verify.Target{Kind: "Deployment", Name: name}); stale && (len(scope.Targets) == 0 || slices.Contains(scope.Targets, target)) {
			c.Workloads = append(c.Workloads, verify.WorkloadReport{Namespace: "team-a", Kind: "Deployment", Name: name, Verdict: verify.Stale, Pods: 1})
		}
	}
	slices.SortFunc(c.Workloads, func(a, b verify.WorkloadReport) int { return strings.Compare(a.Name, b.Name) })
	return c
}

func (w *world) options() Options {
	return Options{MaxParallel: 2, Timeout: 200 * time.Millisecond,
		Judge: func(_ context.Context, s verify.Scope) (*verify.Cluster, error) { return w.judge(s), nil },
		Report: func(e inject.Event) {
			w.said = append(w.said, strings.TrimSpace(strings.Join([]string{e.Object, string(e.Change), e.State, e.Trouble, e.Remark}, " ")))
		}}
}

// plan plans, and stops the test if that fails.
func (w *world) plan(t *testing.T) *Plan {
	t.Helper()
	p, err := Make(t.Context(), w.cluster(), w.judge(verify.Scope{}), w.options())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func names(all []Name) string {
	var words []string
	for _, n := range all {
		words = append(words, n.Name)
	}
	slices.Sort(words)
	return strings.Join(words, " ")
}

// want holds a result against one line each of what was done, failed, left on the way and not touched.
func (r *Result) want(t *testing.T, done, failed, underWay, untouched string) {
	t.Helper()
	for _, pair := range [][3]string{{"done", names(r.Done), done}, {"failed", names(r.Failed), failed},
		{"under way", names(r.UnderWay), underWay}, {"untouched", names(r.Untouched), untouched}} {
		if pair[1] != pair[2] {
			t.Errorf("%s: %q, want %q", pair[0], pair[1], pair[2])
		}
	}
}
