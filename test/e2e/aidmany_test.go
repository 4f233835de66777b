//go:build e2e

package e2e

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// aidReport is what the tests read of aid -o json.
type aidReport struct {
	Schema string
	Pods   []struct {
		Namespace, Pod, AID, Reason, Message string
		Cached                               bool
		Flags                                []string
		Host                                 struct{ Name, Online, LastSeen string }
		Owner                                struct{ Kind, Name string }
		Details                              struct{ Version, CIDMatch string }
	}
	Summary struct {
		Pods, Known, Failed int
		Reasons             map[string]int
	}
}

func readAIDs(t *testing.T, r result) (report aidReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("aid -o json: %v: %v", err, r)
	}
	return report
}

// TestAIDOfMany asks several pods of a workload, of a namespace and of the cluster.
func TestAIDOfMany(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "aid-many")
	l.deployment(t, ns, "web", "3")
	l.deployment(t, ns, "db", "2")
	l.pod(t, ns, "plain", injectionKey+"=disabled")

	r := l.mustFalcon(t, "aid", "deploy/web", "-n", ns, "--wait", "--timeout=60s", "--details", "-o", "json")
	report := readAIDs(t, r)
	if report.Schema != "kubectl-falcon.aid/v1" || len(report.Pods) != 3 || report.Summary.Known != 3 {
		t.Fatalf("got %+v", report)
	}
	ids := map[string]string{}
	for _, p := range report.Pods {
		if !aidForm.MatchString(p.AID) || p.Owner.Kind != "Deployment" || p.Owner.Name != "web" ||
			p.Details.CIDMatch != "match" || p.Details.Version == "" {
			t.Errorf("got %+v", p)
		}
		ids[p.Pod] = p.AID
	}

	t.Run("of the namespace", func(t *testing.T) {
		l.mustFalcon(t, "aid", "deploy/db", "-n", ns, "--wait", "--timeout=60s")
		r := l.falcon(t, "aid", "-n", ns)
		wantCode(t, r, 0)
		wantContains(t, "stderr", r.stderr, "NoSensor: 1 pod, such as "+ns+"/plain", "next: kubectl falcon verify -n "+ns)
		// Named, it is a failure.
		named := l.falcon(t, "aid", "deploy/web", "plain", "-n", ns)
		wantCode(t, named, 1)
		wantContains(t, "stderr", named.stderr, "1 of 4 pods have no agent id")
		for pod, id := range ids {
			wantContains(t, "the table", r.stdout, pod+"  "+id)
		}
	})
	t.Run("of the cluster", func(t *testing.T) {
		r := l.falcon(t, "aid", "-A", "-o", "json")
		wantCode(t, r, 0)
		report := readAIDs(t, r)
		if report.Summary.Pods != len(report.Pods) || report.Summary.Known < 5 || report.Summary.Reasons["NoSensor"] == 0 {
			t.Errorf("got %+v", report.Summary)
		}
		seen := map[string]bool{}
		for _, p := range report.Pods {
			name := p.Namespace + "/" + p.Pod
			if seen[name] || (p.AID == "") == (p.Reason == "") || p.Namespace == ns && ids[p.Pod] != "" && ids[p.Pod] != p.AID {
				t.Errorf("got %+v", p)
			}
			seen[name] = true
		}
	})
	t.Run("one of each workload", func(t *testing.T) {
		r := l.mustFalcon(t, "aid", "deploy/web", "deploy/db", "-n", ns, "--per-workload", "-o", "json")
		if report := readAIDs(t, r); len(report.Pods) != 2 {
			t.Errorf("got %+v", report.Pods)
		}
	})
	t.Run("names from stdin", func(t *testing.T) {
		cmd := l.command(bin("kubectl-falcon"), "aid", "-", "-o", "name")
		var names []string
		for pod := range ids {
			names = append(names, ns+"/pod/"+pod)
		}
		cmd.Stdin = strings.NewReader(strings.Join(names, "\n") + "\n")
		r := finish(t, cmd)
		wantCode(t, r, 0)
		for pod := range ids {
			wantContains(t, "the names", r.stdout, "pod/"+pod)
		}
	})
	t.Run("with what the console knows", func(t *testing.T) {
		api, env := falconAPI(t, nil)
		r := l.falconWith(t, env, "aid", "deploy/web", "-n", ns, "--hosts", "-o", "json")
		wantCode(t, r, 0)
		for _, p := range readAIDs(t, r).Pods {
			if p.Host.Name == "" || p.Host.Online == "" || p.Host.LastSeen == "" || len(p.Flags) > 0 {
				t.Errorf("got %+v", p)
			}
		}
		wantContains(t, "the table", l.falconWith(t, env, "aid", "deploy/web", "-n", ns, "--hosts").stdout, "HOST", "ONLINE")
		api.Break("/devices/entities/devices/v2", falconapi.Fault{Status: http.StatusForbidden, Times: 1})
		refused := l.falconWith(t, env, "aid", "deploy/web", "-n", ns, "--hosts")
		wantContains(t, "without the scope", refused.stderr, "Hosts: Read")
		for _, id := range ids {
			wantContains(t, "the table without the console", refused.stdout, id)
		}
		_, stranger := falconAPI(t, func(c *falconapi.Config) { c.Obliging = false })
		r = l.falconWith(t, stranger, "aid", "deploy/web", "-n", ns, "--hosts", "-o", "json")
		for _, p := range readAIDs(t, r).Pods {
			if !slices.Equal(p.Flags, []string{"NotInConsole"}) {
				t.Errorf("got %+v", p)
			}
		}
	})
	t.Run("with a cache", func(t *testing.T) {
		t.Setenv("XDG_CACHE_HOME", t.TempDir())
		for _, cached := range []bool{false, true} {
			for _, p := range readAIDs(t, l.mustFalcon(t, "aid", "deploy/web", "-n", ns, "--cache", "-o", "json")).Pods {
				if p.Cached != cached || p.AID != ids[p.Pod] {
					t.Errorf("got %+v, want the cache used: %t", p, cached)
				}
			}
		}
	})
}

// TestAIDOfManyThroughAProxyThatRefusesWebSocket holds that the refusal is paid for once, not for each pod.
func TestAIDOfManyThroughAProxyThatRefusesWebSocket(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "aid-many-spdy")
	l.deployment(t, ns, "web", "6")
	l.mustFalcon(t, "aid", "deploy/web", "-n", ns, "--wait", "--timeout=60s")
	var webSocket, spdy atomic.Int32
	through := *l
	through.kubeconfig = proxied(t, l.kubeconfig, func(r *http.Request) {
		switch strings.ToLower(r.Header.Get("Upgrade")) {
		case "websocket":
			webSocket.Add(1)
			r.Header.Del("Upgrade")
		case "spdy/3.1":
			spdy.Add(1)
		}
	})
	r := through.mustFalcon(t, "aid", "deploy/web", "-n", ns, "-o", "json")
	if report := readAIDs(t, r); report.Summary.Known != 6 || webSocket.Load() != 1 || spdy.Load() != 6 {
		t.Errorf("%d ids after %d WebSocket and %d SPDY requests, want 6, 1 and 6", report.Summary.Known, webSocket.Load(), spdy.Load())
	}
}
