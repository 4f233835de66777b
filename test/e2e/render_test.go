//go:build e2e

package e2e

import (
	"encoding/base64"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// meant are the only fields in which what kubectl apply makes of our YAML differs from what install makes,
// and why, besides what no two installations have in common (see normalise): uids, times, versions, the
// certificates and their hashes, and the owner reference, which holds the uid of the namespace.
var meant = map[string]string{
	`.*: metadata\.annotations\.kubectl\.kubernetes\.io/last-applied-configuration`: "kubectl's own note",
	`secrets/(default|rendered)/crowdstrike-falcon-pull-secret: .*`:                 "only the cluster knows the namespaces in scope",
}

// differing are the lines in which two states of the cluster differ that are not meant to.
func differing(t *testing.T, applied, installed map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for key := range merged(applied, installed) {
		if applied[key] == installed[key] {
			continue
		}
		known := false
		for pattern := range meant {
			if regexp.MustCompile("^(" + pattern + ")$").MatchString(key) {
				used[pattern], known = true, true
			}
		}
		if !known {
			t.Errorf("applied YAML and install differ: %s: %q, %q", key, applied[key], installed[key])
		}
	}
	for pattern, why := range meant {
		if !used[pattern] {
			t.Errorf("no difference any more: %s (%s)", pattern, why)
		}
	}
}

// TestRenderedYAML prints the objects without a cluster, applies them with kubectl, and compares all that
// this leaves in the cluster with what install leaves. Between the two install goes over what was applied.
func TestRenderedYAML(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	nowhere, looker := &lab{kubeconfig: "/nonexistent/kubeconfig"}, looking(t, l)
	more := []string{"--provisioning-token", "file:" + write(t, "token", token+"\n"),
		"--pull-secret-file", write(t, "docker.json", dockerConfig), "--registry-ca", write(t, "ca.pem", l.authority(t)),
		"--service-account-annotation", "example.com/role=r"}
	args := good(append(more, "--tags", "b,a", "--dry-run=client")...)

	masked := nowhere.mustFalcon(t, append(args, "-o", "yaml")...)
	wantContains(t, "masked YAML", masked.stdout, "kind: MutatingWebhookConfiguration", "***", "--show-secrets")
	encoded := base64.StdEncoding.EncodeToString([]byte(token))
	wantNone(t, "masked YAML", masked.stdout+masked.stderr, token, encoded, "dXNlcjpwYXNz", "PRIVATE", base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE"))[:20])

	shown := nowhere.mustFalcon(t, append(args, "-o", "yaml", "--show-secrets")...)
	wantContains(t, "YAML", shown.stdout, encoded)
	l.apply(t, shown.stdout)
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=90s")
	ns := l.namespace(t, "rendered")
	l.pod(t, ns, "one")
	wantContains(t, "the pod", l.kubectl(t, "get", "pod", "one", "-n", ns, "-o", "yaml"), "a,b")
	applied := looker.mustState(t)
	for name := range strings.Lines(nowhere.mustFalcon(t, append(args, "-o", "name")...).stdout) {
		kind, object, _ := strings.Cut(strings.TrimSpace(name), "/")
		if !slices.ContainsFunc(slices.Collect(maps.Keys(applied)), func(key string) bool {
			return strings.HasPrefix(key, kind+"s/") && strings.Contains(key, "/"+object+": ")
		}) {
			t.Errorf("%s is not among what is compared", name)
		}
	}

	more = append(more, "--tags", "a,b")
	done, pods := l.creating(t, ns), l.injectors(t)
	over := l.mustFalcon(t, good(more...)...)
	done()
	wantContains(t, "install over applied YAML", over.stdout, "deployment/injector unchanged", "secret/injector-tls unchanged")
	if now := l.injectors(t); now != pods {
		t.Errorf("install over applied YAML rolled the pods from\n%s\nto\n%s", pods, now)
	}
	same := l.unchanged(t, "an install with another option, over applied YAML")
	other := l.falcon(t, good(append(more, "--replicas", "1")...)...)
	wantCode(t, other, 1)
	wantContains(t, "stderr", unfolded(other.stderr), `deployment/injector cannot be applied: "kubectl-client-side-apply" ("kubectl apply") owns .spec.replicas`,
		"change it in the file that is applied, or take it with --force-conflicts")
	same()
	overApplied := looker.mustState(t)
	l.mustFalcon(t, "uninstall")
	l.nothingLeft(t)

	l.mustFalcon(t, good(more...)...)
	installed := looker.mustState(t)
	differing(t, applied, installed)
	for key := range merged(overApplied, installed) {
		if overApplied[key] != installed[key] && !strings.Contains(key, "last-applied-configuration") {
			t.Errorf("install over applied YAML and install differ: %s: %q, %q", key, overApplied[key], installed[key])
		}
	}
}

// mustState is state where there is no other answer.
func (r *rig) mustState(t *testing.T) map[string]string {
	t.Helper()
	state, err := r.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return state
}

// TestRenderedForms prints the same plan as names, JSON and the server's judgement, and the difference to
// what is there.
func TestRenderedForms(t *testing.T) {
	l := shared()
	nowhere := &lab{kubeconfig: "/nonexistent/kubeconfig"}
	names := nowhere.mustFalcon(t, good("--dry-run=client", "-o", "name")...).stdout
	wantOrder(t, names, "namespace/falcon-system\n", "deployment/injector\n", "mutatingwebhookconfiguration/injector.falcon-system.svc\n")
	list := read[struct {
		Kind  string
		Items []struct{ Kind string }
	}](t, nowhere.mustFalcon(t, good("--dry-run=client", "-o", "json")...).stdout)
	if list.Kind != "List" || len(list.Items) != strings.Count(names, "\n") {
		t.Errorf("-o json is a %q of %d objects, -o name has\n%s", list.Kind, len(list.Items), names)
	}

	same := l.unchanged(t, "looking")
	wantContains(t, "a dry run", l.mustFalcon(t, good("--dry-run=server")...).stdout,
		"namespace/falcon-system created (server dry run)", "mutatingwebhookconfiguration/injector.falcon-system.svc created (server dry run)")
	d := l.falcon(t, good("--diff")...)
	wantCode(t, d, 1)
	wantContains(t, "the diff", d.stdout, "+++ installed/deployment/injector", "***")
	wantNone(t, "the diff", d.stdout, "LS0tLS1CRUdJTiBQUklWQVRF")
	same()

	l.install(t)
	same = l.unchanged(t, "looking again")
	d = l.falcon(t, good("--diff")...)
	wantCode(t, d, 0)
	if d.stdout != "" {
		t.Errorf("nothing differs, and yet --diff prints:\n%s", d.stdout)
	}
	wantNone(t, "a dry run", l.mustFalcon(t, good("--dry-run=server")...).stdout, "created", "configured")
	d = l.falcon(t, good("--diff", "--tags", "new", "--provisioning-token", "file:"+write(t, "token", "0123abcd"))...)
	wantCode(t, d, 1)
	wantContains(t, "the diff", d.stdout, "+  FALCONCTL_OPT_TAGS: new", "PROVISIONING_TOKEN: '***'")
	wantNone(t, "the diff", d.stdout, "0123abcd", base64.StdEncoding.EncodeToString([]byte("0123abcd")))
	wantCode(t, l.falcon(t, good("--diff", "--tags", "bad tag")...), 2)
	unreachable := l.falcon(t, good("--diff", "--server", "https://127.0.0.1:1")...)
	wantCode(t, unreachable, 3)
	same()
}
