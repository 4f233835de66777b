package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestInstallProvesTheWebhookBeforeItIsWideAndWritesTheRecordLast(t *testing.T) {
	c, client := newCluster(t)
	j := mustInstall(t, client, goodOptions())
	config := configName(&typed[appsv1.Deployment](c.of(deploymentKey)).Spec.Template.Spec)
	wantLines(t, "it did", c.did(),
		"PATCH namespaces/falcon-system", "PATCH serviceaccounts/injector",
		"PATCH clusterroles/falcon-injector", "PATCH clusterrolebindings/falcon-injector",
		"POST secrets/injector-tls", "PATCH secrets/injector-tls", "PATCH configmaps/"+config,
		"PATCH deployments/injector", "PATCH services/injector", "PATCH poddisruptionbudgets/injector",
		"PATCH namespaces/falcon-canary",
		"POST mutatingwebhookconfigurations/injector.falcon-system.svc for nothing",
		"PATCH mutatingwebhookconfigurations/injector.falcon-system.svc for the canary's namespace",
		"PATCH mutatingwebhookconfigurations/injector.falcon-system.svc for canaries",
		"PATCH mutatingwebhookconfigurations/injector.falcon-system.svc for all",
		"DELETE namespaces/falcon-canary",
		"PATCH configmaps/injector-record")
	for _, change := range j.changes {
		if !strings.HasSuffix(change, " created") {
			t.Errorf("it reported %s", change)
		}
	}
	j.says(t, "the webhook covers 2 namespaces: default, shop")
	j.says(t, "new pods there are refused (failure policy Fail)")
}

func TestInstallAgainChangesNothing(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	version := c.version
	var j journal
	changed, err := Install(t.Context(), client, goodOptions(), goodHow(), j.report)
	if err != nil || changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	for _, change := range j.changes {
		if !strings.HasSuffix(change, " unchanged") {
			t.Errorf("the second time: %s", change)
		}
	}
	if c.version != version {
		t.Error("objects got new versions")
	}
	if len(j.changes) != 11 || len(j.remarks) > 0 {
		t.Errorf("it reported %d objects and remarked %q", len(j.changes), j.remarks)
	}
}

func TestInstallWithoutWaitMakesNoWebhook(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	how, j := goodHow(), journal{}
	how.Wait = false
	if changed, err := Install(t.Context(), client, goodOptions(), how, j.report); err != nil || !changed {
		t.Fatalf("changed %v, %v", changed, err)
	}
	if c.of(hookKey) != nil || c.of(recordKey) != nil || c.of(deploymentKey) == nil {
		t.Errorf("it did %q", c.did())
	}
	j.says(t, "the webhook is made by another install")
}

// Whatever is wrong before the first change is said before the first change.
func TestInstallThatCannotSucceedChangesNothing(t *testing.T) {
	helm := manifest.Render(goodOptions(), manifest.Given{}).Webhook
	helm.Labels = map[string]string{manifest.ManagedByLabel: "Helm"}
	helm.Annotations = map[string]string{"meta.helm.sh/release-name": "falcon", "meta.helm.sh/release-namespace": Namespace}
	tests := map[string]struct {
		prepare func(*cluster, *Options)
		kind    problem.Kind
		says    []string
		asks    string // the verbs that it may ask with
	}{
		"bad options": {func(_ *cluster, o *Options) { o.CID = "x" }, problem.BadInput, []string{"--cid"}, ""},
		"rights are missing": {func(c *cluster, _ *Options) {
			c.denied["create mutatingwebhookconfigurations"], c.denied["get pods/portforward"] = true, true
		}, problem.NoAccess, []string{"nothing was changed", "2 rights", "create mutatingwebhookconfigurations", "get pods/portforward"},
			"create selfsubjectaccessreviews"},
		"another tool's": {func(c *cluster, _ *Options) { c.put(helm) }, problem.Failed, []string{"Helm", "nothing was changed"}, "get list"},
		"a namespace that goes": {func(c *cluster, _ *Options) {
			c.put(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": Namespace, "deletionTimestamp": "2026-11-23T12:00:00Z"}})
		}, problem.Failed, []string{"is being deleted", "kubectl get namespace"}, "get list"},
		"no such secret": {func(_ *cluster, o *Options) { o.TLSSecret = "mine" }, problem.BadInput, []string{"--tls-secret", `"mine"`}, "get list"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			o := goodOptions()
			tt.prepare(c, &o)
			changed, err := Install(t.Context(), client, o, goodHow(), func(e Event) { t.Errorf("it reported %v", e) })
			wantProblem(t, err, tt.kind, tt.says...)
			if changed || len(c.deeds) > 0 {
				t.Errorf("changed %v; it did %q", changed, c.deeds)
			}
			for _, asked := range c.asked {
				verb, _, _ := strings.Cut(asked, " ")
				if asked != "create selfsubjectaccessreviews" && !slices.Contains(strings.Fields(tt.asks), verb) || tt.asks == "" {
					t.Errorf("it asked %s", asked)
				}
			}
		})
	}
}

