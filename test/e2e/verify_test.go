//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

const injectionKey = "sensor.falcon-system.crowdstrike.com/injection"

// verdicts is verify's answer in a form that is easy to compare.
type verdicts struct {
	Injection, Reason string
	Pods              []struct{ Name, Verdict, Reason, Sidecar string }
}

func (l *lab) verify(t *testing.T, namespace string) (verdicts, result) {
	t.Helper()
	r := l.falcon(t, "verify", "-n", namespace, "-o", "json")
	var v verdicts
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("verify -o json: %v: %v", err, r)
	}
	return v, r
}

func (v verdicts) want(t *testing.T, pod, verdict, reason string) {
	t.Helper()
	for _, p := range v.Pods {
		if p.Name == pod {
			if p.Verdict != verdict || !strings.Contains(p.Reason, reason) {
				t.Errorf("pod %s is %q because %q, want %q because %q", pod, p.Verdict, p.Reason, verdict, reason)
			}
			return
		}
	}
	t.Errorf("verify does not mention pod %s: %+v", pod, v)
}

// TestVerifyTellsWhy has one pod of each kind and looks at what verify says of it.
func TestVerifyTellsWhy(t *testing.T) {
	l := shared
	mixed := l.namespace(t, "mixed")
	l.pod(t, mixed, "older")
	before, r := l.verify(t, mixed)
	wantCode(t, r, 1)
	before.want(t, "older", "missing", "no webhook")

	l.install(t)
	l.pod(t, mixed, "covered")
	l.pod(t, mixed, "opted-out", injectionKey+"=disabled")
	excluded := l.namespace(t, "excluded", injectionKey+"=disabled")
	l.pod(t, excluded, "plain")

	v, r := l.verify(t, mixed)
	wantCode(t, r, 1)
	if v.Injection != "injected" {
		t.Errorf("the canary of %s says %q: %s", mixed, v.Injection, v.Reason)
	}
	v.want(t, "older", "missing", "older than the webhook")
	v.want(t, "covered", "injected", "")
	v.want(t, "opted-out", "opted-out", injectionKey+"=disabled")

	out, r := l.verify(t, excluded)
	wantCode(t, r, 0)
	if out.Injection != "out-of-scope" {
		t.Errorf("a namespace that opted out is %q: %s", out.Injection, out.Reason)
	}
	out.want(t, "plain", "out-of-scope", "labelled "+injectionKey+"=disabled")

	l.kubectl(t, "delete", "pod", "older", "-n", mixed, "--now")
	_, r = l.verify(t, mixed)
	wantCode(t, r, 0)
	system, _ := l.verify(t, "kube-system")
	if system.Injection != "out-of-scope" || !strings.Contains(system.Reason, "by its name") {
		t.Errorf("kube-system is %q: %s", system.Injection, system.Reason)
	}
}

// TestVerifyLeavesNoCanary holds that the dry-run pod is never made.
func TestVerifyLeavesNoCanary(t *testing.T) {
	l := shared
	ns := l.namespace(t, "no-canary")
	l.falcon(t, "verify", "-n", ns)
	if pods := l.kubectl(t, "get", "pods", "-n", ns, "-o", "name"); pods != "" {
		t.Errorf("verify left %s", pods)
	}
}

// TestVerifySeesABrokenInjector breaks a running injector and expects the API server's own reason.
func TestVerifySeesABrokenInjector(t *testing.T) {
	l := shared
	l.install(t)
	ns := l.namespace(t, "broken")
	l.pod(t, ns, "before")
	l.kubectl(t, "scale", "deployment/injector", "-n", "falcon-system", "--replicas=0")
	l.kubectl(t, "wait", "--for=delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--timeout=60s")
	v, r := l.verify(t, ns)
	wantCode(t, r, 1)
	if v.Injection != "missing" || !strings.Contains(v.Reason, "no endpoints available for service") {
		t.Errorf("with no injector behind the webhook verify says %q: %s", v.Injection, v.Reason)
	}
	v.want(t, "before", "injected", "")
	// Installing again mends it: the replicas come back.
	l.mustFalcon(t, "install", "--cid", cid, "--image", sensorImage)
}
