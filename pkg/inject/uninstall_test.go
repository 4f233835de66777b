package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func uninstall(t *testing.T, c *kube.Cluster, how Removal) (*journal, *Leftovers, error) {
	t.Helper()
	var j journal
	how.Timeout = time.Minute
	left, err := Uninstall(t.Context(), c, how, j.report)
	return &j, left, err
}

// Anything that goes before the webhook makes the cluster refuse pods.
func TestUninstallRemovesTheWebhookFirst(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	config := configName(&typed[appsv1.Deployment](c.of(deploymentKey)).Spec.Template.Spec)
	j, left, err := uninstall(t, client, Removal{})
	if err != nil {
		t.Fatal(err)
	}
	deleted := func(names ...string) (all []string) {
		for _, name := range names {
			all = append(all, "DELETE "+name)
		}
		return all
	}
	wantLines(t, "it did", c.did(), deleted("mutatingwebhookconfigurations/injector.falcon-system.svc", "configmaps/injector-record",
		"poddisruptionbudgets/injector", "services/injector", "deployments/injector", "secrets/injector-tls",
		"clusterrolebindings/falcon-injector", "clusterroles/falcon-injector", "serviceaccounts/injector",
		"configmaps/"+config, "namespaces/falcon-system")...)
	if len(j.changes) != 11 || len(c.objects) != 3 {
		t.Errorf("it reported %q and left %d objects", j.changes, len(c.objects))
	}
	if len(left.Injectors)+len(left.Objects)+len(left.Workloads) > 0 {
		t.Errorf("left over: %+v", left)
	}
	// API servers learn of it one by one: three answers in a row.
	n := slices.Index(c.deeds, "DELETE poddisruptionbudgets/injector")
	if asked := strings.Count(strings.Join(c.deeds[:n], "\n"), "(POST pods (default))"); asked != plainTimes {
		t.Errorf("it asked for %d pods before it went on: %q", asked, c.deeds[:n])
	}
}

func TestUninstallOfNothingDoesNothing(t *testing.T) {
	c, client := newCluster(t)
	j, _, err := uninstall(t, client, Removal{})
	if err != nil || len(j.changes)+len(j.remarks)+len(c.did()) > 0 {
		t.Errorf("got %v, reported %v, did %v", err, j, c.did())
	}
}

func TestUninstallWithoutRightsDoesNothing(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.denied["delete clusterroles"] = true
	_, _, err := uninstall(t, client, Removal{})
	wantProblem(t, err, problem.NoAccess, "delete clusterroles")
	for _, asked := range c.asked {
		if asked != "create selfsubjectaccessreviews" {
			t.Errorf("it asked %s", asked)
		}
	}
}

func TestUninstallInDryRunDoesNothing(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	j, _, err := uninstall(t, client, Removal{DryRun: true})
	if err != nil || len(c.deeds) > 0 {
		t.Errorf("got %v, did %q", err, c.deeds)
	}
	var real []string
	if _, _, err := uninstall(t, client, Removal{}); err != nil {
		t.Fatal(err)
	}
	for _, deed := range c.did() {
		_, name, _ := strings.Cut(deed, "/")
		real = append(real, name)
	}
	for n, change := range j.changes {
		if !strings.HasSuffix(change, " deleted") || n >= len(real) || !strings.Contains(change, real[n]) {
			t.Errorf("it said %q, then did %q", j.changes, real)
			break
		}
	}
}

func TestUninstallLeavesWhatIsNotOurs(t *testing.T) {
	helm := manifest.Render(goodOptions(), manifest.Given{}).Webhook
	helm.Labels = map[string]string{manifest.ManagedByLabel: "Helm"}
	c, client := newCluster(t)
	c.put(helm)
	c.put(deploymentOf(goodOptions(), manifest.TLS{}))
	_, _, err := uninstall(t, client, Removal{})
	wantProblem(t, err, problem.Failed, "nothing was changed", "Helm")
	if deeds := c.did(); len(deeds) > 0 {
		t.Errorf("it did %q", deeds)
	}
}

