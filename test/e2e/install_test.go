//go:build e2e

package e2e

import (
	"bufio"
	"os"
	"strings"
	"testing"
	"time"
)

// TestInstallTwiceChangesNothing holds that a second run makes no new certificate and rolls no pod.
func TestInstallTwiceChangesNothing(t *testing.T) {
	l := shared()
	l.install(t)
	before := l.objects(t)
	pods := l.kubectl(t, "get", "pods", "-n", "falcon-system", "-o", "name")
	again := l.mustFalcon(t, good()...)
	for line := range strings.Lines(again.stdout) {
		if !strings.HasSuffix(strings.TrimSpace(line), " unchanged") {
			t.Errorf("the second install says %q", line)
		}
	}
	if changed := diff(before, l.objects(t)); len(changed) > 0 {
		t.Errorf("the second install changed:\n%s", strings.Join(changed, "\n"))
	}
	if now := l.kubectl(t, "get", "pods", "-n", "falcon-system", "-o", "name"); now != pods {
		t.Errorf("the second install rolled the pods from\n%s\nto\n%s", pods, now)
	}
	// Another CID rolls them, and the new sidecars get it.
	changed := l.mustFalcon(t, "install", "--cid", otherCID, "--image", sensorImage)
	wantContains(t, "install with another CID", changed.stdout, " created", "configmap/injector-config-",
		"deployment/injector configured", "secret/injector-tls unchanged")
	ns := l.namespace(t, "other-cid")
	l.pod(t, ns, "one")
	wantContains(t, "the sidecar", l.kubectl(t, "get", "pod", "one", "-n", ns, "-o", "yaml"), otherCID)
}

// TestInterruptedInstall sends an interrupt while install waits: it ends at once with the shell's code,
// says so, and pods stay creatable.
func TestInterruptedInstall(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "interrupted")
	cmd := l.command(bin("kubectl-falcon"), "install", "--cid", cid, "--image", registry+"/no-such-image:1")
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(stderr)
	var said strings.Builder
	sent := time.Time{}
	for lines.Scan() {
		said.WriteString(lines.Text() + "\n")
		if sent.IsZero() && strings.Contains(lines.Text(), "0 of 2 replicas available") {
			sent = time.Now()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
		}
	}
	_ = cmd.Wait()
	if sent.IsZero() {
		t.Fatalf("install never waited:\n%s", said.String())
	}
	if took := time.Since(sent); took > 2*time.Second {
		t.Errorf("it took %s to stop", took)
	}
	if code := cmd.ProcessState.ExitCode(); code != 130 {
		t.Errorf("exit code is %d, want 130", code)
	}
	wantContains(t, "stderr", said.String(), "stopped by interrupt")
	wantCode(t, l.canCreatePods(t, ns), 0)
}
