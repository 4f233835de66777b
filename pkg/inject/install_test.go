package inject

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func install(t *testing.T, c *kube.Cluster) (log, error) {
	t.Helper()
	return installWithin(t, c, time.Minute)
}

func installWithin(t *testing.T, c *kube.Cluster, timeout time.Duration) (log, error) {
	t.Helper()
	var l log
	o := goodOptions()
	o.Timeout = timeout
	err := Install(t.Context(), c, o, l.report)
	return l, err
}

func mustInstall(t *testing.T, c *kube.Cluster) log {
	t.Helper()
	l, err := install(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// store puts a certificate set into the cluster as an earlier installation left it.
func (c *cluster) store(certs Certificates) {
	encode := base64.StdEncoding.EncodeToString
	c.objects["/api/v1/namespaces/falcon-system"] = object{"apiVersion": "v1", "kind": "Namespace",
		"metadata": object{"name": Namespace, "uid": "n"}}
	c.objects[corePath+"secrets/injector-tls"] = object{"apiVersion": "v1", "kind": "Secret",
		"metadata": object{"name": SecretName, "namespace": Namespace, "uid": "s"},
		"data":     object{"ca.crt": encode(certs.CA), "tls.crt": encode(certs.Cert), "tls.key": encode(certs.Key)}}
}

// storeWebhook puts a webhook of this tool or of another into the cluster.
func (c *cluster) storeWebhook(manager string) {
	c.objects[webhookPath] = object{"apiVersion": "admissionregistration.k8s.io/v1", "kind": "MutatingWebhookConfiguration",
		"metadata": object{"name": WebhookName, "uid": "w", "labels": object{ManagedByLabel: manager}}}
}

// The order is the package's promise: whatever goes wrong, no pod is refused for want of an injector.
func TestInstallMakesTheWebhookLast(t *testing.T) {
	c, client := newCluster(t)
	l := mustInstall(t, client)
	want := []string{"PATCH namespaces/falcon-system", "PATCH serviceaccounts/injector", "PATCH configmaps/injector-config",
		"PATCH secrets/injector-tls", "PATCH deployments/injector", "PATCH services/injector",
		"PATCH mutatingwebhookconfigurations/injector.falcon-system.svc"}
	if got := c.done(); !slices.Equal(got, want) {
		t.Errorf("it did\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	want = []string{"namespace/falcon-system created", "serviceaccount/injector created", "configmap/injector-config created",
		"secret/injector-tls created", "deployment/injector created", "service/injector created",
		"mutatingwebhookconfiguration/injector.falcon-system.svc created"}
	if !slices.Equal(l.changes, want) {
		t.Errorf("it reported\n%s\nwant\n%s", strings.Join(l.changes, "\n"), strings.Join(want, "\n"))
	}
	// Everything that can be is rehearsed first, and the webhook above all.
	if first := c.deeds[0]; first != "(PATCH mutatingwebhookconfigurations/injector.falcon-system.svc)" {
		t.Errorf("it began with %s", first)
	}
}

func TestInstallAgainChangesNothing(t *testing.T) {
	c, client := newCluster(t)
	mustInstall(t, client)
	c.deeds = nil
	for _, change := range mustInstall(t, client).changes {
		if !strings.HasSuffix(change, " unchanged") {
			t.Errorf("the second time: %s", change)
		}
	}
	for _, deed := range c.done() {
		if strings.HasPrefix(deed, "DELETE") {
			t.Errorf("the second time it did %s", deed)
		}
	}
}

func TestInstallThatDoesNotBecomeReadyLeavesPodsAlone(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	certs := mustFresh(t)
	c.store(certs)
	waits := func(name, configuration, reason string) {
		c.objects[corePath+"pods/"+name] = object{
			"metadata": object{"name": name, "annotations": object{configHash: configuration}},
			"status": object{"containerStatuses": []any{object{"name": "injector", "state": object{
				"waiting": object{"reason": reason, "message": "pulling:\nno such image"}}}}}}
	}
	waits("injector-1", hash(configMap(goodOptions()).Data, certs), "ErrImagePull")
	// The pods of the rollout before are on their way out; their trouble is over.
	waits("injector-0", "the configuration before", "CrashLoopBackOff")
	l, err := installWithin(t, client, 500*time.Millisecond)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind() != problem.TimedOut {
		t.Fatalf("got %v", err)
	}
	const why = "pod/injector-1: container injector: ErrImagePull: no such image"
	if !strings.Contains(p.Error(), why) || !slices.Contains(l.remarks, why) || strings.Contains(fmt.Sprint(l.remarks), "CrashLoop") {
		t.Errorf("the reason is not in %q or not in the remarks %q", p, l.remarks)
	}
	if !strings.Contains(p.Next(), "kubectl falcon uninstall") {
		t.Errorf("advice: %q", p.Next())
	}
	for _, deed := range c.done() {
		if strings.Contains(deed, "mutatingwebhook") {
			t.Errorf("it did %s", deed)
		}
	}
}

func TestInstallChangesNothingWhenTheClusterWouldRefuse(t *testing.T) {
	tests := map[string]struct {
		refused []string
		kind    problem.Kind
	}{
		"one object":  {[]string{"mutatingwebhookconfigurations"}, problem.NoAccess},
		"two objects": {[]string{"mutatingwebhookconfigurations", "deployments"}, problem.NoAccess},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.store(mustFresh(t))
			c.refuse = func(deed string) string {
				for _, kind := range test.refused {
					if strings.HasPrefix(deed, "(PATCH "+kind) {
						return "policy forbids " + kind
					}
				}
				return ""
			}
			_, err := install(t, client)
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || p.Kind() != test.kind {
				t.Fatalf("got %v", err)
			}
			for _, kind := range test.refused {
				if !strings.Contains(p.Error(), "policy forbids "+kind) {
					t.Errorf("%q does not name %s", p, kind)
				}
			}
			if deeds := c.done(); len(deeds) > 0 {
				t.Errorf("it did %v", deeds)
			}
		})
	}
}

// With a new authority the injector and the webhook disagree for a while; in that while there must be
// no webhook.
func TestInstallTakesTheWebhookAwayBeforeItRenewsCertificates(t *testing.T) {
	c, client := newCluster(t)
	certs := mustFresh(t)
	certs.Key = nil
	c.store(certs)
	c.storeWebhook(kube.FieldManager)
	mustInstall(t, client)
	deeds := c.done()
	gone := slices.Index(deeds, "DELETE mutatingwebhookconfigurations/injector.falcon-system.svc")
	renewed := slices.Index(deeds, "PATCH secrets/injector-tls")
	if gone < 0 || renewed < gone {
		t.Errorf("it did\n%s", strings.Join(deeds, "\n"))
	}
}

func TestInstallStopsAtAWebhookOfAnother(t *testing.T) {
	c, client := newCluster(t)
	c.storeWebhook("Helm")
	_, err := install(t, client)
	if p, ok := errors.AsType[*problem.Error](err); !ok || !strings.Contains(p.Error(), "not made by kubectl falcon") {
		t.Errorf("got %v", err)
	}
	if deeds := c.done(); len(deeds) > 0 {
		t.Errorf("it did %v", deeds)
	}
}

func TestInstallWaitsForNoNamespaceThatIsGoing(t *testing.T) {
	c, client := newCluster(t)
	c.store(mustFresh(t))
	c.objects["/api/v1/namespaces/falcon-system"]["metadata"].(object)["deletionTimestamp"] = "2026-11-23T12:00:00Z"
	_, err := install(t, client)
	if p, ok := errors.AsType[*problem.Error](err); !ok || !strings.Contains(p.Error(), "is being deleted") {
		t.Errorf("got %v", err)
	}
	if deeds := c.done(); len(deeds) > 0 {
		t.Errorf("it did %v", deeds)
	}
}

func TestInstallWithBadOptionsAsksNothing(t *testing.T) {
	c, client := newCluster(t)
	c.refuse = func(deed string) string { t.Errorf("it asked %s", deed); return "" }
	var l log
	if err := Install(t.Context(), client, Options{CID: "x", Image: goodImage}, l.report); err == nil {
		t.Error("it succeeded")
	}
}
