//go:build e2e

package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

const injectionKey = "sensor.falcon-system.crowdstrike.com/injection"

// verdict is verify's answer, as far as tests compare it.
type verdict struct {
	Clusters []struct {
		Context, Unreachable string
		Coverage             struct{ Pods, InScope, Protected int }
		Namespaces           []struct {
			Name, Why, NewPods string
			Covered            bool
		}
		Workloads []struct {
			Namespace, Kind, Name, Verdict, Why, Cause string
			Pods                                       int
			Names                                      []string
		}
		Checks []checkResult
	}
}

type checkResult struct {
	ID, Verdict, Reason, Cause string
	Findings                   []struct {
		Object, Message, Hint, Command string
	}
}

// verify asks about one namespace.
func (l *lab) verify(t *testing.T, namespace string, more ...string) (verdict, result) {
	t.Helper()
	r := l.falcon(t, append([]string{"verify", "-n", namespace, "-o", "json"}, more...)...)
	var v verdict
	if err := json.Unmarshal([]byte(r.stdout), &v); err != nil {
		t.Fatalf("verify -o json: %v: %v", err, r)
	}
	return v, r
}

// want holds what is said of a pod, which of a healthy workload are not named.
func (v verdict) want(t *testing.T, pod, verdict, why string) {
	t.Helper()
	for _, w := range v.Clusters[0].Workloads {
		if w.Name == pod || slices.Contains(w.Names, pod) {
			if w.Verdict != verdict || !strings.Contains(w.Why+" "+w.Cause, why) {
				t.Errorf("pod %s is %q because %q (%s), want %q because %q", pod, w.Verdict, w.Why, w.Cause, verdict, why)
			}
			return
		}
	}
	t.Errorf("verify does not mention pod %s: %+v", pod, v)
}

// newPods is what becomes of new pods of a namespace, and why it is left out if it is.
func (v verdict) newPods(t *testing.T, namespace string) (word, why string) {
	t.Helper()
	for _, ns := range v.Clusters[0].Namespaces {
		if ns.Name == namespace {
			return ns.NewPods, ns.Why
		}
	}
	t.Errorf("verify does not mention namespace %s: %+v", namespace, v)
	return "", ""
}

// bad are the ids of the checks that failed or warned, in order.
func (v verdict) bad() (ids []string) {
	for _, c := range v.Clusters[0].Checks {
		if c.Verdict == "fail" || c.Verdict == "warn" {
			ids = append(ids, c.ID)
		}
	}
	return ids
}

// TestVerifyTellsWhy has one pod of each kind and looks at what verify says of it.
func TestVerifyTellsWhy(t *testing.T) {
	l := shared()
	mixed := l.namespace(t, "mixed")
	l.pod(t, mixed, "older")
	before, r := l.verify(t, mixed)
	wantCode(t, r, 1)
	before.want(t, "older", "unprotected", "no webhook")

	l.install(t)
	l.pod(t, mixed, "covered")
	l.pod(t, mixed, "opted-out", injectionKey+"=disabled")
	excluded := l.namespace(t, "excluded", injectionKey+"=disabled")
	l.pod(t, excluded, "plain")

	v, r := l.verify(t, mixed)
	wantCode(t, r, 0)
	if word, why := v.newPods(t, mixed); word != "injected" {
		t.Errorf("the canary of %s says %q: %s", mixed, word, why)
	}
	v.want(t, "older", "stale", "older than the webhook")
	v.want(t, "covered", "injected", "")
	v.want(t, "opted-out", "opted-out", injectionKey+"=disabled")
	_, r = l.verify(t, mixed, "--fail-on", "warning")
	wantCode(t, r, 4)

	out, r := l.verify(t, excluded)
	wantCode(t, r, 0)
	if word, _ := out.newPods(t, excluded); word != "plain" {
		t.Errorf("new pods of a namespace that opted out are %q", word)
	}
	out.want(t, "plain", "opted-out", "labelled "+injectionKey+"=disabled")

	system, _ := l.verify(t, "kube-system")
	if word, why := system.newPods(t, "kube-system"); word != "plain" || !strings.Contains(why, "by its name") {
		t.Errorf("kube-system is %q: %s", word, why)
	}
}

// TestVerifyLeavesNoCanary holds that the dry-run pod is never made.
func TestVerifyLeavesNoCanary(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "no-canary")
	l.falcon(t, "verify", "-n", ns)
	if pods := l.kubectl(t, "get", "pods", "-n", ns, "-o", "name"); pods != "" {
		t.Errorf("verify left %s", pods)
	}
}

// newPods asks what becomes of new pods of a namespace.
func (l *lab) newPods(t *testing.T, namespace string) (word, why string) {
	t.Helper()
	v, _ := l.verify(t, namespace)
	return v.newPods(t, namespace)
}

// TestVerifyOptIn judges an injector that pods must ask, and then one that namespaces must ask.
func TestVerifyOptIn(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "verify-opt-in")
	l.mustFalcon(t, good("--pod-injection", "opt-in")...)
	l.pod(t, ns, "silent")
	l.pod(t, ns, "asks", injectionKey+"=enabled")
	l.kubectl(t, "wait", "pod/asks", "-n", ns, "--for=condition=Ready", "--timeout=60s")
	v, r := l.verify(t, ns)
	wantCode(t, r, 0)
	if word, _ := v.newPods(t, ns); word != "if-asked" {
		t.Errorf("new pods are %s", word)
	}
	v.want(t, "silent", "opted-out", "")
	v.want(t, "asks", "injected", "")

	l.mustFalcon(t, good("--namespace-injection", "opt-in")...)
	v, _ = l.verify(t, ns)
	if word, why := v.newPods(t, ns); word != "plain" || !strings.Contains(why, "lacks the label") {
		t.Errorf("new pods are %s because %s", word, why)
	}
	l.kubectl(t, "label", "namespace", ns, injectionKey+"=enabled")
	v, _ = l.verify(t, ns)
	if word, _ := v.newPods(t, ns); word != "injected" {
		t.Errorf("new pods are %s", word)
	}
	v.want(t, "silent", "stale", "older than the namespace's injection label")
}
