package inject

import (
	"encoding/json"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// A certificate left over from before --tls-secret is nobody's any more.
func TestStatusLooksAtTheSecretThatIsMounted(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	mine := secretOf(pairs()[1])
	mine.Name, mine.Labels = "mine", nil
	c.put(mine)
	o := goodOptions()
	o.TLSSecret = "mine"
	mustInstall(t, client, o)
	s, err := Status(t.Context(), client)
	if err != nil || !s.Trusted || s.CertificateDays < 0 {
		t.Errorf("trusted %v, days %d, faults %v, %v", s.Trusted, s.CertificateDays, s.Faults, err)
	}
}

// A list with nothing in it is [] to whoever reads the JSON.
func TestStatusJSONHasNoNull(t *testing.T) {
	c, client := newCluster(t)
	c.put(secretOf(pairs()[0]))
	o := goodOptions()
	o.NamespaceInjection = manifest.OptIn
	mustInstall(t, client, o)
	s, err := Status(t.Context(), client)
	text, _ := json.Marshal(s)
	if err != nil || strings.Contains(string(text), "null") {
		t.Errorf("%s, %v", text, err)
	}
}

// Without a configuration the image is empty, as is the key of the sidecars known by name.
func TestProtectedIsCountedOnceWithoutAnImage(t *testing.T) {
	all := census{}
	pod := &corev1.Pod{}
	pod.Namespace = "shop"
	pod.Spec.Containers = []corev1.Container{{Name: "app"}, {Name: "falcon-container"}}
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "falcon-container", Ready: true}}
	all.add(pod)
	s := State{Covered: []string{"shop"}}
	if s.count(all); s.Protected != 1 || s.Pods != 1 {
		t.Errorf("1 pod, %d counted, %d protected", s.Pods, s.Protected)
	}
}

// What a dry run says must be what the run does.
func TestDryRunOfUninstallSaysWhatTheRunDoes(t *testing.T) {
	t.Run("a namespace that holds more", func(t *testing.T) {
		c, client := newCluster(t)
		c.installed(t, client)
		c.put(object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "mine", "namespace": Namespace}})
		j, _, err := uninstall(t, client, Removal{DryRun: true})
		if err != nil || strings.Contains(strings.Join(j.changes, "\n"), "namespace/falcon-system deleted") {
			t.Errorf("it says that the namespace goes: %v", err)
		}
	})
	t.Run("a webhook of another tool", func(t *testing.T) {
		c, client := newCluster(t)
		helm := manifest.Render(goodOptions(), manifest.Given{}).Webhook
		helm.Labels = map[string]string{manifest.ManagedByLabel: "Helm"}
		c.put(helm)
		c.put(deploymentOf(goodOptions(), manifest.TLS{}))
		j, _, err := uninstall(t, client, Removal{DryRun: true})
		if err == nil {
			t.Errorf("the run refuses to change anything, the dry run says %q %q", j.changes, j.remarks)
		}
	})
}

// With Ignore nothing is refused.
func TestUntrustedWithIgnoreRefusesNothing(t *testing.T) {
	s := &State{Installed: true, Webhook: true, Image: "i", Ready: 1, Replicas: 1, FailurePolicy: "Ignore", CertificateDays: 100}
	if fault, _ := s.Fault(); strings.Contains(fault, "refused") {
		t.Error(fault)
	}
}

// The roles that are printed grant no list of everything: what cannot be looked into is kept and named.
func TestWithExactlyTheRightsThatWereAskedFor(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.rules = UninstallRules()
	j, _, err := uninstall(t, client, Removal{})
	if err != nil || c.of(deploymentKey) != nil || c.of(namespaceKey) == nil {
		t.Errorf("got %v, did %q", err, c.did())
	}
	j.says(t, "you may not list all that could be in it: serviceaccounts, services")
	c, client = newCluster(t)
	c.unready, c.rules = true, InstallRules(goodOptions())
	*j = journal{}
	if _, err := Install(t.Context(), client, goodOptions(), brief(), j.report); err == nil || c.of(deploymentKey) != nil {
		t.Errorf("got %v, did %q", err, c.did())
	}
	j.says(t, "not all of it could be taken back: namespace/falcon-system")
}
