package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func uninstall(t *testing.T, c *kube.Cluster) (log, error) {
	t.Helper()
	var l log
	err := Uninstall(t.Context(), c, time.Minute, l.report)
	return l, err
}

// Anything that goes before the webhook makes the cluster refuse pods.
func TestUninstallRemovesTheWebhookFirst(t *testing.T) {
	c, client := newCluster(t)
	mustInstall(t, client)
	c.deeds = nil
	l, err := uninstall(t, client)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"DELETE mutatingwebhookconfigurations/injector.falcon-system.svc",
		"(POST /api/v1/namespaces/default/pods)",
		"DELETE services/injector", "DELETE deployments/injector", "DELETE secrets/injector-tls",
		"DELETE configmaps/injector-config", "DELETE serviceaccounts/injector", "DELETE namespaces/falcon-system"}
	if !slices.Equal(c.deeds, want) {
		t.Errorf("it did\n%s\nwant\n%s", strings.Join(c.deeds, "\n"), strings.Join(want, "\n"))
	}
	want = []string{"mutatingwebhookconfiguration/injector.falcon-system.svc deleted", "service/injector deleted",
		"deployment/injector deleted", "secret/injector-tls deleted", "configmap/injector-config deleted",
		"serviceaccount/injector deleted", "namespace/falcon-system deleted"}
	if !slices.Equal(l.changes, want) {
		t.Errorf("it reported\n%s\nwant\n%s", strings.Join(l.changes, "\n"), strings.Join(want, "\n"))
	}
	if len(c.objects) > 0 {
		t.Errorf("left: %v", c.objects)
	}
}

// API servers learn of a removed webhook a moment later; one that still calls an injector that is gone
// refuses pods.
func TestUninstallWaitsUntilTheWebhookIsNotCalledAnyMore(t *testing.T) {
	for name, called := range map[string]func(pod object) object{
		"injected": func(pod object) object {
			pod["spec"] = object{"containers": []any{object{"name": "app"}, object{"name": "falcon-container"}}}
			return pod
		},
		"refused by the webhook": func(object) object {
			return status(500, "InternalError", `failed calling webhook "injector.falcon-system.svc": no endpoints available`)
		},
	} {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			mustInstall(t, client)
			asked := 0
			c.canary = func(pod object) object {
				if asked++; asked <= 2 {
					if n := len(c.under("/apis/apps/v1")); n != 1 {
						t.Errorf("there are %d Deployments while the webhook is called", n)
					}
					return called(pod)
				}
				return pod
			}
			if _, err := uninstall(t, client); err != nil {
				t.Fatal(err)
			}
			if asked != 3 {
				t.Errorf("it asked %d times, want until the answer is plain", asked)
			}
		})
	}
}

// Who may not make pods can still uninstall.
func TestUninstallGoesOnWhenItCannotAsk(t *testing.T) {
	c, client := newCluster(t)
	mustInstall(t, client)
	c.canary = func(object) object { return status(403, "Forbidden", `User "eve" cannot create pods`) }
	if _, err := uninstall(t, client); err != nil || len(c.objects) > 0 {
		t.Errorf("got %v, left %d objects", err, len(c.objects))
	}
}

func TestUninstallOfNothingDoesNothing(t *testing.T) {
	c, client := newCluster(t)
	l, err := uninstall(t, client)
	if err != nil || len(l.changes)+len(l.remarks) > 0 || len(c.done()) > 0 {
		t.Errorf("got %v, reported %v, did %v", err, l, c.done())
	}
}

func TestUninstallLeavesWhatIsNotOurs(t *testing.T) {
	c, client := newCluster(t)
	c.storeWebhook("Helm")
	_, err := uninstall(t, client)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || !strings.Contains(p.Error(), "mutatingwebhookconfiguration/injector.falcon-system.svc was not made by kubectl falcon") {
		t.Errorf("got %v", err)
	}
	if deeds := c.done(); len(deeds) > 0 {
		t.Errorf("it did %v", deeds)
	}
}

func TestUninstallKeepsANamespaceThatOthersUse(t *testing.T) {
	c, client := newCluster(t)
	mustInstall(t, client)
	c.objects[corePath+"configmaps/mine"] = object{"apiVersion": "v1", "kind": "ConfigMap",
		"metadata": object{"name": "mine", "namespace": Namespace}}
	l, err := uninstall(t, client)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(l.remarks, "namespace/falcon-system kept: it holds configmaps/mine") {
		t.Errorf("remarks: %v", l.remarks)
	}
	if slices.Contains(c.done(), "DELETE namespaces/falcon-system") || c.objects[corePath+"configmaps/mine"] == nil {
		t.Errorf("it did %v", c.done())
	}
	if c.objects[deployPath] != nil {
		t.Error("the injector itself is still there")
	}
}
