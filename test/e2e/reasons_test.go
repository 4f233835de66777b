//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// foreignNamespace is the injector's namespace made by somebody else, with something that refuses pods.
const (
	quotaOfNone = `apiVersion: v1
kind: Namespace
metadata: {name: falcon-system}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: none, namespace: falcon-system}
spec: {hard: {pods: "0"}}
`
	quotaOfLimits = `apiVersion: v1
kind: Namespace
metadata: {name: falcon-system}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: limits, namespace: falcon-system}
spec: {hard: {limits.memory: 1Gi}}
`
	limitRange = `apiVersion: v1
kind: Namespace
metadata: {name: falcon-system}
---
apiVersion: v1
kind: LimitRange
metadata: {name: big, namespace: falcon-system}
spec: {limits: [{type: Container, min: {memory: 1Gi}}]}
`
	restricted = `apiVersion: v1
kind: Namespace
metadata: {name: falcon-system, labels: {pod-security.kubernetes.io/enforce: restricted}}
`
	// meddler stands for a cluster that changes pods on their way in.
	meddler = `apiVersion: v1
kind: Namespace
metadata: {name: falcon-system, labels: {pod-security.kubernetes.io/enforce: %[1]s}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: e2e-meddler}
spec:
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  reinvocationPolicy: Never
  mutations:
  - patchType: ApplyConfiguration
    applyConfiguration: {expression: 'Object{spec: Object.spec{%[2]s}}'}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: e2e-meddler}
spec: {policyName: e2e-meddler, matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: falcon-system}}}}
`
	onHostNetwork = `hostNetwork: true`
	// crashing is what the stand-in's injector ends at once with, after a line about it.
	crashing = `containers: [Object.spec.containers{name: "injector",
      env: [Object.spec.containers.env{name: "FALCON_STANDIN_FAULT", value: "no-such-fault"}]}]`
)

// TestReasons has the injector not come up for every usual reason. Each time the reason stands on stderr
// with its object and with what to do, pods stay creatable all the while, and nothing of the run is left.
func TestReasons(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "reasons")
	for _, c := range []struct {
		name, before string
		args         []string
		words        []string
		// tries says that the node has to try something first, for which it gets the time on a busy machine.
		tries bool
	}{
		{"image", "", []string{"--image", registry + "/no-such-image:1"},
			[]string{"pod/injector-", "ErrImagePull", "no-such-image:1", "check --image"}, true},
		{"program", "", []string{"--image", shellImage}, []string{"pod/injector-", `"injector"`, "not found"}, true},
		{"crash", fmt.Sprintf(meddler, "baseline", crashing), nil,
			[]string{"pod/injector-", "its last words: injector: FALCON_STANDIN_FAULT", "no-such-fault"}, true},
		{"quota", quotaOfNone, nil, []string{"its pods are refused", "exceeded quota: none", "raise the quota of namespace falcon-system"}, false},
		{"quota of limits", quotaOfLimits, nil, []string{"its pods are refused", "must specify limits.memory", "--injector-memory-limit"}, false},
		{"limit range", limitRange, nil, []string{"its pods are refused", "minimum memory usage per Container is 1Gi", "--injector-memory-request"}, false},
		{"PodSecurity restricted", fmt.Sprintf(meddler, "restricted", onHostNetwork), nil,
			[]string{"its pods are refused", `violates PodSecurity "restricted`, "hostNetwork", "label namespace falcon-system with a level that admits"}, false},
		{"node", "", []string{"--node-selector", "nope=1"}, []string{"pod/injector-", "cannot be scheduled", "change --node-selector"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.prepared(t, c.before)
			same := l.unchanged(t, "a first install that did not get through")
			timeout := "5s"
			if c.tries {
				timeout = "15s"
			}
			done := l.creating(t, ns)
			r := l.falcon(t, good(append(c.args, "--timeout", timeout)...)...)
			done()
			wantCode(t, r, 124)
			words := unfolded(r.stderr)
			wantContains(t, "stderr", words, append(c.words, "the injector is not Ready after "+timeout, "nothing of this run is left", "next: ")...)
			if lines := errorsIn(r); lines != 1 {
				t.Errorf("there are %d errors: %s", lines, r.stderr)
			}
			wantCode(t, l.canCreatePods(t, ns), 0)
			same()
		})
	}
}

// prepared makes the injector's namespace as somebody else has made it, until the test ends, and waits until
// what changes pods there is in force.
func (l *lab) prepared(t *testing.T, yaml string) {
	t.Helper()
	if yaml == "" {
		return
	}
	l.apply(t, yaml)
	t.Cleanup(func() {
		l.kubectl(t, "delete", "mutatingadmissionpolicybindings,mutatingadmissionpolicies", "e2e-meddler", "--ignore-not-found")
		l.kubectl(t, "delete", "namespace", "falcon-system")
	})
	for _, word := range []string{"hostNetwork", "FALCON_STANDIN_FAULT"} {
		if !strings.Contains(yaml, word) {
			continue
		}
		eventually(t, "the policy that changes pods", 30*time.Second, func() (bool, string) {
			r := l.tryKubectl(t, "run", "injector", "-n", "falcon-system", "--image="+pauseImage, "--dry-run=server", "-o", "yaml")
			return strings.Contains(r.stdout+r.stderr, word), r.String()
		})
	}
}

