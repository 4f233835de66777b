package restart

import (
	"context"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// pollEvery is how often a workload is looked at while it is awaited: two small requests.
const pollEvery = 500 * time.Millisecond

// waiting is the wait for one workload to come through.
type waiting struct {
	*run
	step *Step
	// stamp is the restart's; empty for a rollout that somebody else has begun.
	stamp          string
	begin          time.Time
	state, trouble string
}

// await returns when all pods of a workload are made anew and available, and those of the restart carry
// the sensor. Reasons why one does not come up are reported when they are first seen.
func (r *run) await(ctx context.Context, s *Step, stamp string) error {
	w := &waiting{run: r, step: s, stamp: stamp, begin: time.Now()}
	moved := time.Now()
	for {
		before := w.state
		done, err := w.look(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil || done:
			return err
		case w.state != before:
			moved = time.Now()
		case time.Since(moved) > r.o.Timeout:
			return w.late()
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// late is the error of a workload that had its time.
func (w *waiting) late() error {
	why := w.trouble
	if why == "" {
		why = w.state
	}
	kind := strings.ToLower(w.step.Kind)
	return problem.New(problem.TimedOut,
		fmt.Sprintf("mend the cause, or take it back: kubectl rollout undo %s/%s -n %s", kind, w.step.Name.Name, w.step.Namespace),
		"%s has not come up, without progress for %s: %s", w.step.Name, w.o.Timeout, why)
}

func (w *waiting) look(ctx context.Context) (bool, error) {
	object, err := read(ctx, w.c, w.step.Name)
	if err != nil {
		return false, err
	}
	if object == nil {
		return false, problem.New(problem.Failed, "", "%s was deleted while it was awaited", w.step.Name)
	}
	form := shapeOf(object)
	stamp := kube.Template(object).Annotations[Annotation]
	if w.stamp != "" && stamp == "" {
		return false, problem.New(problem.Failed, "find out who did, then run this again", "the restart of %s was taken back by somebody else", w.step.Name)
	}
	pods, err := w.pods(ctx, form.selector)
	if err != nil {
		return false, err
	}
	trouble := refusedAtCreation(object)
	carrying := 0
	for i := range pods {
		pod := &pods[i]
		// Whoever restarts it again meanwhile has put another stamp there, and that is as good.
		if w.stamp == "" || pod.Annotations[Annotation] != stamp || ended(pod) {
			continue
		}
		if _, carries := sidecar.In(&pod.Spec, w.image); !carries {
			return false, problem.New(problem.Failed, fmt.Sprintf("kubectl falcon explain pod/%s -n %s", pod.Name, pod.Namespace),
				"%s: its new pod %s came without the sensor", w.step.Name, pod.Name)
		}
		carrying++
		if why := kube.Trouble(pod); why != "" && trouble == "" {
			trouble = "pod/" + pod.Name + ": " + why
		}
	}
	done := form.done && (w.stamp == "" || carrying >= form.want)
	if trouble == "" && !done && w.stamp != "" && w.step.Kind != "Deployment" && carrying < form.want {
		trouble = w.refusedByEvent(ctx)
	}
	w.say(done, form.state, trouble)
	if !done && form.held == Stuck {
		return false, w.late()
	}
	return done, nil
}

// say reports what has changed.
func (w *waiting) say(done bool, state, trouble string) {
	name := w.step.String()
	if done && w.stamp != "" {
		state, trouble = Available, ""
	}
	if state != w.state {
		w.state = state
		if state != unseen {
			w.o.Report(inject.Event{Object: name, State: state})
		}
	}
	if trouble != "" && trouble != w.trouble {
		w.o.Report(inject.Event{Object: name, Trouble: trouble})
		w.trouble = trouble
	}
}

func (w *waiting) pods(ctx context.Context, selector *metav1.LabelSelector) ([]corev1.Pod, error) {
	list, err := w.c.Client.CoreV1().Pods(w.step.Namespace).List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(selector)})
	if err != nil {
		return nil, fmt.Errorf("list the pods of %s: %w", w.step.Name, err)
	}
	return list.Items, nil
}

// refusedAtCreation is why a Deployment's pods are refused, as its controller says.
func refusedAtCreation(o runtime.Object) string {
	d, ok := o.(*appsv1.Deployment)
	if !ok || d.Status.ObservedGeneration < d.Generation {
		return ""
	}
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentReplicaFailure && c.Status == corev1.ConditionTrue {
			return "its new pods are refused: " + c.Message
		}
	}
	return ""
}

// refusedByEvent is the same of the other kinds, whose controllers say it in events only. Without the right
// to read them nothing is lost but the reason.
func (w *waiting) refusedByEvent(ctx context.Context) string {
	list, err := w.c.Client.CoreV1().Events(w.step.Namespace).List(ctx, metav1.ListOptions{FieldSelector: fields.Set{
		"involvedObject.kind": w.step.Kind, "involvedObject.name": w.step.Name.Name, "reason": "FailedCreate"}.String()})
	if err != nil {
		return ""
	}
	for _, e := range list.Items {
		if at := e.LastTimestamp.Time; at.After(w.begin.Add(-time.Second)) {
			return "its new pods are refused: " + e.Message
		}
	}
	return ""
}
