package fargate

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// unused are namespaces of Kubernetes in which no pods run.
var unused = []string{"kube-public", "kube-node-lease"}

// CoverageRules are the rights with which the pods are read.
func CoverageRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{kube.Rule("", []string{"namespaces", "pods"}, "list")}
}

// Collect reads the namespaces and the pods that have not ended.
func Collect(ctx context.Context, c *kube.Cluster) (namespaces []string, pods []Pod, err error) {
	list, err := c.Client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, nil, err
	}
	for n := range list.Items {
		if name := list.Items[n].Name; !slices.Contains(unused, name) {
			namespaces = append(namespaces, name)
		}
	}
	slices.Sort(namespaces)
	err = c.EachPod(ctx, "", "", func() { pods = nil }, func(p *corev1.Pod) {
		if p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed && p.DeletionTimestamp == nil {
			pods = append(pods, podOf(p))
		}
	})
	return namespaces, pods, err
}

func podOf(p *corev1.Pod) Pod {
	pod := Pod{Namespace: p.Namespace, Name: p.Name, Labels: p.Labels, Node: p.Spec.NodeName, Scheduler: p.Spec.SchedulerName}
	if owner := metav1.GetControllerOf(p); owner != nil {
		pod.Owner = strings.ToLower(owner.Kind) + "/" + owner.Name
	}
	return pod
}
