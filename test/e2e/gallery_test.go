//go:build e2e

package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// gallery is a lab with an injector that is broken in one way after another.
type gallery struct {
	*lab
	// usual are the checks that warn on this lab even when nothing is broken.
	usual []string
}

// exhibit is one broken cluster.
type exhibit struct {
	name string
	// damage breaks it, and has what it did undone when the test ends.
	damage func(t *testing.T, g *gallery)
	// want are the checks that fail or warn because of it, and no others; args are more for verify.
	want []string
	args []string
	// says is a part of what the first of them says.
	says string
	// idle says that no injector pod is left, so that none is on the one node.
	idle bool
}

// usualWarnings are what one node brings about, and nothing else.
var usualWarnings = []string{"FC207"}

// TestGalleryOfBrokenClusters breaks a cluster in every way that verify knows, and expects the checks that
// are about it and no others.
func TestGalleryOfBrokenClusters(t *testing.T) {
	t.Parallel()
	g := &gallery{lab: newLab(t, "gallery")}
	g.mustFalcon(t, good("--timeout-seconds", "5")...)
	g.namespace(t, "shop")
	g.sound(t)
	for _, e := range slices.Concat(brokenTrust, brokenCalls, brokenWebhooks, brokenPlaces, brokenPods) {
		t.Run(e.name, func(t *testing.T) {
			// Registered first, so that it comes after what undoes the damage.
			t.Cleanup(func() { g.sound(t) })
			e.damage(t, g)
			want := append(slices.Clone(g.usual), e.want...)
			if e.idle {
				want = slices.DeleteFunc(want, func(id string) bool { return slices.Contains(usualWarnings, id) })
			}
			slices.Sort(want)
			var last result
			eventually(t, "the findings "+strings.Join(e.want, " "), 60*time.Second, func() (bool, string) {
				last = g.falcon(t, append([]string{"verify", "-A", "-o", "json"}, e.args...)...)
				v := read[verdict](t, last.stdout)
				return slices.Equal(v.bad(), want), fmt.Sprintf("it says %v, want %v\n%s", v.bad(), want, findings(v))
			})
			wantContains(t, "verify", last.stdout, e.says)
		})
	}
}

// sound waits until nothing is broken any more.
func (g *gallery) sound(t *testing.T) {
	t.Helper()
	eventually(t, "a healthy cluster", 90*time.Second, func() (bool, string) {
		v := read[verdict](t, g.falcon(t, "verify", "-A", "-o", "json").stdout)
		g.usual = v.bad()
		return slices.Equal(v.bad(), usualWarnings), fmt.Sprintf("%v\n%s", v.bad(), findings(v))
	})
}

func findings(v verdict) string {
	var text strings.Builder
	for _, c := range v.Clusters[0].Checks {
		if c.Verdict != "fail" && c.Verdict != "warn" {
			continue
		}
		for _, f := range c.Findings {
			fmt.Fprintf(&text, "%s %s %s: %s\n", c.ID, c.Verdict, f.Object, f.Message)
		}
	}
	return text.String()
}

const hookName = "injector.falcon-system.svc"

// patchHook changes the webhook's one entry by a JSON patch.
func (g *gallery) patchHook(t *testing.T, path string, value any) {
	t.Helper()
	patch, err := json.Marshal([]map[string]any{{"op": "replace", "path": "/webhooks/0/" + path, "value": value}})
	if err != nil {
		t.Fatal(err)
	}
	g.kubectl(t, "patch", "mutatingwebhookconfiguration", hookName, "--type=json", "-p", string(patch))
}

// misbehaving has the stand-in injector misbehave, and behave again in the end.
func misbehaving(name string, more ...string) func(*testing.T, *gallery) {
	return func(t *testing.T, g *gallery) {
		t.Cleanup(func() {
			g.kubectl(t, "set", "env", "deployment/injector", "-n", "falcon-system", "FALCON_STANDIN_FAULT-", "FALCON_STANDIN_FAULT_DELAY-")
			g.rolled(t)
		})
		g.kubectl(t, append([]string{"set", "env", "deployment/injector", "-n", "falcon-system", "FALCON_STANDIN_FAULT=" + name}, more...)...)
		g.rolled(t)
	}
}

func (g *gallery) rolled(t *testing.T) {
	t.Helper()
	g.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=90s")
}

// again installs when the test ends, which puts back whatever is missing.
func (g *gallery) again(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		g.tryKubectl(t, "delete", "mutatingwebhookconfiguration", hookName)
		g.tryKubectl(t, "delete", "secret", "injector-tls", "-n", "falcon-system")
		g.mustFalcon(t, good("--timeout-seconds", "5", "--force-conflicts")...)
	})
}

// serve has the injector serve a certificate of the test's own, and the webhook trust its authority.
func (g *gallery) serve(t *testing.T, p pair, trusted bool) {
	t.Helper()
	g.again(t)
	dir := t.TempDir()
	for name, content := range map[string]string{"tls.crt": p.cert, "tls.key": p.key, "ca.crt": p.ca} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	secret := g.kubectl(t, "create", "secret", "generic", "injector-tls", "-n", "falcon-system", "--from-file="+dir, "--dry-run=client", "-o", "json")
	var data struct{ Data map[string]string }
	if err := json.Unmarshal([]byte(secret), &data); err != nil {
		t.Fatal(err)
	}
	patch, err := json.Marshal(data)
	if err != nil {
		t.Fatal(err)
	}
	g.kubectl(t, "patch", "secret", "injector-tls", "-n", "falcon-system", "--type=merge", "-p", strings.ReplaceAll(string(patch), `"Data"`, `"data"`))
	if trusted {
		g.patchHook(t, "clientConfig/caBundle", base64.StdEncoding.EncodeToString([]byte(p.ca)))
	}
	g.kubectl(t, "rollout", "restart", "deployment/injector", "-n", "falcon-system")
	g.rolled(t)
}

