//go:build e2e

package e2e

import (
	"fmt"
	"testing"
	"time"
)

// policy has the API server refuse new pods for which the expression is not true, in the namespaces that the
// selector selects, and waits until it does so for a pod of the image in the namespace.
func (l *lab) policy(t *testing.T, name, selector, expression, refused, namespace string) {
	t.Helper()
	t.Cleanup(func() {
		l.kubectl(t, "delete", "validatingadmissionpolicybinding,validatingadmissionpolicy", name, "--ignore-not-found")
	})
	l.apply(t, fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %[1]s}
spec:
  failurePolicy: Fail
  matchConstraints:
    namespaceSelector: %[2]s
    resourceRules:
    - {apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}
  validations:
  - {expression: %[3]q, message: not here}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %[1]s}
spec: {policyName: %[1]s, validationActions: [Deny]}
`, name, selector, expression))
	eventually(t, "policy "+name, 30*time.Second, func() (bool, string) {
		r := l.tryKubectl(t, "run", "refused", "-n", namespace, "--image="+refused, "--dry-run=server")
		return r.code != 0, r.stdout
	})
}

// TestUnderPoliciesOfOthers installs and uninstalls where policies forbid the usual image of dry-run pods
// everywhere, and all new pods in the namespace that would be asked first.
func TestUnderPoliciesOfOthers(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	ns := l.namespace(t, "policied")
	l.policy(t, "images", "{}", "object.spec.containers.all(c, !c.image.startsWith('registry.k8s.io/'))", "registry.k8s.io/pause:3.10", ns)
	l.policy(t, "nobody", "{matchLabels: {kubernetes.io/metadata.name: default}}", "false", pauseImage, "default")
	r := l.falcon(t, good()...)
	wantCode(t, r, 0)
	wantContains(t, "install", r.stderr, "proved: a dry-run pod in namespace falcon-canary came back with the sensor",
		"warning: not proved where dry-run pods are refused with and without the sensor: default")
	l.pod(t, ns, "one")
	began := time.Now()
	r = l.falcon(t, "uninstall")
	wantCode(t, r, 0)
	wantNone(t, "uninstall", r.stderr, "waited")
	if took := time.Since(began); took > 40*time.Second {
		t.Errorf("it took %s", took)
	}
	l.nothingLeft(t)
}

// TestUninstallWherePoliciesForbidAllPods has no namespace left that could show whether the webhook is called.
func TestUninstallWherePoliciesForbidAllPods(t *testing.T) {
	l := shared()
	l.install(t)
	l.policy(t, "nobody", "{}", "object.metadata.namespace.startsWith('falcon-') || object.metadata.namespace.startsWith('kube-')", pauseImage, "default")
	r := l.falcon(t, "uninstall")
	wantCode(t, r, 0)
	wantContains(t, "uninstall", r.stderr, "no namespace takes a dry-run pod")
	l.nothingLeft(t)
}

// TestUpgradeWhosePatchFitsNoPod upgrades an injector all of whose patches the API server cannot apply: it
// says so without naming a webhook.
func TestUpgradeWhosePatchFitsNoPod(t *testing.T) {
	l := shared()
	l.install(t)
	l.namespace(t, "unfit")
	l.kubectl(t, "set", "env", "deployment/injector", "-n", "falcon-system", "FALCON_STANDIN_FAULT=bad-patch")
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=60s")
	r := l.falcon(t, "install", "--cid", otherCID, "--image", sensorImage)
	wantCode(t, r, 1)
	wantContains(t, "install", r.stderr, "pods are refused because of the injector", "doc is missing path", "nothing of this run is left")
}

// TestUpgradeAfterATenantRestrictedItsNamespace is no reason to keep an old injector.
func TestUpgradeAfterATenantRestrictedItsNamespace(t *testing.T) {
	l := shared()
	l.install(t)
	l.namespace(t, "restricted", "pod-security.kubernetes.io/enforce=restricted")
	r := l.falcon(t, "install", "--cid", otherCID, "--image", sensorImage)
	wantCode(t, r, 0)
	wantContains(t, "install", r.stderr, "warning: pods with the sensor are refused, as before this run: namespace restricted: ")
}

// TestInstallOverAnEndingProof starts while the namespace of an earlier proof is still being deleted.
func TestInstallOverAnEndingProof(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	l.kubectl(t, "create", "namespace", "falcon-canary")
	l.kubectl(t, "label", "namespace", "falcon-canary", "app.kubernetes.io/managed-by=kubectl-falcon")
	l.apply(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: held, namespace: falcon-canary, finalizers: [example.com/held]}}")
	l.kubectl(t, "delete", "namespace", "falcon-canary", "--wait=false")
	released := make(chan struct{})
	go func() {
		defer close(released)
		time.Sleep(12 * time.Second)
		l.tryKubectl(t, "patch", "configmap", "held", "-n", "falcon-canary", "--type=merge", "-p", `{"metadata":{"finalizers":null}}`)
	}()
	r := l.falcon(t, good()...)
	<-released
	wantCode(t, r, 0)
	wantContains(t, "install", r.stderr, "namespace/falcon-canary", "came back with the sensor")
}
