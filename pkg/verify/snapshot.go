// Package verify says which pods carry the sensor and which do not, and why.
//
// It collects first and judges then: Collect turns the cluster into one Snapshot, and Judge is a pure
// function of it. It must change nothing in the cluster.
package verify

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Snapshot is what was seen of one namespace and of the injector.
type Snapshot struct {
	Namespace *corev1.Namespace
	Injector  inject.State
	Pods      []corev1.Pod
	Canary    canary.Answer
}

// pageSize is how many pods are asked for at once.
const pageSize = 500

// Collect looks at a namespace and sends its one dry-run pod.
func Collect(ctx context.Context, c *kube.Cluster, namespace string) (*Snapshot, error) {
	ns, err := c.Client.CoreV1().Namespaces().Get(ctx, namespace, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, problem.New(problem.BadInput, "kubectl get namespaces shows which there are",
			"there is no namespace %q", namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read namespace/%s: %w", namespace, err)
	}
	s := &Snapshot{Namespace: ns}
	if s.Injector, err = inject.Read(ctx, c); err != nil {
		return nil, err
	}
	options := metav1.ListOptions{Limit: pageSize}
	for {
		list, err := c.Client.CoreV1().Pods(namespace).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list pods in namespace %s: %w", namespace, err)
		}
		s.Pods = append(s.Pods, list.Items...)
		if options.Continue = list.Continue; options.Continue == "" {
			break
		}
	}
	s.Canary, err = canary.Probe(ctx, c.Client, namespace, s.Injector.Image)
	return s, err
}
