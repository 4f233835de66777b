//go:build e2e

package e2e

import (
	"fmt"
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

// roleOf returns the rights that rbac prints for a command with its options.
func (l *lab) roleOf(t *testing.T, command ...string) []grant {
	t.Helper()
	printed := finish(t, l.command("kubectl", "create", "--dry-run=client", "-o", "json", "-f", write(t, "role.yaml",
		l.mustFalcon(t, append([]string{"rbac"}, command...)...).stdout)))
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

// without is what a user is called whose role has one right less.
func without(user string, n int) string { return fmt.Sprintf("e2e-%s-%d", user, n) }

// give makes a user with the printed role of the command, and one for each right that lacks only that. All
// of them go when the test ends.
func (l *lab) give(t *testing.T, user string, command ...string) []grant {
	t.Helper()
	t.Cleanup(func() {
		// There are hundreds: one request each instead of one for every object.
		for _, kind := range []string{"clusterroles", "clusterrolebindings"} {
			l.kubectl(t, "delete", "--raw", "/apis/rbac.authorization.k8s.io/v1/"+kind+"?labelSelector=e2e%3Drights")
		}
	})
	grants := l.roleOf(t, command...)
	roles := roleYAML("e2e-"+user, grants)
	for n := range grants {
		less := append(append([]grant{}, grants[:n]...), grants[n+1:]...)
		roles += roleYAML(without(user, n), less)
	}
	create := l.command("kubectl", "create", "--validate=false", "-f", "-")
	create.Stdin = strings.NewReader(roles)
	if r := finish(t, create); r.code != 0 {
		t.Fatal(r)
	}
	eventually(t, "the last role", 10*time.Second, func() (bool, string) {
		r := l.tryKubectl(t, "auth", "can-i", grants[0].verb, strings.TrimSuffix(grants[0].resource+"."+grants[0].group, "."),
			"-A", "--as", without(user, len(grants)-1))
		return r.code == 0, r.stdout
	})
	return grants
}

// each runs a command as every user that lacks one right, a few at a time, and returns the results.
func (l *lab) each(t *testing.T, user string, count int, args ...string) []result {
	t.Helper()
	results := make([]result, count)
	slots, all := make(chan struct{}, 4), sync.WaitGroup{}
	for n := range count {
		all.Go(func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			results[n] = l.falcon(t, append(args[:len(args):len(args)], "--as", without(user, n))...)
		})
	}
	all.Wait()
	return results
}

// TestMinimalRole gives a user exactly the rights that rbac prints, with which each command works, and
// then each right less, with which the command changes nothing and names that one.
func TestMinimalRole(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	grants := map[string][]grant{}
	for _, command := range []string{"install", "status", "certs", "uninstall"} {
		grants[command] = l.give(t, command, command)
	}
	less := func(command string, args ...string) { l.lacking(t, command, grants[command], args...) }
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

// lacking holds that a command changes nothing as a user that lacks one of the rights, and names that one.
func (l *lab) lacking(t *testing.T, user string, grants []grant, args ...string) {
	t.Helper()
	t.Run(user+" with a right less", func(t *testing.T) {
		same := l.unchanged(t, user)
		for n, r := range l.each(t, user, len(grants), args...) {
			g := grants[n]
			wantCode(t, r, 3)
			wantContains(t, "without "+g.verb+" "+g.resource, r.stderr, g.verb+" "+g.resource, "nothing was changed",
				"kind: ClusterRole")
		}
		same()
	})
}

// TestRolesOfOptions is TestMinimalRole for the options of install that change what rights it needs.
func TestRolesOfOptions(t *testing.T) {
	l := shared()
	t.Run("pull-secret", func(t *testing.T) {
		l.uninstallAtEnd(t)
		grants := l.give(t, "pulls", "install", "--pull-secret", pullSecret)
		in := l.namespace(t, "pulls")
		args := good("--pull-secret-file", write(t, "docker.json", dockerConfig))
		l.lacking(t, "pulls", grants, args...)
		l.mustFalcon(t, append(args, "--as", "e2e-pulls")...)
		l.kubectl(t, "get", "secret", pullSecret, "-n", in)
		// Out of scope it goes, as the same user.
		spared := l.mustFalcon(t, append(args, "--exclude-namespace", in, "--as", "e2e-pulls")...)
		wantContains(t, "install", spared.stdout, "secret/"+pullSecret+" ("+in+") deleted")
	})
	t.Run("read-pull-secrets=false", func(t *testing.T) {
		// The one before has made the role, which this user may only take away.
		l.install(t)
		l.kubectl(t, "get", "clusterrole/falcon-injector")
		grants, args := l.give(t, "unread", "install", "--read-pull-secrets=false"), good("--read-pull-secrets=false")
		l.lacking(t, "unread", grants, args...)
		spared := l.mustFalcon(t, append(args, "--as", "e2e-unread")...)
		wantContains(t, "install", spared.stdout, "clusterrole/falcon-injector deleted", "clusterrolebinding/falcon-injector deleted")
		again := l.mustFalcon(t, append(args, "--as", "e2e-unread")...)
		wantNone(t, "a second install", again.stdout, "created", "configured", "deleted")
	})
	t.Run("adopt", func(t *testing.T) {
		l.uninstallAtEnd(t)
		grants := l.give(t, "adopts", "install")
		l.byTheGuide(t)
		l.lacking(t, "adopts", grants, good("--adopt")...)
		adopted := l.mustFalcon(t, good("--adopt", "--as", "e2e-adopts")...)
		wantContains(t, "install --adopt", unfolded(adopted.stdout+adopted.stderr), "taking over", "of the guide's installer")
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
