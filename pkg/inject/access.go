package inject

import (
	"context"
	"fmt"
	"slices"
	"strings"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// reviewsAtOnce bounds the questions that are asked of the server at the same time.
const reviewsAtOnce = 10

func rule(group string, resources []string, verbs ...string) rbacv1.PolicyRule {
	return rbacv1.PolicyRule{APIGroups: []string{group}, Resources: resources, Verbs: verbs}
}

// InstallRules are the rights that an installation needs, rollback and proofs included. Whoever makes a
// role must hold what it grants: that is why secrets are to be read in the whole cluster.
func InstallRules(o Options) []rbacv1.PolicyRule {
	secrets := []string{"get", "create", "patch", "update", "delete"}
	if o.PullSecret != "" {
		secrets = append(secrets, "list")
	}
	own := []string{"get", "create", "patch", "update", "delete"}
	listed := append([]string{"list"}, own...)
	rules := []rbacv1.PolicyRule{
		rule("", []string{"namespaces", "configmaps"}, listed...),
		rule("", []string{"serviceaccounts", "services"}, own...),
		rule("", []string{"secrets"}, secrets...),
		rule("", []string{"pods"}, "list", "create"),
		rule("", []string{"pods/portforward"}, "get", "create"),
		rule("", []string{"pods/log"}, "get"),
		rule("", []string{"events"}, "list"),
		rule("apps", []string{"deployments"}, listed...),
		rule("apps", []string{"replicasets"}, "list"),
		rule("policy", []string{"poddisruptionbudgets"}, own...),
		rule("discovery.k8s.io", []string{"endpointslices"}, "list"),
		rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, listed...),
	}
	roles := own
	if !o.ReadPullSecrets {
		// One from an installation before is taken away.
		roles = []string{"get", "delete"}
	}
	return append(rules, rule("rbac.authorization.k8s.io", []string{"clusterroles", "clusterrolebindings"}, roles...))
}

// UninstallRules are the rights that the removal needs, the look for what is left included.
func UninstallRules() []rbacv1.PolicyRule {
	gone := []string{"get", "delete"}
	return []rbacv1.PolicyRule{
		// The label on a namespace of somebody else is taken off.
		rule("", []string{"namespaces"}, "list", "get", "patch", "delete"),
		rule("", []string{"configmaps", "secrets"}, "list", "get", "delete"),
		rule("", []string{"serviceaccounts", "services"}, gone...),
		rule("", []string{"pods"}, "list", "create"),
		rule("apps", []string{"deployments"}, "list", "get", "delete"),
		rule("apps", []string{"replicasets"}, "list"),
		rule("policy", []string{"poddisruptionbudgets"}, gone...),
		rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "list", "get", "delete"),
		rule("rbac.authorization.k8s.io", []string{"clusterroles", "clusterrolebindings"}, "list", "get", "delete"),
	}
}

// RotateRules are the rights that a rotation of certificates needs.
func RotateRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("", []string{"namespaces"}, "get", "list"),
		rule("", []string{"services"}, "get"),
		rule("", []string{"secrets"}, "get", "update"),
		rule("", []string{"pods"}, "list"),
		rule("", []string{"pods/portforward"}, "get", "create"),
		rule("", []string{"pods/log"}, "get"),
		rule("", []string{"events"}, "list"),
		rule("apps", []string{"deployments"}, "get", "list", "update"),
		rule("discovery.k8s.io", []string{"endpointslices"}, "list"),
		rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "get", "list", "update"),
	}
}

// StatusRules are the rights that status and the view of the certificates need.
func StatusRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		rule("", []string{"namespaces"}, "get", "list"),
		rule("", []string{"services", "secrets", "configmaps"}, "get"),
		rule("", []string{"pods"}, "list"),
		rule("", []string{"pods/portforward"}, "get", "create"),
		rule("", []string{"events"}, "list"),
		rule("apps", []string{"deployments"}, "get", "list"),
		rule("discovery.k8s.io", []string{"endpointslices"}, "list"),
		rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "get", "list"),
	}
}

// GlassRules are the one right that BreakGlass needs, on the one object that it changes.
func GlassRules() []rbacv1.PolicyRule {
	r := rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "patch")
	r.ResourceNames = []string{WebhookName}
	return []rbacv1.PolicyRule{r}
}

// Role is a cluster role with the rules, as YAML to be applied.
func Role(name string, rules []rbacv1.PolicyRule) ([]byte, error) {
	return yaml.Marshal(&rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Rules:      rules,
	})
}

// right is one verb on one resource.
type right struct{ group, resource, verb string }

func (r right) String() string { return r.verb + " " + r.resource }

// Permitted asks the server for every right of the rules, and returns an error that names those which are
// missing, with a role that grants them.
func Permitted(ctx context.Context, c *kube.Cluster, rules []rbacv1.PolicyRule, what string) error {
	var wanted []right
	for _, r := range rules {
		for _, resource := range r.Resources {
			for _, verb := range r.Verbs {
				wanted = append(wanted, right{r.APIGroups[0], resource, verb})
			}
		}
	}
	denied := make([]bool, len(wanted))
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(reviewsAtOnce)
	for n, w := range wanted {
		all.Go(func() (err error) {
			denied[n], err = isDenied(ctx, c, w)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	var missing []right
	for n, no := range denied {
		if no {
			missing = append(missing, wanted[n])
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return forbidden(missing, what)
}

func isDenied(ctx context.Context, c *kube.Cluster, r right) (bool, error) {
	resource, sub, _ := strings.Cut(r.resource, "/")
	review, err := c.Client.AuthorizationV1().SelfSubjectAccessReviews().Create(ctx, &authorizationv1.SelfSubjectAccessReview{
		Spec: authorizationv1.SelfSubjectAccessReviewSpec{ResourceAttributes: &authorizationv1.ResourceAttributes{
			Group: r.group, Resource: resource, Subresource: sub, Verb: r.verb}},
	}, metav1.CreateOptions{})
	if err != nil {
		return false, fmt.Errorf("ask for the right to %s: %w", r, err)
	}
	return !review.Status.Allowed, nil
}

// Missing is the error of rights that are not there.
type Missing struct {
	problem *problem.Error
	// Role grants them: YAML for whoever may give rights.
	Role []byte
}

// Error names the rights.
func (m *Missing) Error() string { return m.problem.Error() }

// Unwrap returns the problem, with its advice.
func (m *Missing) Unwrap() error { return m.problem }

func forbidden(missing []right, what string) error {
	var names []string
	var rules []rbacv1.PolicyRule
	for _, r := range missing {
		names = append(names, r.String())
		n := slices.IndexFunc(rules, func(p rbacv1.PolicyRule) bool {
			return p.APIGroups[0] == r.group && p.Resources[0] == r.resource
		})
		if n < 0 {
			rules = append(rules, rule(r.group, []string{r.resource}))
			n = len(rules) - 1
		}
		rules[n].Verbs = append(rules[n].Verbs, r.verb)
	}
	// Marshalling a role of plain strings cannot fail.
	role, _ := Role("kubectl-falcon-"+what, rules)
	return &Missing{Role: role, problem: problem.New(problem.NoAccess,
		"have a cluster admin grant them with the role above, or act as someone who has them (--context, --as)",
		"nothing was changed: you lack %s in the whole cluster: %s", count(len(missing), "right"), list(names, 6))}
}
