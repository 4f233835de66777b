//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// copiesOf are the namespaces with a Secret of that name.
func (l *lab) copiesOf(t *testing.T, name string) string {
	t.Helper()
	return l.kubectl(t, "get", "secrets", "-A", "--field-selector=metadata.name="+name, "--no-headers", "-o", "custom-columns=N:.metadata.namespace")
}

// TestPullSecret gives a pull secret that is not there, and one that is none, before one that is; previews
// show its copies, and they go when it is called differently or not wanted any more.
func TestPullSecret(t *testing.T) {
	l := shared()
	l.kubectl(t, "create", "namespace", "falcon-system")
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", "falcon-system", "--ignore-not-found") })
	l.uninstallAtEnd(t)
	l.kubectl(t, "create", "secret", "generic", "no-pull", "-n", "falcon-system")
	same := l.unchanged(t, "pull secrets that cannot be meant")
	for name, words := range map[string]string{
		"absent":       `there is no secret "absent" in namespace falcon-system`,
		"no-pull":      `secret "no-pull" in namespace falcon-system is not of type kubernetes.io/dockerconfigjson`,
		"injector-tls": "is the name of a Secret that install makes itself",
	} {
		r := l.falcon(t, good("--pull-secret", name)...)
		wantCode(t, r, 2)
		wantContains(t, name, unfolded(r.stderr), "--pull-secret", words)
		wantNone(t, name, r.stdout+r.stderr, "taking back", "created")
	}
	same()

	file := write(t, "docker.json", dockerConfig)
	first := good("--pull-secret-file", file, "--pull-secret", "pull-one")
	l.mustFalcon(t, first...)
	wantCode(t, l.falcon(t, append(first, "--diff")...), 0)
	young := l.namespace(t, "pull-young")
	diff := l.falcon(t, append(first, "--diff")...)
	wantCode(t, diff, 1)
	wantContains(t, "--diff", diff.stdout, "+++ installed/secret/pull-one ("+young+")")
	wantNone(t, "--diff", diff.stdout, "dXNlcjpwYXNz")
	second := good("--pull-secret-file", file, "--pull-secret", "pull-two")
	preview := l.mustFalcon(t, append(second, "--dry-run=server")...)
	wantContains(t, "--dry-run=server", preview.stdout, "secret/pull-two ("+young+") created (server dry run)",
		"secret/pull-one (default) deleted (server dry run)", "secret/pull-one deleted (server dry run)")
	l.mustFalcon(t, second...)
	if left := l.copiesOf(t, "pull-one"); left != "" {
		t.Errorf("under its earlier name it is left in %s", left)
	}
	wantContains(t, "namespaces with the pull secret", l.copiesOf(t, "pull-two"), young, "default", "falcon-system")
	none := l.mustFalcon(t, good()...)
	wantContains(t, "an install without it", none.stdout, "secret/pull-two ("+young+") deleted")
	if left := l.copiesOf(t, "pull-two"); left != "" {
		t.Errorf("it is left in %s", left)
	}
	wantCode(t, l.falcon(t, good("--diff")...), 0)

	// The namespace is somebody else's, so what install wrote on it goes.
	l.mustFalcon(t, "uninstall")
	if labels := l.kubectl(t, "get", "namespace", "falcon-system", "-o", "jsonpath={.metadata.labels}"); strings.Contains(labels, injectionKey) {
		t.Errorf("its labels are %s", labels)
	}
}
