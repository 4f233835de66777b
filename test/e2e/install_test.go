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
	l := shared
	l.install(t)
	before := l.objects(t)
	pods := l.kubectl(t, "get", "pods", "-n", "falcon-system", "-o", "name")
	again := l.mustFalcon(t, "install", "--cid", cid, "--image", sensorImage)
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
	const other = "fedcba9876543210fedcba9876543210-34"
	changed := l.mustFalcon(t, "install", "--cid", other, "--image", sensorImage)
	wantContains(t, "install with another CID", changed.stdout, "configmap/injector-config configured",
		"deployment/injector configured", "secret/injector-tls unchanged")
	ns := l.namespace(t, "other-cid")
	l.pod(t, ns, "one")
	wantContains(t, "the sidecar", l.kubectl(t, "get", "pod", "one", "-n", ns, "-o", "yaml"), other)
}

// TestInstallThatNeverGetsReady holds that pods stay creatable when the injector does not come up, that the
// reason is said, and that a later install goes on from there.
func TestInstallThatNeverGetsReady(t *testing.T) {
	l := shared
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "unready")
	r := l.falcon(t, "install", "--cid", cid, "--image", registry+"/no-such-image:1", "--timeout", "8s")
	wantCode(t, r, 124)
	wantContains(t, "the error", r.stderr, "the injector is not Ready after 8s", "no-such-image:1",
		"pods start as before, without the sensor", "kubectl falcon uninstall")
	if !strings.Contains(r.stderr, "ErrImagePull") && !strings.Contains(r.stderr, "ImagePullBackOff") {
		t.Errorf("the kubelet's reason is not shown: %v", r)
	}
	if hooks := l.kubectl(t, "get", "mutatingwebhookconfigurations", "-o", "name"); strings.Contains(hooks, "falcon") {
		t.Errorf("there is a webhook before there is an injector: %s", hooks)
	}
	wantCode(t, l.canCreatePods(t, ns), 0)
	l.mustFalcon(t, "install", "--cid", cid, "--image", sensorImage)
	v, _ := l.verify(t, ns)
	if v.Injection != "injected" {
		t.Errorf("after the second install new pods are %q: %s", v.Injection, v.Reason)
	}
}

// TestInterruptedInstall sends an interrupt while install waits: it ends at once with the shell's code,
// says so, and pods stay creatable.
func TestInterruptedInstall(t *testing.T) {
	l := shared
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

// TestUninstallKeepsWhatIsNotOurs puts something foreign into the namespace.
func TestUninstallKeepsWhatIsNotOurs(t *testing.T) {
	l := shared
	l.install(t)
	l.kubectl(t, "create", "configmap", "precious", "-n", "falcon-system")
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", "falcon-system", "--ignore-not-found") })
	r := l.mustFalcon(t, "uninstall")
	wantContains(t, "uninstall", r.stderr, "namespace/falcon-system kept: it holds configmaps/precious")
	l.kubectl(t, "get", "configmap", "precious", "-n", "falcon-system")
	if left := l.kubectl(t, "get", "deployments,services,secrets,serviceaccounts", "-n", "falcon-system", "-o", "name"); left != "serviceaccount/default" {
		t.Errorf("left in falcon-system: %s", left)
	}
	l.kubectl(t, "delete", "configmap", "precious", "-n", "falcon-system")
	l.mustFalcon(t, "uninstall")
	l.nothingLeft(t)
	r = l.mustFalcon(t, "uninstall")
	wantContains(t, "uninstall of nothing", r.stderr, "there is nothing to uninstall")
}

// TestPodsCanAlwaysBeCreated makes pods, in dry run, all through an install and an uninstall.
func TestPodsCanAlwaysBeCreated(t *testing.T) {
	l := shared
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "always")
	stop, refused := make(chan struct{}), make(chan []string)
	go func() {
		var bad []string
		for {
			select {
			case <-stop:
				refused <- bad
				return
			default:
				if r := l.canCreatePods(t, ns); r.code != 0 {
					bad = append(bad, r.stderr)
				}
			}
		}
	}()
	l.mustFalcon(t, "install", "--cid", cid, "--image", sensorImage)
	l.mustFalcon(t, "install", "--cid", "fedcba9876543210fedcba9876543210-34", "--image", sensorImage)
	l.mustFalcon(t, "uninstall")
	close(stop)
	if bad := <-refused; len(bad) > 0 {
		t.Errorf("%d pods were refused, first: %s", len(bad), bad[0])
	}
}
