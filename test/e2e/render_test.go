//go:build e2e

package e2e

import (
	"encoding/base64"
	"strings"
	"testing"
)

// meant are the fields in which what kubectl apply makes of our YAML is meant to differ from what install
// makes.
var meant = []string{
	"ownerReferences",        // Only the cluster knows the namespace's uid.
	"crt", "key", "caBundle", // Fresh ones each time.
	"kubectl-falcon.github.io/certificate", // The certificate's hash.
}

// TestRenderedYAML prints the objects without a cluster, applies them with kubectl, and compares what
// that gives with what install makes.
func TestRenderedYAML(t *testing.T) {
	l := shared
	l.uninstallAtEnd(t)
	nowhere := &lab{kubeconfig: "/nonexistent/kubeconfig"}
	token := write(t, "token", "0123abcd\n")
	args := good("--tags", "b,a", "--provisioning-token", "file:"+token, "--dry-run=client")

	masked := nowhere.mustFalcon(t, append(args, "-o", "yaml")...)
	wantContains(t, "masked YAML", masked.stdout, "kind: MutatingWebhookConfiguration", "***", "--show-secrets")
	encoded := base64.StdEncoding.EncodeToString([]byte("0123abcd"))
	wantNone(t, "masked YAML", masked.stdout+masked.stderr, "0123abcd", encoded, "PRIVATE", base64.StdEncoding.EncodeToString([]byte("-----BEGIN PRIVATE"))[:20])

	shown := nowhere.mustFalcon(t, append(args, "-o", "yaml", "--show-secrets")...)
	wantContains(t, "YAML", shown.stdout, encoded)
	l.apply(t, shown.stdout)
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=90s")
	ns := l.namespace(t, "rendered")
	l.pod(t, ns, "one")
	wantContains(t, "the pod", l.kubectl(t, "get", "pod", "one", "-n", ns, "-o", "yaml"), "a,b")
	applied := l.objects(t)
	l.mustFalcon(t, "uninstall")
	l.nothingLeft(t)

	l.mustFalcon(t, good("--tags", "a,b", "--provisioning-token", "file:"+token)...)
	for _, line := range diff(applied, l.objects(t)) {
		known := false
		for _, word := range meant {
			known = known || strings.Contains(line, word)
		}
		if !known {
			t.Errorf("applied YAML and install differ: %s", line)
		}
	}
}

// TestRenderedForms prints the same plan as names, JSON and the server's judgement, and the difference to
// what is there.
func TestRenderedForms(t *testing.T) {
	l := shared
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
