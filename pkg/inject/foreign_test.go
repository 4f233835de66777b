package inject

import (
	"crypto/x509"
	"slices"
	"testing"
)

// Somebody made the namespace (for its Fargate profile, say); "what another tool made is left".
func TestUninstallLeavesANamespaceThatIsNotOurs(t *testing.T) {
	c, client := newCluster(t)
	c.objects["/api/v1/namespaces/falcon-system"] = object{"apiVersion": "v1", "kind": "Namespace",
		"metadata": object{"name": Namespace, "uid": "n", "labels": object{ManagedByLabel: "terraform"}}}
	if _, err := uninstall(t, client); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(c.done(), "DELETE namespaces/falcon-system") {
		t.Error("it deleted a namespace that it did not make")
	}
}

// The vendor's operator installs into falcon-system too, and all that it makes belongs to one object that
// is in no namespace (facts/falcon.md 1.5): such an owner does not account for what is in the namespace.
func TestUninstallKeepsTheOperatorsInjector(t *testing.T) {
	c, client := newCluster(t)
	mustInstall(t, client)
	c.objects[corePath+"configmaps/falcon-sidecar-injector-config"] = object{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": object{"name": "falcon-sidecar-injector-config", "namespace": Namespace, "ownerReferences": []any{
			object{"apiVersion": "falcon.crowdstrike.com/v1alpha1", "kind": "FalconContainer", "name": "falcon-sidecar-sensor", "uid": "o"}}}}
	if _, err := uninstall(t, client); err != nil {
		t.Fatal(err)
	}
	if slices.Contains(c.done(), "DELETE namespaces/falcon-system") {
		t.Error("it deleted the namespace with the operator's injector in it")
	}
}

// "if the API server would accept the certificates at now and for a month more": not with an authority
// that ends in ten days.
func TestUsableLooksAtTheAuthoritysEnd(t *testing.T) {
	caKey, ca := newKey(t), authority(t)
	ca.NotAfter = begin.Add(10 * day)
	leaf, err := template(begin, WebhookName)
	if err != nil {
		t.Fatal(err)
	}
	leaf.DNSNames = serviceNames()
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	key := newKey(t)
	keyPEM, err := marshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := Certificates{CA: sign(t, ca, ca, caKey, caKey), Cert: sign(t, leaf, ca, key, caKey), Key: keyPEM}
	if err := c.Usable(begin); err == nil {
		t.Error("usable although its authority ends in ten days")
	}
}
