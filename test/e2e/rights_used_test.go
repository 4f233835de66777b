//go:build e2e

package e2e

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

// inTrouble are rights that only a run which does not get through needs.
var inTrouble = []grant{
	{"", "pods/log", "get"}, {"", "events", "list"},
	// For the label on a namespace that somebody else made.
	{"", "namespaces", "patch"},
	// Old API servers take port-forwarding over SPDY alone, which is the other verb.
	{"", "pods/portforward", "get"}, {"", "pods/portforward", "create"},
}

// asked is the right that a request needs.
func asked(r *http.Request) grant {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	g := grant{}
	switch {
	case parts[0] == "api" && len(parts) > 2:
		parts = parts[2:]
	case parts[0] == "apis" && len(parts) > 3:
		g.group, parts = parts[1], parts[3:]
	default:
		return g
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	g.resource = parts[0]
	if len(parts) > 2 {
		g.resource += "/" + parts[2]
	}
	g.verb = map[string]string{"GET": "get", "POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}[r.Method]
	if g.verb == "get" && len(parts) == 1 {
		g.verb = "list"
	}
	return g
}

// TestNoRightTooMany watches what the commands ask the API server for: rbac gives nothing that nobody asks
// for. What install needs when it fails is more than one run can show, so it is left out.
func TestNoRightTooMany(t *testing.T) {
	l := shared()
	l.install(t)
	l.pod(t, l.namespace(t, "rights-used"), "one")
	var mu sync.Mutex
	var used []grant
	through := *l
	through.kubeconfig = proxied(t, l.kubeconfig, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		used = append(used, asked(r))
	})
	for _, c := range []struct {
		role string
		runs [][]string
	}{
		{"status", [][]string{{"status"}, {"certs"}}},
		{"certs", [][]string{{"certs", "rotate"}}},
		{"uninstall", [][]string{{"uninstall", "--dry-run"}, {"uninstall"}}},
	} {
		t.Run(c.role, func(t *testing.T) {
			used = nil
			for _, args := range c.runs {
				through.mustFalcon(t, args...)
			}
			for _, g := range l.roleOf(t, c.role) {
				if !slices.Contains(used, g) && !slices.Contains(inTrouble, g) {
					t.Errorf("rbac %s gives %s %s, which nothing asks for", c.role, g.verb, g.resource)
				}
			}
		})
	}
}
