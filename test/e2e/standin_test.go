//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestInjectorDeniesWhatItCannotRead starts a pod without a command whose image is in no registry: the
// injector needs the image's own command and says in the vendor's words that it cannot have it.
func TestInjectorDeniesWhatItCannotRead(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "denied")
	image := registry + "/no-such-image:1"
	r := l.tryKubectl(t, "run", "one", "-n", ns, "--image="+image)
	wantCode(t, r, 1)
	wantContains(t, "the denial", r.stderr, `admission webhook "injector.falcon-system.svc" denied the request: `+
		fmt.Sprintf(`Failed to retrieve image details for %q in container "one" in pod "%s/one": `, image, ns)+
		fmt.Sprintf(`Failed to get the image config/digest for %q on %q: `, image, registry))
	// With a command it has no need to read anything: the pod is made, and its sensor runs although its
	// own image cannot be pulled.
	l.kubectl(t, "run", "two", "-n", ns, "--image="+image, "--command", "--", "/pause")
	eventually(t, "the sensor beside a pod without its image", 30*time.Second, func() (bool, string) {
		v, r := l.verify(t, ns)
		return r.code == 0 && v.Clusters[0].Coverage.Protected == 1, r.stdout
	})
}

// TestStandInFaults switches on what can go wrong with an injector, and expects verify to give the API
// server's own reason.
func TestStandInFaults(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "faults")
	for _, c := range []struct{ fault, reason string }{
		{"http-500", "an error on the server"},
		{"html", "couldn't get version/kind"},
		{"bad-patch", "doc is missing path"},
		{"deny", "denied the request"},
		{"expired-certificate", "has expired or is not yet valid"},
		{"wrong-certificate", "signed by unknown authority"},
	} {
		t.Run(c.fault, func(t *testing.T) {
			l.kubectl(t, "set", "env", "deployment/injector", "-n", "falcon-system", "FALCON_STANDIN_FAULT="+c.fault)
			l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=60s")
			// Old replicas that are just ending may still answer.
			eventually(t, "the fault's reason", 20*time.Second, func() (bool, string) {
				v, r := l.verify(t, ns)
				return r.code == 1 && slices.Contains(v.bad(), "FC606") && strings.Contains(r.stdout, c.reason), r.stdout
			})
		})
	}
}

// TestLoadImage puts a tarball into a running lab's registry.
func TestLoadImage(t *testing.T) {
	tarball := filepath.Join(root, "bin", "images", "shell.tar")
	if out := mustLab(t, "load-image", tarball, "--name", shared().name).stdout; out != shellImage+"\n" {
		t.Errorf("load-image printed %q, want %q", out, shellImage)
	}
	r := runLab(t, "load-image", "main_test.go", "--name", shared().name)
	wantCode(t, r, 1)
	wantContains(t, "load-image of something else", r.stderr, "main_test.go is not a docker-archive tarball")
	r = runLab(t, "load-image", "no-such.tar", "--name", shared().name)
	wantCode(t, r, 1)
	wantContains(t, "load-image of nothing", r.stderr, "no-such.tar: no such file or directory")
}
