//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// TestPauseWaitsForAKey runs a command as k9s does: what it printed stays until a key is pressed, and then the code is
// 0. In a pipe nobody is waited for.
func TestPauseWaitsForAKey(t *testing.T) {
	l := &lab{kubeconfig: "/absent"}
	const failing = " status --pause; echo code=$?"
	r := finish(t, l.command("sh", "-c", bin("kubectl-falcon")+failing))
	if !strings.HasSuffix(r.stdout, "code=3\n") || strings.Contains(r.stderr, "press any key") {
		t.Errorf("in a pipe: %v", r)
	}
	term := l.open(t, nil, "sh", "-c", "echo '"+prompt+"'; "+bin("kubectl-falcon")+failing+"; sleep 60")
	term.wait("the question", func(screen string) bool { return strings.Contains(screen, "press any key") })
	time.Sleep(500 * time.Millisecond)
	if screen := term.screen(); strings.Contains(screen, "code=") || !strings.Contains(screen, "error: ") {
		t.Errorf("it did not wait:\n%s", screen)
	}
	term.press("x")
	term.wait("the end", func(screen string) bool { return strings.Contains(screen, "code=0") })
}
