package sensor

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// PullSecretRules are the rights with which pull secrets are created and kept.
func PullSecretRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{kube.Rule("", []string{"secrets"}, "get", "create", "patch")}
}
