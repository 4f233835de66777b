package verify

import (
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Rules are the rights with which nothing is left out of a snapshot with these parts. With fewer, the
// checks that need what is missing are skipped and say so. Pods are only created as a dry run.
func Rules(p Parts) []rbacv1.PolicyRule {
	pods := []string{"list", "watch"}
	if p.Canary || p.Deep {
		pods = append(pods, "create")
	}
	rules := []rbacv1.PolicyRule{
		kube.Rule("", []string{"namespaces"}, "get", "list"),
		kube.Rule("", []string{"pods"}, pods...),
		kube.Rule("", []string{"configmaps", "events", "resourcequotas", "limitranges"}, "list"),
		kube.Rule("", []string{"services"}, "get"),
		// The injector's certificate and, where pods name a pull secret, that one and where it is.
		kube.Rule("", []string{"secrets"}, "get", "list"),
		kube.Rule("apps", []string{"deployments"}, "list"),
		kube.Rule("apps", []string{"daemonsets"}, "get", "list"),
		kube.Rule("apps", []string{"replicasets", "statefulsets"}, "get"),
		kube.Rule("batch", []string{"jobs"}, "get"),
		kube.Rule("policy", []string{"poddisruptionbudgets"}, "list"),
		kube.Rule("networking.k8s.io", []string{"networkpolicies"}, "list"),
		kube.Rule("discovery.k8s.io", []string{"endpointslices"}, "list"),
		kube.Rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "list"),
		kube.Rule("falcon.crowdstrike.com", []string{"falconcontainers"}, "list"),
	}
	if p.Deep {
		rules = append(rules, kube.Rule("", []string{"pods/portforward"}, "get", "create"), kube.Rule("", []string{"nodes"}, "list"))
	}
	if p.AIDs {
		rules = append(rules, kube.Rule("", []string{"pods/exec"}, "get", "create"))
	}
	if p.Leftovers {
		rules = append(rules, kube.Rule("rbac.authorization.k8s.io", []string{"clusterroles", "clusterrolebindings"}, "list"))
	}
	if p.AWS {
		rules = append(rules, kube.Rule("", []string{"nodes"}, "list"), kube.Rule("", []string{"serviceaccounts"}, "get"))
	}
	if p.Pre {
		rules = append(rules, inject.InstallRules(manifest.Defaults())...)
	}
	return rules
}
