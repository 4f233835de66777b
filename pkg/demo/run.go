package demo

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// run is a run of scenarios.
type run struct {
	c      *kube.Cluster
	o      Options
	report Reporter
	// made are the objects that this run has applied.
	made []kube.Object
}

// Run runs the scenarios one after another, each stage by stage, until the first that fails. What it made is
// removed when it fails or is stopped, and when all detections were found; without a look-up it stays, for
// whoever looks in the console. Keep leaves it in any case.
func Run(ctx context.Context, c *kube.Cluster, chosen []Scenario, o Options, report Reporter) (results []Result, err error) {
	if _, err := Objects(chosen, o); err != nil {
		return nil, err
	}
	r := &run{c: c, o: o, report: report}
	defer func() {
		if o.Keep || err == nil && !found(results) {
			return
		}
		removed := r.undo(ctx)
		for n := range results {
			results[n].Removed = removed
		}
	}()
	if err := r.proven(ctx); err != nil {
		return nil, err
	}
	if err := r.place(ctx); err != nil {
		return nil, err
	}
	for n := range chosen {
		result, err := r.scenario(ctx, &chosen[n])
		results = append(results, result)
		if err != nil {
			return results, err
		}
	}
	return results, nil
}

// found says whether every scenario's detection was.
func found(results []Result) bool {
	for n := range results {
		if results[n].Detection == nil {
			return false
		}
	}
	return true
}

// nobody is an agent id that no agent has.
const nobody = "00000000000000000000000000000000"

// proven asks for the alerts of nobody: credentials or a scope that are wrong are to be known before
// anything is made.
func (r *run) proven(ctx context.Context) error {
	if r.o.Detections == nil {
		return nil
	}
	_, err := r.o.Detections.Alerts(ctx, nobody, r.o.Now)
	return err
}

// scenario runs one, stage by stage.
func (r *run) scenario(ctx context.Context, s *Scenario) (Result, error) {
	result := Result{Scenario: s.Name, Namespace: r.o.Namespace}
	stage := r.stages(&result)
	if err := r.create(ctx, s); err != nil {
		return result, err
	}
	stage(Created, true, "deployment/%s in namespace %s", s.Name, r.o.Namespace)
	pod, err := r.await(ctx, s, false)
	if err != nil {
		return result, err
	}
	result.Pod = pod.Name
	container, _ := sidecar.In(&pod.Spec, "")
	stage(Injected, true, "pod/%s has the container %s", pod.Name, container)
	if pod, err = r.await(ctx, s, true); err != nil {
		return result, err
	}
	result.Pod = pod.Name
	ready := time.Now()
	stage(Ready, true, "pod/%s is %d/%d Running: the sensor is beside it", pod.Name, readyCount(pod), len(pod.Spec.Containers))
	line, shown, err := r.logged(ctx, pod)
	if err != nil {
		return result, err
	}
	stage(Logged, shown, "%s", line)
	if result.AID, err = aid.Wait(ctx, r.c, r.o.Namespace, pod.Name, r.o.Timeout); err != nil {
		return result, err
	}
	stage(Registered, true, "agent id %s", result.AID)
	switch {
	case s.ByHand():
		stage(Detected, false, "not looked up: nothing happens until somebody uses it")
		return result, nil
	case r.o.Detections == nil:
		stage(Detected, false, "not looked up: there are no credentials of the Falcon API")
		return result, nil
	}
	if err := r.detect(ctx, s, &result, ready); err != nil {
		// Whoever stops it has not shown that there is no detection.
		if ctx.Err() == nil {
			stage(Detected, false, "%s", err)
		}
		return result, err
	}
	a := result.Detection
	stage(Detected, true, "%s: %s (%s, %s)", a.SeverityName, a.Name, a.Tactic, a.Technique)
	return result, nil
}

// stages returns what notes a stage of a run that begins now, and reports it.
func (r *run) stages(result *Result) func(name string, shown bool, format string, args ...any) {
	begin := time.Now()
	return func(name string, shown bool, format string, args ...any) {
		now := time.Now()
		got := Stage{Name: name, Shown: shown, Time: now.UTC().Truncate(time.Millisecond),
			Seconds: now.Sub(begin).Round(100 * time.Millisecond).Seconds(), Detail: fmt.Sprintf(format, args...)}
		result.Stages = append(result.Stages, got)
		r.report.Stage(got)
	}
}

// create makes a scenario's objects, if its pod can run.
func (r *run) create(ctx context.Context, s *Scenario) error {
	if err := r.covered(ctx, s); err != nil {
		return err
	}
	if s.ByHand() {
		if err := r.apply(ctx, closed(s, r.o)); err != nil {
			return err
		}
	}
	d, err := Deployment(s, r.o)
	if err != nil {
		return err
	}
	return r.apply(ctx, d)
}

// apply makes an object, and notes it before it is made: also one whose answer is lost has to go.
func (r *run) apply(ctx context.Context, o kube.Object) error {
	known, err := r.c.Know(ctx, o)
	if err != nil {
		return err
	}
	if known.Object != nil && !ours(known.Object) {
		return problem.New(problem.Failed, "remove it with the tool that made it, or use another namespace with -n",
			"%s in namespace %s was not made by the demo", kube.Describe(o), o.GetNamespace())
	}
	r.made = append(r.made, o)
	_, err = r.c.ApplyWith(ctx, o, kube.ApplyOptions{Before: &known})
	return err
}

// undoing is how long what was made may take to remove, also after Ctrl-C.
const undoing = 20 * time.Second

// undo removes what this run made, and the demo's own namespace if no other scenario is left in it.
func (r *run) undo(ctx context.Context) bool {
	if len(r.made) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), undoing)
	defer cancel()
	for n := len(r.made) - 1; n >= 0; n-- {
		o := r.made[n]
		kind := o.GetObjectKind().GroupVersionKind().Kind
		if kind == "ResourceQuota" {
			// It goes with its namespace, and stays as long as that does.
			continue
		}
		if kind == "Namespace" {
			if left, err := deployments(ctx, r.c, o.GetName()); err != nil || len(left) > 0 {
				continue
			}
		}
		change, err := r.c.Delete(ctx, o, keepForeign(o))
		if err != nil {
			r.report.Remark("%s could not be removed (%s); kubectl falcon demo clean removes it", kube.Describe(o), err)
			return false
		}
		if change == kube.Deleted {
			r.report.Remark("%s %s", kube.Describe(o), change)
		}
	}
	return true
}

// readyCount is how many of a pod's containers are ready.
func readyCount(pod *corev1.Pod) (n int) {
	for _, s := range pod.Status.ContainerStatuses {
		if s.Ready {
			n++
		}
	}
	return n
}
