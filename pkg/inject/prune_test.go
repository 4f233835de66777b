package inject

import (
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

// A run may end between the two deletions: the next must still find what the first left.
func TestPruningThatIsCutShortIsGoneOnWith(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	const config, secret = "configmaps/falcon-system/injector-config-old", "secrets/falcon-system/injector-config-old"
	for _, kind := range []string{"ConfigMap", "Secret"} {
		c.put(object{"apiVersion": "v1", "kind": kind, "metadata": object{"name": "injector-config-old", "namespace": Namespace,
			"creationTimestamp": "2020-01-01T00:00:00Z", "labels": object{"app.kubernetes.io/managed-by": "kubectl-falcon"}}})
	}
	deletions := 0
	c.meddle = func(q *request) error {
		if q.method != "DELETE" || q.key != config && q.key != secret {
			return nil
		}
		if deletions++; deletions == 2 {
			return apierrors.NewBadRequest("not now")
		}
		return nil
	}
	var j journal
	if _, err := Install(t.Context(), client, goodOptions(), goodHow(), j.report); err == nil || deletions != 2 {
		t.Fatalf("%d deletions, %v", deletions, err)
	}
	mustInstall(t, client, goodOptions())
	if c.of(config) != nil || c.of(secret) != nil {
		t.Errorf("left: %v %v", c.of(config), c.of(secret))
	}
}
