package restart

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

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
