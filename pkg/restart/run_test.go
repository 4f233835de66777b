package restart

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
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
	// Each look at a Deployment finds what its controller has made of it.
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
	return w
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

func TestRunRestartsInWavesAndOnlySetsTheAnnotation(t *testing.T) {
	w := newWorld(t, "a", "b", "c", "d")
	p := w.plan(t)
	r, err := Run(t.Context(), w.cluster(), p, w.options())
	if err != nil {
		t.Fatal(err)
	}
	r.want(t, "a b c d", "", "", "")
	if len(w.patched) != 4 || w.patched[0] != "a" || w.patched[3] != "d" {
		t.Errorf("the order was %v", w.patched)
	}
	for _, body := range w.bodies {
		if !strings.HasPrefix(body, `application/strategic-merge-patch+json by kubectl-falcon: {"spec":{"template":{"metadata":{"annotations":{"kubectl.kubernetes.io/restartedAt":"20`) || !strings.HasSuffix(body, `"}}}}}`) {
			t.Errorf("it sent %s", body)
		}
	}
	// Again there is nothing to do: not by a new plan, and not by the old one.
	if again := w.plan(t); again.Steps() != 0 {
		t.Errorf("a second plan has %d steps", again.Steps())
	}
	r, err = Run(t.Context(), w.cluster(), p, w.options())
	if err != nil || names(r.Unneeded) != "a b c d" || len(w.patched) != 4 {
		t.Errorf("the old plan again: %v, %+v, %v", err, r, w.patched)
	}
}

func TestRunStopsAtTheFirstFailure(t *testing.T) {
	tests := map[string]struct {
		harm func(w *world)
		says string
		kind problem.Kind
	}{
		"a pod without the sensor":  {func(w *world) { w.bare["b"] = true }, "deployment/b (team-a): its new pod b-new came without the sensor", problem.Failed},
		"one that does not come up": {func(w *world) { w.unready["b"] = true }, "deployment/b (team-a) has not come up, without progress for 200ms", problem.TimedOut},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a", "b", "c", "d", "e")
			test.harm(w)
			r, err := Run(t.Context(), w.cluster(), w.plan(t), w.options())
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || p.Kind() != test.kind || !strings.Contains(p.Error(), test.says) {
				t.Errorf("got %v", err)
			}
			// c was in the same wave, and is waited for.
			r.want(t, "a c", "b", "", "d e")
		})
	}
}

// A cluster changes between the plan and a workload's turn.
func TestRunLooksAgainRightBefore(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	p := w.plan(t)
	paused := deployment("b", 1, func(d *appsv1.Deployment) { d.Spec.Paused = true })
	if err := w.client.Tracker().Update(appsv1.SchemeGroupVersion.WithResource("deployments"), paused, "team-a"); err != nil {
		t.Fatal(err)
	}
	w.stale["c"] = false
	r, err := Run(t.Context(), w.cluster(), p, w.options())
	if err != nil {
		t.Fatal(err)
	}
	r.want(t, "a", "", "", "")
	if len(r.Left) != 1 || r.Left[0].Reason != Paused || names(r.Unneeded) != "c" {
		t.Errorf("got %+v", r)
	}
}

func TestRunRefusesWhereNewPodsWouldNotGetTheSensor(t *testing.T) {
	denied := apierrors.NewInternalError(errors.New(`failed calling webhook "injector": connection refused`))
	for name, harm := range map[string]func(w *world){
		"refused": func(w *world) { w.refuse = denied }, "plain": func(w *world) { w.plain = true }} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, "a", "b")
			p := w.plan(t)
			harm(w)
			// By the plan that was made before: the template of the first is asked again.
			r, err := Run(t.Context(), w.cluster(), p, w.options())
			if err == nil || len(w.patched) > 0 {
				t.Errorf("it restarted %v: %v", w.patched, err)
			}
			r.want(t, "", "a", "", "b")
			// By a new plan there is nothing left to restart, and it is said why.
			again := w.plan(t)
			if again.Steps() != 0 || len(again.Left) != 2 || !again.Left[0].Fault() {
				t.Errorf("got %+v", again)
			}
		})
	}
}

// A canary that fails while the workloads' own pods would pass blocks the namespace.
func TestBlockedNamespaceIsRefused(t *testing.T) {
	w := newWorld(t, "a")
	p := w.plan(t)
	p.Blocked = []Blocked{{"team-a", "new pods are made without the sensor"}}
	r, err := Run(t.Context(), w.cluster(), p, w.options())
	if err == nil || !strings.Contains(err.Error(), "nothing was restarted: in namespace team-a new pods are made without the sensor") {
		t.Errorf("got %v", err)
	}
	r.want(t, "", "", "", "a")
	if len(w.patched) > 0 {
		t.Errorf("it restarted %v", w.patched)
	}
}

func TestWithoutTheRightToCreatePodsNothingIsPlanned(t *testing.T) {
	w := newWorld(t, "a")
	w.refuse = apierrors.NewForbidden(corev1.Resource("pods"), "", errors.New(`User "x" cannot create resource "pods" in API group ""`))
	_, err := Make(t.Context(), w.cluster(), w.judge(verify.Scope{}), w.options())
	if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind() != problem.NoAccess || !strings.Contains(p.Next(), "rbac restart") {
		t.Errorf("got %v", err)
	}
}

func TestInterruptedItSaysWhatIsUnderWay(t *testing.T) {
	w := newWorld(t, "a", "b", "c")
	w.unready["a"] = true
	p, o := w.plan(t), w.options()
	o.Timeout = time.Hour
	ctx, cancel := context.WithCancel(t.Context())
	report := o.Report
	o.Report = func(e inject.Event) {
		report(e)
		if e.Change == Restarted {
			cancel()
		}
	}
	r, err := Run(ctx, w.cluster(), p, o)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	r.want(t, "", "", "a", "b c")
}

func TestDryRunChangesNothing(t *testing.T) {
	w := newWorld(t, "a", "b")
	p, o := w.plan(t), w.options()
	o.DryRun = true
	r, err := Run(t.Context(), w.cluster(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	r.want(t, "a b", "", "", "")
	if w.plan(t).Steps() != 2 {
		t.Error("something has changed")
	}
}
