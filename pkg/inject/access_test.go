package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"

	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Whoever gives rights gets exactly what is missing, ready to be applied.
func TestForbiddenNamesWhatIsMissingAndTheRoleThatGrantsIt(t *testing.T) {
	err := forbidden([]right{{"", "secrets", "get"}, {"apps", "deployments", "list"}, {"", "secrets", "delete"}, {"", "pods/portforward", "get"}}, "rotate")
	p := wantProblem(t, err, problem.NoAccess, "4 rights in the whole cluster", "get secrets, list deployments, delete secrets, get pods/portforward", "--as")
	m, ok := errors.AsType[*Missing](err)
	if !ok || m.Error() != p.Error() {
		t.Fatalf("got %v", err)
	}
	const want = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata:
  name: kubectl-falcon-rotate
rules:
- apiGroups:
  - ""
  resources:
  - secrets
  verbs:
  - get
  - delete
- apiGroups:
  - apps
  resources:
  - deployments
  verbs:
  - list
- apiGroups:
  - ""
  resources:
  - pods/portforward
  verbs:
  - get
`
	if string(m.Role) != want {
		t.Errorf("the role is\n%s", m.Role)
	}
}

func TestForbiddenNamesAFewOfMany(t *testing.T) {
	var many []right
	for range 9 {
		many = append(many, right{"", "secrets", "get"})
	}
	if err := forbidden(many, "install"); !strings.HasSuffix(err.Error(), "get secrets and 3 more") {
		t.Errorf("it says %v", err)
	}
	if err := forbidden(many[:1], "install"); !strings.Contains(err.Error(), "you lack 1 right in the whole cluster: get secrets") {
		t.Errorf("it says %v", err)
	}
}

func TestRoleCanBeReadBack(t *testing.T) {
	for name, rules := range map[string][]rbacv1.PolicyRule{"install": InstallRules(goodOptions()), "uninstall": UninstallRules(),
		"rotate": RotateRules(), "status": StatusRules()} {
		text, err := Role(name, rules)
		if err != nil {
			t.Fatal(err)
		}
		var role rbacv1.ClusterRole
		if err := yaml.UnmarshalStrict(text, &role); err != nil || role.Name != name || len(role.Rules) != len(rules) {
			t.Errorf("%s: %v\n%s", name, err, text)
		}
		for _, r := range role.Rules {
			if slices.Contains(r.Verbs, "*") || slices.Contains(r.Resources, "*") || len(r.Verbs) == 0 {
				t.Errorf("%s: the rule %v is too wide or empty", name, r)
			}
		}
	}
}

// Less is asked for where less is done.
func TestInstallRulesFollowTheOptions(t *testing.T) {
	has := func(o Options, resource, verb string) bool {
		return slices.ContainsFunc(InstallRules(o), func(r rbacv1.PolicyRule) bool {
			return slices.Contains(r.Resources, resource) && slices.Contains(r.Verbs, verb)
		})
	}
	o := goodOptions()
	if !has(o, "clusterroles", "create") || has(o, "secrets", "list") {
		t.Error("by default it makes a role and lists no secrets")
	}
	o.ReadPullSecrets, o.PullSecret = false, "pull"
	if has(o, "clusterroles", "create") || !has(o, "secrets", "list") {
		t.Error("it makes no role, and lists its copies of the pull secret")
	}
}

// What only looks must not be stopped half way either.
func TestRulesOfRotateAndStatusSuffice(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.put(injectorPod("injector-1", ""))
	c.rules = StatusRules()
	if _, err := Status(t.Context(), client); err != nil {
		t.Error(err)
	}
	if _, err := Certificates(t.Context(), client); err != nil {
		t.Error(err)
	}
	c.rules = RotateRules()
	if _, err := rotate(t, client, goodHow().Timeout); err != nil {
		t.Error(err)
	}
	if len(c.lacked) > 0 {
		t.Errorf("the rules lack %q", c.lacked)
	}
}
