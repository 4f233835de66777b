package irsa

import (
	"context"
	"strings"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// varRole is the variable by which EKS's webhook tells a container its role, when its pod is created.
const varRole = "AWS_ROLE_ARN"

// varIdentity is the one by which EKS tells a container where the agent of EKS Pod Identity is.
const varIdentity = "AWS_CONTAINER_CREDENTIALS_FULL_URI"

// InCluster is what the cluster says about the ServiceAccount.
type InCluster struct {
	// Unread is why nothing is known.
	Unread string
	// There says that the ServiceAccount exists, Annotation which role it names.
	There      bool
	Annotation string
	// Pods are the running pods that have it, each with the role that it was created with.
	Pods map[string]string
	// Identities are the same, with whether they were created with a role by EKS Pod Identity.
	Identities map[string]bool
}

// CheckRules are the rights with which the cluster's part is read.
func CheckRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		kube.Rule("", []string{"serviceaccounts"}, "get"),
		kube.Rule("", []string{"pods"}, "list"),
	}
}

// Collect reads the ServiceAccount and the pods that have it.
func Collect(ctx context.Context, c *kube.Cluster, namespace, name string) (InCluster, error) {
	in := InCluster{Pods: map[string]string{}, Identities: map[string]bool{}}
	account, err := c.Client.CoreV1().ServiceAccounts(namespace).Get(ctx, name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return in, nil
	}
	if err != nil {
		return in, err
	}
	in.There, in.Annotation = true, account.Annotations[Annotation]
	err = c.EachPod(ctx, namespace, "", func() { clear(in.Pods); clear(in.Identities) }, func(p *corev1.Pod) {
		if p.Spec.ServiceAccountName == name && p.DeletionTimestamp == nil && p.Status.Phase != corev1.PodSucceeded && p.Status.Phase != corev1.PodFailed {
			in.Pods[p.Name] = variable(p, varRole)
			in.Identities[p.Name] = variable(p, varIdentity) != ""
		}
	})
	return in, err
}

func variable(p *corev1.Pod, name string) string {
	for _, c := range p.Spec.Containers {
		for _, v := range c.Env {
			if v.Name == name {
				return v.Value
			}
		}
	}
	return ""
}

// check adds the links in the cluster.
func (in *InCluster) check(chain *Chain) {
	install := "kubectl falcon install --service-account-annotation " + Annotation + "=" + or(chain.Role, "ARN") + " and what it was given before"
	switch {
	case in.Unread != "":
		chain.unknown(in.Unread, "annotation", "pods")
		return
	case !in.There:
		chain.add("annotation", false, install, "there is no ServiceAccount %s in the cluster", chain.ServiceAccount)
	case in.Annotation == "":
		chain.add("annotation", false, install, "the ServiceAccount %s has no annotation %s", chain.ServiceAccount, Annotation)
	case chain.Role != "" && in.Annotation != chain.Role:
		chain.add("annotation", false, install, "the ServiceAccount %s names the role %s instead of %s", chain.ServiceAccount, in.Annotation, chain.Role)
	default:
		chain.add("annotation", true, "", "the ServiceAccount names the role")
		in.checkPods(chain)
		return
	}
	chain.unknown("the ServiceAccount does not name the role", "pods")
}

// checkPods looks whether pods got the role: they do when they are created, or never.
func (in *InCluster) checkPods(chain *Chain) {
	if len(in.Pods) == 0 {
		chain.unknown("no pod of the ServiceAccount runs", "pods")
		return
	}
	for pod, role := range in.Pods {
		if role != in.Annotation {
			namespace, name, _ := strings.Cut(chain.ServiceAccount, "/")
			chain.add("pods", false, "kubectl rollout restart -n "+namespace+" deployment/"+name,
				"the pod %s was created with %s", pod, or(role, "no role"))
			return
		}
	}
	chain.add("pods", true, "", "%d running with the role", len(in.Pods))
}
