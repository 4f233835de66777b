package aid

import (
	"context"
	"fmt"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Of returns the agent id of one pod. Without one the error says whether there is no such pod, no sensor
// in it, a sensor that does not run, or one that has not registered (errors.Is ErrUnset).
func Of(ctx context.Context, c *kube.Cluster, namespace, name string) (string, error) {
	return One(ctx, c, namespace, name, Options{})
}

// Wait asks until the pod has an agent id or the timeout is over. Only what may change by waiting is waited
// for: a pod or a sensor that is not up yet, and a sensor that has not registered.
func Wait(ctx context.Context, c *kube.Cluster, namespace, name string, timeout time.Duration) (string, error) {
	return One(ctx, c, namespace, name, Options{Wait: timeout})
}

// One returns the agent id of one pod, or the error that says why it has none. It needs one request besides
// the question itself, and two or three more only where no container has a sensor's name.
func One(ctx context.Context, c *kube.Cluster, namespace, name string, o Options) (string, error) {
	pod, err := c.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		missing := Result{Namespace: namespace, Pod: name, Reason: NotFound}
		return "", missing.Err()
	}
	if err != nil {
		return "", fmt.Errorf("read pod/%s: %w", name, err)
	}
	pods := []Pod{Reduce(pod, o.Container)}
	o.Images = Recognise(ctx, c, pods)
	result := &Run(ctx, c, pods, o).Pods[0]
	if ctx.Err() != nil && result.AID == "" {
		return "", ctx.Err()
	}
	return result.AID, result.Err()
}
