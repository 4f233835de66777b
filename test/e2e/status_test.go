//go:build e2e

package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

// stateFields are those of status -o json of a healthy injector. Programs read them, so none may go or be
// called differently.
var stateFields = []string{"certificateDays", "covered", "failurePolicy", "faults", "image", "installed", "left",
	"optedOut", "owner", "pods", "protected", "ready", "replicas", "trusted", "version", "webhook"}

// rows are the first words of the lines of status, in their order.
var rows = []string{"injector", "image", "webhook", "covered", "certificate", "coverage", "  next"}

func (l *lab) status(t *testing.T) (map[string]any, result) {
	t.Helper()
	r := l.falcon(t, "status", "-o", "json")
	return read[map[string]any](t, r.stdout), r
}

func wantNarrow(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if len(strings.TrimRight(line, "\n")) > 80 {
			t.Errorf("a line has more than 80 columns: %s", line)
		}
	}
}

// TestStatus looks at the state of nothing, of a healthy injector and of one whose pods are gone.
func TestStatus(t *testing.T) {
	l := shared()
	none := l.falcon(t, "status")
	wantCode(t, none, 0)
	wantContains(t, "status of nothing", none.stdout, "not installed", "kubectl falcon install")
	ns := l.namespace(t, "status")
	before := l.namespace(t, "status-before", injectionKey+"=disabled")
	l.pod(t, before, "old")
	l.install(t)
	out := l.namespace(t, "status-out", injectionKey+"=disabled")
	l.pod(t, ns, "one")
	s := l.falcon(t, "status")
	wantCode(t, s, 0)
	wantNarrow(t, s.stdout)
	wantOrder(t, "\n"+s.stdout, rows...)
	wantContains(t, "status", unfolded(s.stdout), "2 of 2 replicas ready, by kubectl-falcon", sensorImage, "1 of 1 running pods in scope")
	state, r := l.status(t)
	wantCode(t, r, 0)
	if fields := slices.Sorted(maps.Keys(state)); !slices.Equal(fields, stateFields) {
		t.Errorf("the fields are %v, want %v", fields, stateFields)
	}
	for field, want := range map[string]any{"installed": true, "webhook": true, "trusted": true, "ready": 2.0,
		"replicas": 2.0, "pods": 1.0, "protected": 1.0, "optedOut": 0.0, "failurePolicy": "Fail", "image": sensorImage} {
		if state[field] != want {
			t.Errorf("%s is %v, want %v", field, state[field], want)
		}
	}
	if !slices.Contains(state["covered"].([]any), any(ns)) || !slices.Contains(state["left"].([]any), any(out)) {
		t.Errorf("covered and left: %v, %v", state["covered"], state["left"])
	}
	wantContains(t, "YAML", l.mustFalcon(t, "status", "-o", "yaml").stdout, "failurePolicy: Fail\n", "covered:\n- ")

	// A pod from before the webhook is only a warning, and one that opts out not even that.
	l.kubectl(t, "label", "namespace", before, injectionKey+"-")
	s = l.falcon(t, "status")
	wantCode(t, s, 0)
	wantContains(t, "status", s.stdout, "warning", "1 of 2 running pods in scope carry no ready sensor")
	l.kubectl(t, "delete", "pod", "old", "-n", before, "--now")
	l.pod(t, ns, "plain", injectionKey+"=disabled")
	s = l.falcon(t, "status")
	wantCode(t, s, 0)
	wantNone(t, "status", s.stdout, "warning")
	wantContains(t, "status", unfolded(s.stdout), "1 of 1 running pods in scope carry a ready sensor; 1 opted out")
}

// TestBreakGlass loses the injector: status says that pods are refused and how to let them start, which
// works at once, and the next install sets it back.
func TestBreakGlass(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "glass")
	l.kubectl(t, "delete", "deployment/injector", "-n", "falcon-system")
	l.kubectl(t, "wait", "--for=delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--timeout=60s")
	if r := l.canCreatePods(t, ns); r.code == 0 {
		t.Error("pods can be created without an injector, so the rest proves nothing")
	}
	s := l.falcon(t, "status")
	wantCode(t, s, 1)
	wantNarrow(t, s.stdout)
	wantOrder(t, s.stdout, "wrong", "pods are refused", "kubectl falcon uninstall --break-glass", "injector")
	glass := l.mustFalcon(t, "uninstall", "--break-glass")
	wantContains(t, "break-glass", glass.stderr, "kubectl patch mutatingwebhookconfiguration injector.falcon-system.svc")
	eventually(t, "pods to be created again", 3*time.Second, func() (bool, string) {
		r := l.canCreatePods(t, ns)
		return r.code == 0, r.stderr
	})
	s = l.falcon(t, "status")
	wantCode(t, s, 1)
	wantContains(t, "status with broken glass", unfolded(s.stdout), "glass broken by")
	wantNone(t, "status with broken glass", s.stdout, "pods are refused")

	// The command that it prints does the same for whoever has only kubectl.
	command := strings.TrimSpace(strings.SplitN(glass.stderr, "\n", 3)[1])
	if r := finish(t, l.command("sh", "-c", command)); r.code != 0 {
		t.Errorf("the printed command: %v", r)
	}
	mended := l.mustFalcon(t, good()...)
	wantContains(t, "install", mended.stdout, "deployment/injector created", "mutatingwebhookconfiguration/injector.falcon-system.svc configured")
	state, r := l.status(t)
	if r.code != 0 || state["failurePolicy"] != "Fail" || state["glassBroken"] != nil {
		t.Errorf("after the install: %v", r)
	}
}

// TestNamespaceDeletedByHand deletes the injector's namespace with kubectl: the webhook goes with it
// instead of refusing every pod.
func TestNamespaceDeletedByHand(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "by-hand")
	l.kubectl(t, "delete", "namespace", "falcon-system", "--wait=false")
	var gone time.Time
	eventually(t, "the webhook to go", 60*time.Second, func() (bool, string) {
		hooks := l.kubectl(t, "get", "mutatingwebhookconfigurations", "-o", "name")
		gone = time.Now()
		return !strings.Contains(hooks, "injector"), hooks
	})
	eventually(t, "pods to be created again", 5*time.Second, func() (bool, string) {
		r := l.canCreatePods(t, ns)
		return r.code == 0, r.stderr
	})
	l.kubectl(t, "wait", "--for=delete", "namespace/falcon-system", "--timeout=60s")
	s, r := l.status(t)
	if r.code != 0 || fmt.Sprint(s["webhook"]) != "false" {
		t.Errorf("status after %s: %v", time.Since(gone), r)
	}
	l.mustFalcon(t, "uninstall")
	l.nothingLeft(t)
}