// brokenTrust are certificates that do not fit.
var brokenTrust = []exhibit{
	{name: "the webhook trusts an unknown authority", want: []string{"FC204", "FC403", "FC606"}, says: "signed by unknown authority",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			g.patchHook(t, "clientConfig/caBundle", base64.StdEncoding.EncodeToString([]byte(newPair(t, soon(), hookName).ca)))
		}},
	{name: "the certificate has expired", want: []string{"FC204", "FC405", "FC606"}, says: "expired",
		damage: func(t *testing.T, g *gallery) { g.serve(t, newPair(t, time.Now().Add(-time.Hour), hookName), true) }},
	{name: "the certificate is for another name", want: []string{"FC204", "FC404", "FC606"}, says: "other.example",
		damage: func(t *testing.T, g *gallery) { g.serve(t, newPair(t, soon(), "other.example"), true) }},
	{name: "the secret has drifted", want: []string{"FC403", "FC606"}, says: "unknown authority",
		damage: func(t *testing.T, g *gallery) { g.serve(t, newPair(t, soon(), hookName), false) }},
}

// brokenCalls are calls that do not arrive, or come to nothing.
var brokenCalls = []exhibit{
	{name: "the wrong port", want: []string{"FC204", "FC211", "FC606"}, says: "444",
		damage: func(t *testing.T, g *gallery) { g.again(t); g.patchHook(t, "clientConfig/service/port", 444) }},
	{name: "no endpoints", idle: true, want: []string{"FC206", "FC606"}, says: "no endpoints available",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			g.kubectl(t, "scale", "deployment/injector", "-n", "falcon-system", "--replicas=0")
			g.kubectl(t, "wait", "--for=delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--timeout=60s")
		}},
	{name: "the service is deleted", want: []string{"FC313", "FC606"}, says: "not found",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			g.kubectl(t, "delete", "service", "injector", "-n", "falcon-system")
		}},
	{name: "the injector is slow", want: []string{"FC204", "FC607"}, says: "context deadline exceeded", damage: misbehaving("slow")},
	{name: "the injector answers 500", want: []string{"FC204", "FC606"}, says: "an error on the server", damage: misbehaving("http-500")},
	{name: "somebody else answers", want: []string{"FC204", "FC606"}, says: "get version/kind", damage: misbehaving("html")},
	{name: "a patch that does not fit", want: []string{"FC204", "FC606"}, says: "doc is missing path", damage: misbehaving("bad-patch")},
	{name: "the injector denies", want: []string{"FC204", "FC606"}, says: "denied the request", damage: misbehaving("deny")},
}

// brokenWebhooks are configurations that mean something else than they should.
var brokenWebhooks = []exhibit{
	{name: "a dead injector that is ignored", idle: true, want: []string{"FC204", "FC206", "FC303", "FC608"}, says: "without the sensor",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			g.patchHook(t, "failurePolicy", "Ignore")
			g.kubectl(t, "scale", "deployment/injector", "-n", "falcon-system", "--replicas=0")
			g.kubectl(t, "wait", "--for=delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--timeout=60s")
		}},
	{name: "two webhooks", want: []string{"FC302"}, says: "falcon-sensor-injector",
		damage: func(t *testing.T, g *gallery) {
			t.Cleanup(func() { g.kubectl(t, "delete", "mutatingwebhookconfiguration", "falcon-sensor-injector") })
			second := read[map[string]any](t, g.kubectl(t, "get", "mutatingwebhookconfiguration", hookName, "-o", "json"))
			second["metadata"] = map[string]any{"name": "falcon-sensor-injector"}
			text, err := json.Marshal(second)
			if err != nil {
				t.Fatal(err)
			}
			g.apply(t, string(text), "--server-side")
		}},
	{name: "the own namespace is covered", want: []string{"FC204", "FC304"}, says: "falcon-system",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			t.Cleanup(func() { g.kubectl(t, "label", "namespace", "falcon-system", injectionKey+"=disabled", "--overwrite") })
			g.kubectl(t, "label", "namespace", "falcon-system", injectionKey+"-")
			g.patchHook(t, "namespaceSelector", map[string]any{"matchExpressions": []map[string]any{
				{"key": injectionKey, "operator": "NotIn", "values": []string{"disabled"}},
				{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": []string{"kube-system", "kube-public", "kube-node-lease"}}}})
		}},
	{name: "a webhook whose namespace is gone", idle: true, want: []string{"FC313", "FC606", "FC951", "FC952"}, says: "not found", args: []string{"--leftovers"},
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			// Without its owner it stays when the namespace goes.
			g.kubectl(t, "patch", "mutatingwebhookconfiguration", hookName, "--type=json", "-p", `[{"op":"remove","path":"/metadata/ownerReferences"}]`)
			g.kubectl(t, "delete", "namespace", "falcon-system", "--timeout=60s")
		}},
}
