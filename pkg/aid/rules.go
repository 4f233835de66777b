package aid

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Rules are the rights with which pods are found and asked. Those on the injector's settings are for sensors of
// unknown names and for comparing customer ids, and can be left out.
func Rules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		kube.Rule("", []string{"pods"}, "get", "list"),
		kube.Rule("", []string{"pods/exec"}, "get", "create"),
		kube.Rule("apps", []string{"deployments"}, "get", "list"),
		kube.Rule("apps", []string{"replicasets", "statefulsets", "daemonsets"}, "get"),
		kube.Rule("batch", []string{"jobs"}, "get", "list"),
		kube.Rule("batch", []string{"cronjobs"}, "get"),
		kube.Rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "list"),
		kube.Rule("", []string{"configmaps", "services"}, "get"),
	}
}
