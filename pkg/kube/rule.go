package kube

import rbacv1 "k8s.io/api/rbac/v1"

// Rule is a role's rule for resources of one API group; the core group is "".
func Rule(group string, resources []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
}
