//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestLastWords has the injector crash in the middle of an upgrade: what it wrote last is the reason that
// install and status show, and the pods from before serve on.
func TestLastWords(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "last-words")
	// Somebody's own variable stays through an install, since it is somebody's own.
	l.kubectl(t, "set", "env", "deployment/injector", "-n", "falcon-system", "FALCON_STANDIN_FAULT=no-such-fault")
	const words = "FALCON_STANDIN_FAULT"
	eventually(t, "status to show the crash", 40*time.Second, func() (bool, string) {
		r := l.falcon(t, "status", "-o", "json")
		return contains(r.stdout, `"trouble": "pod/injector-`, words), r.stdout
	})
	r := l.falcon(t, "install", "--cid", otherCID, "--image", sensorImage, "--timeout", "10s")
	wantCode(t, r, 124)
	wantContains(t, "install", unfolded(r.stderr), "its last words: injector: "+words, "deployment/injector is as it was before")
	wantCode(t, l.canCreatePods(t, ns), 0)
	if word, why := l.newPods(t, ns); word != "injected" {
		t.Errorf("while the new injector crashes new pods are %q: %s", word, why)
	}
}

func contains(text string, wanted ...string) bool {
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}
