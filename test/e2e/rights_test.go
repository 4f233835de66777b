//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// grant is one right of a printed role: a verb on a resource.
type grant struct{ group, resource, verb string }

// role is a ClusterRole as rbac prints it.
type role struct {
	Rules []struct{ APIGroups, Resources, Verbs []string }
}

// binding gives the role of the name to the user of the same name.
const binding = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: %[1]s, labels: {e2e: rights}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: %[1]s}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: %[1]s}]
`

// roleOf returns the rights that rbac prints for a command.
func (l *lab) roleOf(t *testing.T, command string) []grant {
	t.Helper()
	printed := finish(t, l.command("kubectl", "create", "--dry-run=client", "-o", "json", "-f", write(t, "role.yaml",
		l.mustFalcon(t, "rbac", command).stdout)))
	wantCode(t, printed, 0)
	var all []grant
	for _, rule := range read[role](t, printed.stdout).Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				all = append(all, grant{rule.APIGroups[0], resource, verb})
			}
		}
	}
	return all
}

func roleYAML(name string, grants []grant) string {
	var b strings.Builder
	fmt.Fprintf(&b, "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: %s, labels: {e2e: rights}}\nrules:\n", name)
	for _, g := range grants {
		fmt.Fprintf(&b, "- {apiGroups: [%q], resources: [%q], verbs: [%q]}\n", g.group, g.resource, g.verb)
	}
	fmt.Fprintf(&b, binding, name)
	return b.String()
}

// without is what a role is called that has one right less.
func without(command string, n int) string { return fmt.Sprintf("e2e-%s-%d", command, n) }

// give makes a user with the printed role of the command, and one for each right that lacks only that.
func (l *lab) give(t *testing.T, command string) []grant {
	t.Helper()
	grants := l.roleOf(t, command)
	roles := roleYAML("e2e-"+command, grants)
	for n := range grants {
		less := append(append([]grant{}, grants[:n]...), grants[n+1:]...)
		roles += roleYAML(without(command, n), less)
	}
	create := l.command("kubectl", "create", "--validate=false", "-f", "-")
	create.Stdin = strings.NewReader(roles)
	if r := finish(t, create); r.code != 0 {
		t.Fatal(r)
	}
	eventually(t, "the last role", 10*time.Second, func() (bool, string) {
		r := l.tryKubectl(t, "auth", "can-i", "list", "pods", "-A", "--as", without(command, 0))
		return r.code == 0, r.stdout
	})
	return grants
}

// each runs a command as every user that lacks one right, a few at a time, and returns the results.
func (l *lab) each(t *testing.T, command string, count int, args ...string) []result {
	t.Helper()
	results := make([]result, count)
	slots, all := make(chan struct{}, 4), sync.WaitGroup{}
	for n := range count {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[n] = l.falcon(t, append(args, "--as", without(command, n))...)
		})
	}
	all.Wait()
	return results
}

// TestMinimalRole gives a user exactly the rights that rbac prints, with which each command works, and
// then each right less, with which the command changes nothing and names that one.
func TestMinimalRole(t *testing.T) {
	l := shared
	l.uninstallAtEnd(t)
	t.Cleanup(func() {
		// There are hundreds: one request each instead of one for every object.
		for _, kind := range []string{"clusterroles", "clusterrolebindings"} {
			l.kubectl(t, "delete", "--raw", "/apis/rbac.authorization.k8s.io/v1/"+kind+"?labelSelector=e2e%3Drights")
		}
	})
	grants := map[string][]grant{}
	for _, command := range []string{"install", "status", "certs", "uninstall"} {
		grants[command] = l.give(t, command)
	}
	less := func(command string, args ...string) {
		t.Run(command+" with a right less", func(t *testing.T) {
			same := l.unchanged(t, command)
			for n, r := range l.each(t, command, len(grants[command]), args...) {
				g := grants[command][n]
				wantCode(t, r, 3)
				wantContains(t, "without "+g.verb+" "+g.resource, r.stderr, g.verb+" "+g.resource, "nothing was changed",
					"kind: ClusterRole")
			}
			same()
		})
	}
	works := func(command string, args ...string) {
		t.Run(command, func(t *testing.T) {
			l.mustFalcon(t, append(args, "--as", "e2e-"+command)...)
		})
	}
	less("install", good()...)
	works("install", good()...)
	// If that did not work the rest still says what it can.
	l.mustFalcon(t, good()...)
	works("status", "status")
	works("status", "certs")
	t.Run("status with a right less", func(t *testing.T) { l.statusWithLess(t, grants["status"]) })
	t.Run("break-glass", func(t *testing.T) { l.glassRole(t) })
	less("certs", "certs", "rotate")
	works("certs", "certs", "rotate")
	t.Run("rollback", func(t *testing.T) {
		r := l.falcon(t, good("--image", registry+"/no-such-image:1", "--timeout", "2s", "--as", "e2e-install")...)
		wantCode(t, r, 124)
		wantContains(t, "stderr", r.stderr, "nothing of this run is left")
	})
	less("uninstall", "uninstall")
	t.Run("uninstall", func(t *testing.T) {
		r := l.mustFalcon(t, "uninstall", "--as", "e2e-uninstall")
		l.namespaceKept(t, r)
	})
	t.Run("rollback of a first install", func(t *testing.T) {
		r := l.falcon(t, good("--image", registry+"/no-such-image:1", "--timeout", "2s", "--as", "e2e-install")...)
		wantCode(t, r, 124)
		l.namespaceKept(t, r)
	})
}

// glassRole breaks the glass with the printed role, which gives that one object's patch and nothing else.
func (l *lab) glassRole(t *testing.T) {
	t.Helper()
	l.apply(t, l.mustFalcon(t, "rbac", "break-glass").stdout)
	l.apply(t, "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {name: kubectl-falcon-break-glass}\n"+
		"roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: kubectl-falcon-break-glass}\n"+
		"subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: e2e-glass}]\n")
	t.Cleanup(func() {
		l.kubectl(t, "delete", "clusterrole/kubectl-falcon-break-glass", "clusterrolebinding/kubectl-falcon-break-glass")
	})
	eventually(t, "the role", 10*time.Second, func() (bool, string) {
		r := l.falcon(t, "uninstall", "--break-glass", "--as", "e2e-glass")
		return r.code == 0, r.stderr
	})
	wantCode(t, l.falcon(t, "status", "--as", "e2e-glass"), 3)
	wantContains(t, "status", unfolded(l.falcon(t, "status").stdout), "glass broken by")
	l.mustFalcon(t, good()...)
}

// namespaceKept holds that all but the namespace is gone: whether that is empty, only somebody can know who
// may list everything, which the role does not give. The command to delete it is printed, and works.
func (l *lab) namespaceKept(t *testing.T, r result) {
	t.Helper()
	const command = "kubectl delete namespace falcon-system"
	wantContains(t, "stderr", unfolded(r.stderr), "kept: you may not list all that could be in it", command)
	if again := finish(t, l.command("sh", "-c", command)); again.code != 0 {
		t.Error(again)
	}
	l.nothingLeftBut(t, "e2e-")
}

// statusWithLess asks for the state and the certificates, each right missing once: one of the two commands
// needs it, and names it.
func (l *lab) statusWithLess(t *testing.T, grants []grant) {
	t.Helper()
	status := l.each(t, "status", len(grants), "status")
	certs := l.each(t, "status", len(grants), "certs")
	for n, g := range grants {
		// Which of the two verbs port-forwarding takes depends on the API server's version; events are only
		// looked at when an injector does not come up.
		if g.resource == "pods/portforward" && g.verb == "get" || g.resource == "events" {
			continue
		}
		if status[n].code == 0 && certs[n].code == 0 {
			t.Errorf("neither status nor certs needs %s %s, which rbac status gives", g.verb, g.resource)
			continue
		}
		for _, r := range []result{status[n], certs[n]} {
			if r.code == 0 {
				continue
			}
			if r.code != 3 && r.stderr != "" && !strings.Contains(g.resource, "portforward") {
				t.Errorf("without %s %s the exit code is %d: %v", g.verb, g.resource, r.code, r)
			}
			wantContains(t, "without "+g.verb+" "+g.resource, r.stderr+r.stdout, g.verb, g.resource)
		}
	}
}

// nothingLeftBut is nothingLeft where the test has objects of its own.
func (l *lab) nothingLeftBut(t *testing.T, own string) {
	t.Helper()
	for line := range strings.Lines(l.kubectl(t, "get", "namespaces,mutatingwebhookconfigurations,clusterroles,clusterrolebindings", "-o", "name")) {
		if strings.Contains(line, "falcon") || strings.Contains(line, "injector") {
			if !strings.Contains(line, own) {
				t.Errorf("left in the cluster: %s", line)
			}
		}
	}
}

// inTrouble are rights that only a run which does not get through needs.
var inTrouble = []grant{
	{"", "pods/log", "get"}, {"", "events", "list"},
	// For the label on a namespace that somebody else made.
	{"", "namespaces", "patch"},
	// Old API servers take port-forwarding over SPDY alone, which is the other verb.
	{"", "pods/portforward", "get"}, {"", "pods/portforward", "create"},
}

// asked is the right that a request needs.
func asked(r *http.Request) grant {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	g := grant{}
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		g.group, parts = parts[1], parts[3:]
	default:
		return g
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	g.resource = parts[0]
	if len(parts) > 2 {
		g.resource += "/" + parts[2]
	}
	g.verb = map[string]string{"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[r.Method]
	if g.verb == "get" && len(parts) == 1 {
		g.verb = "list"
	}
	return g
}

// TestNoRightTooMany watches what the commands ask the API server for: rbac gives nothing that nobody asks
// for. What install needs when it fails is more than one run can show, so it is left out.
func TestNoRightTooMany(t *testing.T) {
	l := shared
	l.install(t)
	l.pod(t, l.namespace(t, "rights-used"), "one")
	var mu sync.Mutex
	var used []grant
	through := *l
	through.kubeconfig = proxied(t, l.kubeconfig, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		used = append(used, asked(r))
	})
	for _, c := range []struct {
		role string
		runs [][]string
	}{
		{"status", [][]string{{"status"}, {"certs"}}},
		{"certs", [][]string{{"certs", "rotate"}}},
		{"uninstall", [][]string{{"uninstall", "--dry-run"}, {"uninstall"}}},
	} {
		t.Run(c.role, func(t *testing.T) {
			used = nil
			for _, args := range c.runs {
				through.mustFalcon(t, args...)
			}
			for _, g := range l.roleOf(t, c.role) {
				if !slices.Contains(used, g) && !slices.Contains(inTrouble, g) {
					t.Errorf("rbac %s gives %s %s, which nothing asks for", c.role, g.verb, g.resource)
				}
			}
		})
	}
}