// TestRestrictedNamespace has PodSecurity at its strictest in the injector's namespace: the injector's pods
// satisfy it. When another manager puts them on the node's network, an upgrade says why they are refused,
// and the ones from before serve on.
func TestRestrictedNamespace(t *testing.T) {
	l := shared()
	l.prepared(t, restricted)
	l.install(t)
	ns := l.namespace(t, "beside-restricted")
	if word, why := l.newPods(t, ns); word != "injected" {
		t.Errorf("with the injector in a restricted namespace new pods are %q: %s", word, why)
	}
	l.kubectl(t, "patch", "deployment/injector", "-n", "falcon-system", "--field-manager=robot", "--type=merge",
		"-p", `{"spec":{"template":{"spec":{"hostNetwork":true}}}}`)
	done := l.creating(t, ns)
	r := l.falcon(t, "install", "--cid", otherCID, "--image", sensorImage, "--timeout", "5s")
	done()
	wantCode(t, r, 124)
	wantContains(t, "stderr", unfolded(r.stderr), "its pods are refused", `violates PodSecurity "restricted`, "hostNetwork",
		"label namespace falcon-system with a level that admits", "deployment/injector is as it was before")
	if word, why := l.newPods(t, ns); word != "injected" {
		t.Errorf("after the upgrade that failed new pods are %q: %s", word, why)
	}
	l.mustFalcon(t, "uninstall")
	l.kubectl(t, "get", "namespace", "falcon-system")
}

// unfolded undoes the line breaks for people, so that words can be looked for.
func unfolded(text string) string { return strings.Join(strings.Fields(text), " ") }

// TestNoRollback holds that --rollback-on-failure=false leaves the injector for a look at it, that no pod
// depends on it, and that a later install goes on from there.
func TestNoRollback(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "no-rollback")
	r := l.falcon(t, "install", "--cid", cid, "--image", registry+"/no-such-image:1", "--timeout", "3s", "--rollback-on-failure=false")
	wantCode(t, r, 124)
	wantNone(t, "stderr", r.stderr, "nothing of this run is left")
	l.kubectl(t, "get", "deployment/injector", "-n", "falcon-system")
	wantNone(t, "webhooks", l.kubectl(t, "get", "mutatingwebhookconfigurations", "-o", "name"), "falcon")
	wantCode(t, l.canCreatePods(t, ns), 0)
	s := l.falcon(t, "status")
	wantCode(t, s, 1)
	wantContains(t, "status", unfolded(s.stdout), "there is no webhook", "no-such-image:1")
	l.mustFalcon(t, good()...)
	if word, why := l.newPods(t, ns); word != "injected" {
		t.Errorf("after the second install new pods are %q: %s", word, why)
	}
}

// TestSidecarRefused has a namespace in scope whose PodSecurity refuses the sidecar: the install stops
// before the webhook covers any pod, and names it. Left out, it is no obstacle.
func TestSidecarRefused(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	strict := l.namespace(t, "strict", "pod-security.kubernetes.io/enforce=restricted")
	open := l.namespace(t, "open")
	l.kubectl(t, "run", "fits", "-n", strict, "--image="+pauseImage, "--dry-run=server", "--overrides",
		`{"spec":{"securityContext":{"runAsNonRoot":true,"runAsUser":1,"seccompProfile":{"type":"RuntimeDefault"}},
		"containers":[{"name":"fits","image":"`+pauseImage+`","securityContext":{"allowPrivilegeEscalation":false,"capabilities":{"drop":["ALL"]}}}]}}`)
	same := l.unchanged(t, "an install that would have refused pods")
	r := l.falcon(t, good()...)
	wantCode(t, r, 1)
	wantContains(t, "stderr", unfolded(r.stderr), "pods with the sensor would be refused in 1 of", "namespace strict:",
		"violates PodSecurity", "--exclude-namespace", "nothing of this run is left")
	same()
	for _, ns := range []string{strict, open} {
		if word, _ := l.newPods(t, ns); word == "injected" {
			t.Errorf("pods of %s are injected by an install that failed", ns)
		}
	}
	l.mustFalcon(t, good("--exclude-namespace", strict)...)
	if word, why := l.newPods(t, strict); word != "plain" || why == "" {
		t.Errorf("the namespace that was left out is %q: %s", word, why)
	}
}

// TestFailedUpgrade puts an image that is not there over a good one: everything is as before, the pods
// that ran go on, and pods can be created the whole time.
func TestFailedUpgrade(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "failed-upgrade")
	objects, pods := l.objects(t), l.injectors(t)
	done := l.creating(t, ns)
	r := l.falcon(t, "install", "--cid", otherCID, "--image", registry+"/no-such-image:1", "--timeout", "5s")
	done()
	wantCode(t, r, 124)
	wantContains(t, "stderr", unfolded(r.stderr), "ErrImagePull", "deployment/injector is as it was before", "nothing of this run is left")
	if changed := diff(objects, l.objects(t)); len(changed) > 0 {
		t.Errorf("the failed upgrade left changed:\n%s", strings.Join(changed, "\n"))
	}
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=30s")
	// The new one that did not start is still going for a moment; the old ones are the same all along.
	eventually(t, "the injectors to be those from before", 60*time.Second, func() (bool, string) {
		now := l.injectors(t)
		return now == pods, fmt.Sprintf("from\n%s\nto\n%s", pods, now)
	})
	if word, why := l.newPods(t, ns); word != "injected" {
		t.Errorf("after the failed upgrade new pods are %q: %s", word, why)
	}
	again := l.mustFalcon(t, good()...)
	wantNone(t, "the install that was before", again.stdout, "created", "configured")
}

// injectors are the injector's ready pods, with how often each was restarted.
func (l *lab) injectors(t *testing.T) string {
	t.Helper()
	return l.kubectl(t, "get", "pods", "-n", "falcon-system", "-l", "app=injector", "--no-headers", "-o",
		"custom-columns=N:.metadata.name,U:.metadata.uid,R:.status.containerStatuses[0].restartCount")
}