func TestInstallShowsAllThatTheClusterWouldRefuse(t *testing.T) {
	for _, refused := range [][]string{{"services"}, {"services", "deployments", "clusterroles"}} {
		c, client := newCluster(t)
		c.put(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": Namespace}})
		c.meddle = func(q *request) error {
			if q.dry && slices.Contains(refused, q.gvr.Resource) {
				return apierrors.NewForbidden(q.gvr.GroupResource(), q.name, errors.New("policy forbids "+q.gvr.Resource))
			}
			return nil
		}
		_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
		p := wantProblem(t, err, problem.NoAccess)
		for _, resource := range refused {
			if !strings.Contains(p.Error(), "policy forbids "+resource) {
				t.Errorf("%s is not in %v", resource, p)
			}
		}
		if deeds := c.did(); len(deeds) > 0 {
			t.Errorf("it did %q", deeds)
		}
	}
}

// A namespace of somebody else stays theirs, and pods in it are left alone.
func TestInstallIntoANamespaceThatIsThere(t *testing.T) {
	c, client := newCluster(t)
	c.put(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": Namespace}})
	mustInstall(t, client, goodOptions())
	ns := c.of(namespaceKey)
	if Ours(ns) || ns.GetLabels()[InjectionKey] != Disabled {
		t.Errorf("its labels are %v", ns.GetLabels())
	}
}

// The right rights are those that it uses: one that is asked for in vain keeps people out, one that is not
// asked for fails half way.
func TestInstallRulesSuffice(t *testing.T) {
	c, client := newCluster(t)
	c.rules = InstallRules(goodOptions())
	mustInstall(t, client, goodOptions())
	if len(c.lacked) > 0 {
		t.Errorf("the rules lack %q", c.lacked)
	}
}

func TestInstallTakesAPullSecretEverywhere(t *testing.T) {
	c, client := newCluster(t)
	o := goodOptions()
	o.PullSecret, o.PullSecretConfig = "pull", []byte(`{"auths":{"registry.example.com":{"auth":"dTpw"}}}`)
	c.put(object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "pull", "namespace": "default"}})
	c.put(&corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"}, ObjectMeta: metav1.ObjectMeta{
		Name: "pull", Namespace: "kube-system", Labels: map[string]string{manifest.ManagedByLabel: kube.FieldManager}}, Type: corev1.SecretTypeDockerConfigJson})
	j := mustInstall(t, client, o)
	j.says(t, "secret/pull (default) is kept as it is")
	for key, want := range map[string]bool{"secrets/falcon-system/pull": true, "secrets/shop/pull": true,
		"secrets/default/pull": true, "secrets/kube-system/pull": false} {
		if got := c.of(key) != nil; got != want {
			t.Errorf("%s is there: %v", key, got)
		}
	}
	if deeds := c.did(); slices.Index(deeds, "PATCH secrets/pull (shop)") > slices.IndexFunc(deeds, func(d string) bool { return strings.Contains(d, "webhook") }) {
		t.Errorf("the webhook came before the pull secret: %q", deeds)
	}
}
