//go:build e2e

package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

var aidForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// TestMainJob is the guide from its step 4 on, through the real kubectl that finds the plugin on PATH.
func TestMainJob(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "main-job")

	installed := l.kubectl(t, "falcon", "install", "--cid", cid, "--image", sensorImage)
	wantOrder(t, installed, "namespace/falcon-system created",
		"secret/injector-tls created", "configmap/injector-config-", "deployment/injector created", "service/injector created",
		"mutatingwebhookconfiguration/injector.falcon-system.svc created")
	wantContains(t, "verify", l.kubectl(t, "falcon", "verify", "-n", ns), "main-job   injected")

	// An ordinary Deployment without a command: the injector has to read the image's own.
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
	l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=90s")
	wantContains(t, "pods", l.kubectl(t, "get", "pods", "-n", ns), "2/2")
	web := l.kubectl(t, "get", "pods", "-n", ns, "-l", "app=web", "-o", "name")

	id := l.kubectl(t, "falcon", "aid", web, "-n", ns, "--wait", "--timeout=60s")
	if !aidForm.MatchString(id) {
		t.Errorf("aid printed %q", id)
	}
	if again := l.kubectl(t, "falcon", "aid", web, "-n", ns); again != id {
		t.Errorf("the agent id changed from %s to %s", id, again)
	}

	demo := l.mustFalcon(t, "demo", "-n", ns, "--image", shellImage, "-o", "json")
	var shown struct{ Namespace, Pod, AID string }
	if err := json.Unmarshal([]byte(demo.stdout), &shown); err != nil {
		t.Fatalf("demo -o json: %v: %v", err, demo)
	}
	if !aidForm.MatchString(shown.AID) || shown.AID == id || shown.Namespace != ns {
		t.Errorf("demo shows %+v beside the first pod's agent id %s", shown, id)
	}
	// The scenario's one command has really run in the pod.
	wantContains(t, "the demo's log", l.kubectl(t, "logs", "-n", ns, shown.Pod, "-c", "detection-single"),
		"/etc/ld.so.preload")
	wantContains(t, "the injector's log", l.kubectl(t, "logs", "-n", "falcon-system", "-l", "app=injector", "--tail=-1"),
		"injector server starting ...", "in namespace main-job handled successfully!")

	report := l.kubectl(t, "falcon", "verify", "-n", ns)
	wantContains(t, "verify", report, "2 of 2 pods in scope protected (100%)")
	wantContains(t, "status", l.kubectl(t, "falcon", "status"), "2 of 2 replicas ready", sensorImage)

	wantContains(t, "demo clean", l.kubectl(t, "falcon", "demo", "clean", "-n", ns), "deployment/detection-single deleted")
	removed := l.kubectl(t, "falcon", "uninstall")
	wantOrder(t, removed, "mutatingwebhookconfiguration/injector.falcon-system.svc deleted",
		"deployment/injector deleted", "namespace/falcon-system deleted")
	l.nothingLeft(t)
	// Pods keep the sensor until they are restarted; new ones do not get it.
	wantContains(t, "pods", l.kubectl(t, "get", "pods", "-n", ns, "-l", "app=web"), "2/2")
	l.kubectl(t, "rollout", "restart", "deployment/web", "-n", ns)
	l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=90s")
	wantContains(t, "pods", l.kubectl(t, "get", "pods", "-n", ns, "-l", "app=web"), "1/1")
}

// TestKubectlFindsThePlugin holds that the real kubectl knows the file as its plugin.
func TestKubectlFindsThePlugin(t *testing.T) {
	wantContains(t, "kubectl plugin list", shared().kubectl(t, "plugin", "list"), bin("kubectl-falcon"))
	help := shared().kubectl(t, "falcon", "--help")
	wantContains(t, "help", help, "kubectl falcon [command]", "independent project", "--kubeconfig", "--as-group")
	if strings.Contains(help, "kubectl-falcon ") {
		t.Errorf("help names the file instead of the command:\n%s", help)
	}
}

// wantOrder fails unless the lines stand in the text in this order.
func wantOrder(t *testing.T, text string, lines ...string) {
	t.Helper()
	rest := text
	for _, line := range lines {
		_, after, found := strings.Cut(rest, line)
		if !found {
			t.Errorf("%q is missing or out of order in:\n%s", line, text)
			return
		}
		rest = after
	}
}
