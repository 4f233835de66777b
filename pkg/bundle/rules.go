package bundle

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Rules are the rights with which a bundle lacks nothing.
func Rules() []rbacv1.PolicyRule {
	return append(verify.Rules(verify.Parts{Canary: true, Leftovers: true}), kube.Rule("", []string{"pods/log"}, "get"))
}