func TestUninstallKeepsANamespaceThatOthersNeed(t *testing.T) {
	tests := map[string]struct {
		prepare func(*cluster)
		how     Removal
		says    string
	}{
		"asked to": {func(*cluster) {}, Removal{KeepNamespace: true}, ""},
		"it holds something": {func(c *cluster) {
			c.put(object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "mine", "namespace": Namespace}})
		}, Removal{}, "namespace/falcon-system kept: it holds configmaps/mine"},
		"somebody else made it": {func(c *cluster) {
			ns := c.objects[namespaceKey].DeepCopy()
			ns.SetLabels(map[string]string{manifest.ManagedByLabel: "terraform"})
			c.objects[namespaceKey] = ns
		}, Removal{}, "namespace/falcon-system kept: it was not made by kubectl falcon"},
		// Its owner is in no namespace, so it accounts for nothing in this one.
		"the operator's": {func(c *cluster) {
			c.put(object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "o", "namespace": Namespace, "ownerReferences": []any{
				object{"apiVersion": "falcon.crowdstrike.com/v1alpha1", "kind": "FalconContainer", "name": "x", "uid": "o"}}}})
		}, Removal{}, "it holds configmaps/o"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.installed(t, client)
			tt.prepare(c)
			j, _, err := uninstall(t, client, tt.how)
			if err != nil || c.of(namespaceKey) == nil || c.of(deploymentKey) != nil {
				t.Errorf("got %v, did %q", err, c.did())
			}
			j.says(t, tt.says)
		})
	}
}

// An API server that has not learned of the removal still calls the injector, which must be there.
func TestUninstallWaitsUntilTheWebhookIsNotCalledAnyMore(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	asked := 0
	c.meddle = func(q *request) error {
		if q.right() != "create pods" {
			return nil
		}
		if asked++; asked > 4 {
			return nil
		}
		if c.objects[deploymentKey] == nil || c.objects[serviceKey] == nil {
			t.Error("the injector is gone while it is called")
		}
		return apierrors.NewInternalError(errors.New(`failed calling webhook "` + WebhookName + `": no endpoints available`))
	}
	if _, _, err := uninstall(t, client, Removal{}); err != nil || asked != 4+plainTimes {
		t.Errorf("got %v, asked %d times", err, asked)
	}
}

func TestUninstallNamesWhatIsLeft(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	owned := func(kind, name string) []any {
		return []any{object{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u-" + name, "controller": true}}
	}
	sidecar := object{"containers": []any{object{"name": "app"}, object{"name": "falcon-container"}}}
	c.put(object{"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": object{"name": "web-1", "namespace": "shop", "ownerReferences": owned("Deployment", "web")}})
	for name, owner := range map[string][]any{"web-1-a": owned("ReplicaSet", "web-1"), "web-1-b": owned("ReplicaSet", "web-1"), "db-0": owned("StatefulSet", "db"), "lone": nil} {
		c.put(object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": name, "namespace": "shop", "ownerReferences": owner}, "spec": sidecar})
	}
	c.put(object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "done", "namespace": "shop"}, "spec": sidecar, "status": object{"phase": "Succeeded"}})
	c.put(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": "out", "labels": object{InjectionKey: Disabled}}})
	c.put(object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": manifest.DefaultPullSecret, "namespace": "shop"}})
	c.put(object{"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": object{"name": "read-secrets-global"}})
	_, left, err := uninstall(t, client, Removal{})
	if err != nil {
		t.Fatal(err)
	}
	wantLines(t, "objects", left.Objects, "clusterrole/read-secrets-global", "secret/crowdstrike-falcon-pull-secret (shop)")
	wantLines(t, "namespaces", left.Labelled, "out (disabled)")
	if want := []Workload{{"shop", "Deployment", "web", 2}, {"shop", "Pod", "lone", 1}, {"shop", "StatefulSet", "db", 1}}; !slices.Equal(left.Workloads, want) {
		t.Errorf("workloads %v, want %v", left.Workloads, want)
	}
}
