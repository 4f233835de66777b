package demo

import (
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/logs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// stillEvery is how often a wait says that it goes on.
	stillEvery = 10 * time.Second
	// mostLogWait is how long the injector's line is waited for: its log comes a moment after its answer.
	mostLogWait = 10 * time.Second
	// logsBefore is how long before a pod was made the injector's logs are read from.
	logsBefore = 35 * time.Second
)

// await returns the scenario's pod once it is made with the sensor, and if ready is wanted once all its
// containers are.
func (r *run) await(ctx context.Context, s *Scenario, ready bool) (*corev1.Pod, error) {
	var got *corev1.Pod
	state := "no pod was made yet"
	begin := time.Now()
	said := begin
	err := wait.PollUntilContextTimeout(ctx, lookEvery, r.o.Timeout, true, func(ctx context.Context) (bool, error) {
		seen, err := look(ctx, r.c, r.o.Namespace, s.Name)
		if err != nil {
			return false, err
		}
		if got = seen.pod; got != nil && (seen.ready || !ready) {
			return true, nil
		}
		if seen.state != state {
			state = seen.state
			r.report.Remark("%s", state)
		}
		if time.Since(said) >= stillEvery {
			said = time.Now()
			r.report.Remark("still waiting after %s", said.Sub(begin).Round(time.Second))
		}
		return false, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil, problem.New(problem.TimedOut, next(r.o.Namespace), "the demo %s does not run after %s: %s", s.Name, r.o.Timeout, state)
	}
	return got, err
}

// next is what to do about a demo that does not work.
func next(namespace string) string {
	return "run it with --keep, then kubectl falcon verify -n " + namespace + " says why"
}

// sight is how far a scenario's pod is.
type sight struct {
	// pod is the one of the newest template, if it was made with the sensor.
	pod   *corev1.Pod
	ready bool
	// state says in words what is missing.
	state string
}

// look says how far a scenario is. A pod without the sensor is an error: it would show nothing.
func look(ctx context.Context, c *kube.Cluster, namespace, name string) (sight, error) {
	d, err := c.Client.AppsV1().Deployments(namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return sight{}, fmt.Errorf("read deployment/%s: %w", name, err)
	}
	for _, condition := range d.Status.Conditions {
		if condition.Type == appsv1.DeploymentReplicaFailure && condition.Status == corev1.ConditionTrue {
			return sight{state: "no pod can be made: " + condition.Message}, nil
		}
	}
	const waiting = "waiting for its pod"
	// After a change, the pod of the run before is still there for a while.
	if s := d.Status; s.ObservedGeneration < d.Generation || s.UpdatedReplicas < 1 || s.Replicas > s.UpdatedReplicas {
		return sight{state: waiting}, nil
	}
	pods, err := c.Client.CoreV1().Pods(namespace).List(ctx, metav1.ListOptions{LabelSelector: scenarioLabel + "=" + name})
	if err != nil {
		return sight{}, fmt.Errorf("list the demo's pods: %w", err)
	}
	for i := range pods.Items {
		pod := &pods.Items[i]
		if pod.DeletionTimestamp != nil {
			continue
		}
		if _, found := sidecar.In(&pod.Spec, ""); !found {
			return sight{}, problem.New(problem.Failed, next(namespace), "pod %s/%s was made without the Falcon sensor", namespace, pod.Name)
		}
		got := sight{pod: pod, state: fmt.Sprintf("pod/%s: %d/%d containers ready", pod.Name, readyCount(pod), len(pod.Spec.Containers))}
		if why := kube.Trouble(pod); why != "" {
			got.state = "pod/" + pod.Name + ": " + why
		} else {
			got.ready = readyCount(pod) == len(pod.Spec.Containers)
		}
		return got, nil
	}
	return sight{state: waiting}, nil
}

// logged returns the injector's own line about the pod: of several the last, but one that names the pod before
// one that names only its namespace. That it cannot be read is no failure: the sensor is beside the pod all
// the same.
func (r *run) logged(ctx context.Context, pod *corev1.Pod) (line string, shown bool, err error) {
	list, err := logs.Injectors(ctx, r.c)
	if err != nil {
		return "the injector's log cannot be read: " + kube.Explain(err, r.c).Error(), false, ctx.Err()
	}
	subject := logs.AboutPod(pod)
	o := logs.Options{Since: pod.CreationTimestamp.Add(-logsBefore), Tail: -1}
	var last error
	sure := false
	err = wait.PollUntilContextTimeout(ctx, time.Second, mostLogWait, true, func(ctx context.Context) (bool, error) {
		last = logs.Read(ctx, r.c, o, list, func(string, ...any) {}, func(l logs.Line) error {
			l.Fields = logs.Parse(l.Message)
			switch about := subject.Of(&l); {
			case l.Fields != nil && l.Fields.Error != "":
				// A try before this one, since the pod is there.
			case about == logs.ByPod:
				line, sure = "the injector's line: "+l.Message, true
			case about == logs.ByNamespace && !sure:
				line = "the injector's line, which names the namespace alone: " + l.Message
			}
			return nil
		})
		return line != "", nil
	})
	switch {
	case ctx.Err() != nil:
		return "", false, ctx.Err()
	case err == nil:
		return line, true, nil
	case last != nil:
		return "the injector's log cannot be read: " + kube.Explain(last, r.c).Error(), false, nil
	}
	return fmt.Sprintf("the injector's log has no line about the pod after %s", mostLogWait), false, nil
}
