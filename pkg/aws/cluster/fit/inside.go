package fit

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// computeKey says on nodes and pods which kind of compute they are for, or are.
const computeKey = "eks.amazonaws.com/compute-type"

// lookTimeout is how long one question to an API server may take: many can be reached only from their VPC.
const lookTimeout = 15 * time.Second

// Rules are the rights with which a look inside works.
func Rules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		kube.Rule("", []string{"nodes"}, "list"),
		kube.Rule("", []string{"pods"}, "list"),
		kube.Rule("apps", []string{"deployments"}, "get"),
	}
}

// Look asks Kubernetes what is known only there.
func Look(ctx context.Context, client clientset.Interface) (*Inside, error) {
	nodes, err := client.CoreV1().Nodes().List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	in := &Inside{}
	for n := range nodes.Items {
		if nodes.Items[n].Labels[computeKey] != "fargate" {
			in.Nodes++
		}
	}
	d, err := client.AppsV1().Deployments("kube-system").Get(ctx, "coredns", metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return in, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look up CoreDNS: %w", err)
	}
	in.DNS = &DNS{Labels: d.Spec.Template.Labels, Compute: d.Spec.Template.Annotations[computeKey], Wanted: 1, Ready: d.Status.ReadyReplicas}
	if d.Spec.Replicas != nil {
		in.DNS.Wanted = *d.Spec.Replicas
	}
	if in.DNS.Ready < in.DNS.Wanted {
		in.DNS.Trouble = trouble(ctx, client, d.Spec.Selector)
	}
	return in, nil
}

// trouble is why a pod of a deployment does not come up, if that shows.
func trouble(ctx context.Context, client clientset.Interface, of *metav1.LabelSelector) string {
	pods, err := client.CoreV1().Pods("kube-system").List(ctx, metav1.ListOptions{LabelSelector: metav1.FormatLabelSelector(of)})
	if err != nil {
		return ""
	}
	for n := range pods.Items {
		if pods.Items[n].Status.Phase == corev1.PodSucceeded {
			continue
		}
		if why := kube.Trouble(&pods.Items[n]); why != "" {
			return why
		}
	}
	return ""
}

// Connect is a client for a cluster that no kubeconfig knows: server is the address of its API server, ca the
// certificate of that in PEM.
func Connect(server string, ca []byte, token, agent string) (clientset.Interface, error) {
	return clientset.NewForConfig(&rest.Config{Host: server, TLSClientConfig: rest.TLSClientConfig{CAData: ca}, BearerToken: token,
		UserAgent: agent, Timeout: lookTimeout})
}
