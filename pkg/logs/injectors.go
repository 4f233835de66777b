package logs

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// replicas is what the pods of one injector are found by.
type replicas struct{ namespace, deployment, selector string }

// Injectors returns a lister of the containers of all injectors of the cluster, whoever made them. The error
// says that there is none, or which right is missing.
func Injectors(ctx context.Context, c *kube.Cluster) (Lister, error) {
	found, err := find(ctx, c)
	if err != nil {
		return nil, err
	}
	var all []replicas
	for _, i := range found {
		d, err := c.Client.AppsV1().Deployments(i.Namespace).Get(ctx, i.Deployment, metav1.GetOptions{})
		if err != nil {
			return nil, fmt.Errorf("read deployment/%s: %w", i.Deployment, err)
		}
		all = append(all, replicas{i.Namespace, i.Deployment, metav1.FormatLabelSelector(d.Spec.Selector)})
	}
	return func(ctx context.Context) ([]Container, error) { return containersOf(ctx, c, all) }, nil
}

// find returns the injectors that have a Deployment, each of these once.
func find(ctx context.Context, c *kube.Cluster) ([]owner.Injector, error) {
	found, err := owner.Find(ctx, c)
	if apierrors.IsForbidden(err) {
		// Whoever may not see the cluster may still see where the injector usually is.
		list, denied := c.Client.AppsV1().Deployments(manifest.Namespace).List(ctx, metav1.ListOptions{})
		if denied != nil {
			return nil, err
		}
		found, err = nil, nil
		for n := range list.Items {
			if d := &list.Items[n]; owner.IsInjector(d) {
				found = append(found, owner.Injector{Namespace: d.Namespace, Deployment: d.Name})
			}
		}
	}
	if err != nil {
		return nil, err
	}
	var running []owner.Injector
	seen := map[Container]bool{}
	for _, i := range found {
		if at := (Container{Namespace: i.Namespace, Name: i.Deployment}); i.Deployment != "" && !seen[at] {
			seen[at] = true
			running = append(running, i)
		}
	}
	switch {
	case len(running) > 0:
		return running, nil
	case len(found) > 0:
		return nil, problem.New(problem.Failed, "kubectl falcon verify says what is wrong with it",
			"there is no Deployment of an injector, so no log: only %s", found[0])
	}
	return nil, problem.New(problem.Failed, "kubectl falcon install puts one in", "there is no injector in the cluster")
}

// containersOf lists the pods of the injectors.
func containersOf(ctx context.Context, c *kube.Cluster, all []replicas) ([]Container, error) {
	var containers []Container
	for _, r := range all {
		pods, err := c.Client.CoreV1().Pods(r.namespace).List(ctx, metav1.ListOptions{LabelSelector: r.selector})
		if err != nil {
			return nil, fmt.Errorf("list the pods of deployment/%s: %w", r.deployment, err)
		}
		for n := range pods.Items {
			pod := &pods.Items[n]
			containers = append(containers, Container{pod.Namespace, pod.Name, owner.Server(&pod.Spec).Name})
		}
	}
	if len(containers) == 0 {
		return nil, problem.New(problem.Failed, "kubectl falcon status says how it is",
			"the injector has no pods: deployment/%s in namespace %s", all[0].deployment, all[0].namespace)
	}
	return containers, nil
}

// Sidecar returns a lister of the sensor's container of a pod, or of another one that is named. The error
// says that there is no such pod, or no sensor in it.
func Sidecar(ctx context.Context, c *kube.Cluster, namespace, name, container string) (Lister, error) {
	pod, err := c.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, problem.New(problem.BadInput, "kubectl get pods -n "+namespace+" shows which there are",
			"there is no pod %q in namespace %s", name, namespace)
	}
	if err != nil {
		return nil, fmt.Errorf("read pod/%s: %w", name, err)
	}
	if container == "" {
		found := false
		if container, found = sidecar.In(&pod.Spec, ""); !found {
			return nil, problem.New(problem.Failed, "kubectl falcon explain "+name+" -n "+namespace+" says why; -c names another container",
				"pod %s/%s has no Falcon sensor", namespace, name)
		}
	} else if !has(&pod.Spec, container) {
		return nil, problem.New(problem.BadInput, "kubectl describe pod -n "+namespace+" "+name+" shows which there are",
			"pod %s/%s has no container %q", namespace, name, container)
	}
	asked := false
	return func(ctx context.Context) ([]Container, error) {
		// It is one pod: nothing comes beside it, and its reader knows its end.
		if asked {
			return nil, errEnded
		}
		asked = true
		return []Container{{namespace, name, container}}, nil
	}, nil
}

func has(spec *corev1.PodSpec, container string) bool {
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for n := range list {
			if list[n].Name == container {
				return true
			}
		}
	}
	return false
}
