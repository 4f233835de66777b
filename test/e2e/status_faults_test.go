//go:build e2e

package e2e

import (
	"bytes"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// TestStatusOfADeadInjector takes away, one after the other, what stands between the API server and an
// injector whose Deployment looks as healthy as ever. Status says so, and install mends it.
func TestStatusOfADeadInjector(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "dead")
	for _, c := range []struct {
		name  string
		harm  func(t *testing.T)
		words string
	}{
		{"the Service", func(t *testing.T) { l.kubectl(t, "delete", "service/injector", "-n", "falcon-system") },
			"the injector's Service is missing, so pods are refused"},
		{"its selector", func(t *testing.T) {
			l.kubectl(t, "patch", "service/injector", "-n", "falcon-system", "--field-manager=kubectl-falcon", "--type=merge",
				"-p", `{"spec":{"selector":{"app":"injector-not"}}}`)
		}, "no ready pod is behind the injector's Service, so pods are refused"},
		{"the Secret", func(t *testing.T) { l.kubectl(t, "delete", "secret/injector-tls", "-n", "falcon-system") },
			"secret/injector-tls with the injector's certificate is missing, so no injector can start anew"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.harm(t)
			eventually(t, "status to say that "+c.words, 10*time.Second, func() (bool, string) {
				s := l.falcon(t, "status")
				return s.code == 1 && strings.HasPrefix(s.stdout, "wrong") && strings.Contains(unfolded(s.stdout), c.words), s.stdout
			})
			s := l.falcon(t, "status")
			wantNarrow(t, s.stdout)
			l.mustFalcon(t, good()...)
			wantCode(t, l.falcon(t, "status"), 0)
			wantCode(t, l.canCreatePods(t, ns), 0)
		})
	}
}

// TestStatusSaysWhatWarnsOfAPod has the injector's new pods wait for a Secret that is not there: nothing in
// their own status says so.
func TestStatusSaysWhatWarnsOfAPod(t *testing.T) {
	l := shared()
	l.install(t)
	l.kubectl(t, "delete", "secret/injector-tls", "-n", "falcon-system")
	l.kubectl(t, "rollout", "restart", "deployment/injector", "-n", "falcon-system")
	eventually(t, "status to say why", 60*time.Second, func() (bool, string) {
		s := l.falcon(t, "status")
		return s.code == 1 && strings.Contains(unfolded(s.stdout), `FailedMount: MountVolume.SetUp failed`), s.stdout
	})
	wantContains(t, "status", unfolded(l.falcon(t, "status").stdout), `secret "injector-tls" not found`)
	l.mustFalcon(t, good()...)
	wantCode(t, l.falcon(t, "status"), 0)
}

// syncBuffer can be read while a program writes to it.
type syncBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestStatusWatch shows what changes as documents of their own, and is ended by Ctrl-C, which is no error.
func TestStatusWatch(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "watch")
	var stdout, stderr syncBuffer
	cmd := l.command(bin("kubectl-falcon"), "status", "--watch", "-o", "yaml")
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	eventually(t, "the first state", 20*time.Second, func() (bool, string) {
		return strings.Contains(stdout.String(), "pods: 0\n"), stdout.String() + stderr.String()
	})
	l.pod(t, ns, "one")
	eventually(t, "the pod", 20*time.Second, func() (bool, string) {
		documents := strings.Split(stdout.String(), "---\n")
		last := documents[len(documents)-1]
		return len(documents) > 1 && strings.Contains(last, "pods: 1\n") && strings.Contains(last, "protected: 1\n"), stdout.String()
	})
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	// How it ended is in ProcessState.
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || stderr.String() != "" {
		t.Errorf("exit code %d, it said %q", code, stderr.String())
	}
}
