//go:build e2e

package e2e

import (
	"strings"
	"testing"
	"time"
)

// install installs the injector and has it removed when the test ends.
func (l *lab) install(t *testing.T) {
	t.Helper()
	l.uninstallAtEnd(t)
	l.mustFalcon(t, "install", "--cid", cid, "--image", sensorImage)
}

func (l *lab) uninstallAtEnd(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if r := l.falcon(t, "uninstall"); r.code != 0 {
			t.Errorf("uninstall at the end of the test: %v", r)
		}
	})
}

// namespace makes a namespace for the test, with labels given as KEY=VALUE.
func (l *lab) namespace(t *testing.T, name string, labels ...string) string {
	t.Helper()
	l.kubectl(t, "create", "namespace", name)
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", name, "--wait=false") })
	if len(labels) > 0 {
		l.kubectl(t, append([]string{"label", "namespace", name}, labels...)...)
	}
	// Pods are refused until the namespace's account is there.
	eventually(t, "service account in "+name, 20*time.Second, func() (bool, string) {
		r := l.tryKubectl(t, "get", "serviceaccount", "default", "-n", name)
		return r.code == 0, r.stderr
	})
	return name
}

// pod makes a pod that stays up, with annotations given as KEY=VALUE, and waits until it is ready.
func (l *lab) pod(t *testing.T, namespace, name string, annotations ...string) {
	t.Helper()
	args := []string{"run", name, "-n", namespace, "--image=" + pauseImage}
	for _, a := range annotations {
		args = append(args, "--annotations="+a)
	}
	l.kubectl(t, args...)
	l.kubectl(t, "wait", "--for=condition=Ready", "pod/"+name, "-n", namespace, "--timeout=60s")
}

// canCreatePods says whether the API server would create a pod in the namespace now.
func (l *lab) canCreatePods(t *testing.T, namespace string) result {
	t.Helper()
	return l.tryKubectl(t, "run", "can-i-start", "-n", namespace, "--image="+pauseImage, "--dry-run=server")
}

// nothingLeft fails the test if anything of the injector is in the cluster.
func (l *lab) nothingLeft(t *testing.T) {
	t.Helper()
	kinds := "namespaces,mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings"
	for line := range strings.Lines(l.kubectl(t, "get", kinds, "-o", "name")) {
		if strings.Contains(line, "falcon") || strings.Contains(line, "injector") {
			t.Errorf("left in the cluster: %s", line)
		}
	}
}

func wantContains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

func wantCode(t *testing.T, r result, code int) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code is %d, want %d: %v", r.code, code, r)
	}
}
