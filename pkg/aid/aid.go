package aid

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Of returns the agent id of one pod. Without one the error says whether there is no such pod, no sensor
// in it, a sensor that does not run, or one that has not registered (errors.Is ErrUnset).
func Of(ctx context.Context, c *kube.Cluster, namespace, name string) (string, error) {
	pod, err := c.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return "", problem.New(problem.BadInput, "kubectl get pods -n "+namespace+" shows which there are",
			"there is no pod %q in namespace %s", name, namespace)
	}
	if err != nil {
		return "", fmt.Errorf("read pod/%s: %w", name, err)
	}
	container, err := target(pod)
	if err != nil {
		return "", err
	}
	return ask(ctx, kube.NewExecutor(c), pod, container)
}

// target returns the container to ask, or why none can answer.
func target(pod *corev1.Pod) (string, error) {
	container, found := sidecar.In(&pod.Spec, "")
	where := pod.Namespace + "/" + pod.Name
	if !found {
		return "", problem.New(problem.Failed, "kubectl falcon verify -n "+pod.Namespace+" says why",
			"pod %s has no Falcon sensor (no container %s)", where, strings.Join(sidecar.Names, " or "))
	}
	if pod.Status.Phase != corev1.PodRunning {
		why := kube.Trouble(pod)
		if why == "" {
			why = "its phase is " + string(pod.Status.Phase)
		}
		return "", problem.New(problem.Failed, "kubectl describe pod -n "+pod.Namespace+" "+pod.Name+" shows more",
			"pod %s does not run, so its sensor cannot be asked: %s", where, why)
	}
	return container, nil
}

func ask(ctx context.Context, e *kube.Executor, pod *corev1.Pod, container string) (string, error) {
	where := pod.Namespace + "/" + pod.Name
	out, err := e.Run(ctx, kube.Command{Namespace: pod.Namespace, Pod: pod.Name, Container: container,
		Argv: []string{"falconctl", "-g", "--aid"}})
	if err != nil {
		return "", fmt.Errorf("run falconctl in pod %s, container %s: %w", where, container, err)
	}
	id, err := Parse(out.Stdout)
	switch {
	case err == nil:
		return id, nil
	case errors.Is(err, ErrUnset):
		return "", problem.New(problem.Failed,
			"use --wait; if none comes, check the CID, and the way out (port 443, proxy)",
			"pod %s: %w", where, err)
	}
	said := strings.TrimSpace(out.Stderr)
	if said == "" {
		said = strings.TrimSpace(out.Stdout)
	}
	return "", problem.New(problem.Failed, "try it by hand: kubectl exec -n "+pod.Namespace+" "+pod.Name+
		" -c "+container+" -- falconctl -g --aid",
		"pod %s: %w (exit code %d, it said %.120q)", where, err, out.ExitCode, said)
}

// askEvery is how often a sensor that has no id yet is asked again.
const askEvery = time.Second

// Wait asks until the pod has an agent id or the timeout is over. Only a sensor that has not registered
// is asked again; every other error ends the wait.
func Wait(ctx context.Context, c *kube.Cluster, namespace, name string, timeout time.Duration) (string, error) {
	var id string
	var last error
	err := wait.PollUntilContextTimeout(ctx, askEvery, timeout, true, func(ctx context.Context) (bool, error) {
		id, last = Of(ctx, c, namespace, name)
		if errors.Is(last, ErrUnset) {
			return false, nil
		}
		return last == nil, last
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil && last != nil {
		return "", problem.New(problem.TimedOut,
			"check the CID, and the way to the Falcon cloud (port 443, proxy)",
			"pod %s/%s has no agent id after %s", namespace, name, timeout)
	}
	return id, err
}
