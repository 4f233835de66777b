package demo

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/logs"
)

// Rules are the rights with which the demo runs and is removed, in a namespace of its own. Without those on
// the injector's log the rest of the chain is shown all the same.
func Rules() []rbacv1.PolicyRule {
	return append(logs.Rules(),
		kube.Rule("", []string{"namespaces", "resourcequotas"}, "get", "list", "create", "patch", "delete"),
		kube.Rule("apps", []string{"deployments"}, "get", "list", "create", "patch", "delete"),
		kube.Rule("networking.k8s.io", []string{"networkpolicies"}, "get", "list", "create", "patch", "delete"),
		kube.Rule("", []string{"serviceaccounts"}, "get"),
		// For a pod in dry run, by which it is known whether Fargate takes it.
		kube.Rule("", []string{"nodes"}, "list"),
		kube.Rule("", []string{"pods"}, "create"),
		// The agent id comes from the sensor itself.
		kube.Rule("", []string{"pods/exec"}, "get", "create"))
}
