package inject

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func rotate(t *testing.T, c *kube.Cluster, timeout time.Duration) (*journal, error) {
	t.Helper()
	var j journal
	return &j, Rotate(t.Context(), c, 1000*24*time.Hour, timeout, j.report)
}

func (c *cluster) trusted() []byte {
	return bundle(typed[admissionv1.MutatingWebhookConfiguration](c.of(hookKey)))
}

// At every moment the webhook trusts every certificate that a pod may serve: newCluster watches that.
func TestRotateTrustsBothUntilAllServeTheNew(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.put(injectorPod("injector-1", ""))
	var seen [][]byte
	c.meddle = func(q *request) error {
		if q.right() == "update secrets" {
			seen = append(seen, bundle(typed[admissionv1.MutatingWebhookConfiguration](c.objects[hookKey])))
		}
		return nil
	}
	if _, err := rotate(t, client, time.Minute); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "it did", c.did(),
		"PUT mutatingwebhookconfigurations/injector.falcon-system.svc for all", "PUT secrets/injector-tls", "PUT deployments/injector",
		"PUT mutatingwebhookconfigurations/injector.falcon-system.svc for all")
	fresh := tlsOf(typed[corev1.Secret](c.of(secretKey)))
	if len(seen) != 1 || !certs.Same(seen[0], certs.Join(pairs()[0].CA, fresh.CA)) {
		t.Errorf("the Secret changed while the webhook trusted %d certificates", len(certs.Parse(seen[0])))
	}
	if !certs.Same(c.trusted(), fresh.CA) || certs.Same(fresh.CA, pairs()[0].CA) {
		t.Error("in the end the webhook does not trust the new authority alone")
	}
	if !slices.Contains(c.asked, "create pods/portforward") {
		t.Error("it did not look at what the pods serve")
	}
}

// However a rotation ends early, the next one brings it to its end, with at most one more certificate.
func TestRotateGoesOnWhereOneWasCutShort(t *testing.T) {
	tests := map[string]struct {
		at     string // the request that fails
		second int    // which of those
		again  bool   // whether another certificate is made
	}{
		"before anything":         {"update mutatingwebhookconfigurations", 1, true},
		"before the Secret":       {"update secrets", 1, true},
		"before the Deployment":   {"update deployments", 1, false},
		"before the last publish": {"update mutatingwebhookconfigurations", 2, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.installed(t, client)
			count := 0
			c.meddle = func(q *request) error {
				if q.right() == tt.at {
					if count++; count == tt.second {
						return apierrors.NewForbidden(q.gvr.GroupResource(), q.name, errors.New("cut short"))
					}
				}
				return nil
			}
			if _, err := rotate(t, client, time.Minute); err == nil || !strings.Contains(err.Error(), "cut short") {
				t.Fatalf("got %v", err)
			}
			c.meddle = nil
			between := c.of(secretKey)
			if _, err := rotate(t, client, time.Minute); err != nil {
				t.Fatal(err)
			}
			if made := c.of(secretKey).GetResourceVersion() != between.GetResourceVersion(); made != tt.again {
				t.Errorf("another certificate was made: %v", made)
			}
			if !certs.Same(c.trusted(), tlsOf(typed[corev1.Secret](c.of(secretKey))).CA) {
				t.Error("the webhook does not trust the new authority alone")
			}
		})
	}
}

func TestRotateThatDoesNotGetReadyKeepsBoth(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.unready = true
	_, err := rotate(t, client, 200*time.Millisecond)
	wantProblem(t, err, problem.TimedOut, "the webhook trusts both certificates meanwhile")
	if n := len(certs.Parse(c.trusted())); n != 2 {
		t.Errorf("the webhook trusts %d authorities", n)
	}
}

func TestRotateOnlyWhatIsOurs(t *testing.T) {
	other := goodOptions()
	other.TLSSecret = "mine"
	foreignSecret := secretOf(pairs()[0])
	foreignSecret.Labels = nil
	tests := map[string]struct {
		objects []any
		says    string
	}{
		"nothing":             {nil, "no injector of kubectl falcon is installed"},
		"another certificate": {[]any{deploymentOf(other, manifest.TLS{})}, "secret/mine, which kubectl falcon did not make"},
		"no secret":           {[]any{deploymentOf(goodOptions(), manifest.TLS{})}, "secret/injector-tls is missing"},
		"a foreign secret":    {[]any{deploymentOf(goodOptions(), manifest.TLS{}), foreignSecret}, "not made by kubectl falcon"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			for _, o := range tt.objects {
				c.put(o)
			}
			_, err := rotate(t, client, time.Minute)
			wantProblem(t, err, problem.Failed, tt.says)
			if len(c.did()) > 0 {
				t.Errorf("it did %q", c.did())
			}
		})
	}
}

// A rotation is five steps: both are trusted, the Secret changes, the Deployment does, the pods roll, the new one
// alone is trusted. It is under way from the second to the last.
func TestUnderway(t *testing.T) {
	old, fresh := pairs()[0], pairs()[1]
	both := certs.Join(old.CA, fresh.CA)
	tests := map[string]struct {
		trusted  []byte // nil: no webhook
		stored   manifest.TLS
		deployed manifest.TLS
		want     bool
	}{
		"none":                              {old.CA, old, old, false},
		"both are trusted":                  {both, old, old, false},
		"the Secret is changed":             {both, fresh, old, true},
		"the Deployment is changed":         {both, fresh, fresh, true},
		"the new alone is trusted":          {fresh.CA, fresh, fresh, false},
		"the webhook knows nothing of it":   {old.CA, fresh, old, false},
		"without a webhook, at rest":        {nil, old, old, false},
		"without a webhook, in the middle":  {nil, fresh, old, true},
		"pods that are made for no certain": {old.CA, old, manifest.TLS{}, true},
	}
	for name, tt := range tests {
		f := &found{deployment: deploymentOf(goodOptions(), tt.deployed)}
		if tt.trusted != nil {
			f.webhook = &admissionv1.MutatingWebhookConfiguration{Webhooks: []admissionv1.MutatingWebhook{
				{ClientConfig: admissionv1.WebhookClientConfig{CABundle: tt.trusted}}}}
		}
		if got := underway(f, tt.stored); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestDaysLeft(t *testing.T) {
	now := time.Now()
	text := func(d time.Duration) []byte {
		pair, err := certs.New(now, d)
		if err != nil {
			t.Fatal(err)
		}
		return pair.CA
	}
	const day = 24 * time.Hour
	tests := map[string]struct {
		texts [][]byte
		want  int
	}{
		"none":               {nil, -1},
		"junk":               {[][]byte{[]byte("junk")}, -1},
		"the first to end":   {[][]byte{text(20*day + time.Hour), text(10*day + time.Hour)}, 10},
		"less than a day":    {[][]byte{text(time.Hour)}, 0},
		"ended":              {[][]byte{text(20 * day), text(-3 * day), text(-2 * day)}, 0},
		"more in one bundle": {[][]byte{certs.Join(text(9*day+time.Hour), text(8*day+time.Hour))}, 8},
	}
	for name, tt := range tests {
		if got := daysLeft(now, tt.texts...); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}
