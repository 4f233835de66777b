package kube

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"
)

// The newer form of discovery, of a server with the kinds of fullNamespace and a version of a group after the
// preferred one, with a kind of its own.
const (
	wholeCore = `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[{"metadata":{},"versions":[
{"version":"v1","freshness":"Current","resources":[
 {"resource":"configmaps","responseKind":{"group":"","version":"v1","kind":"ConfigMap"},"scope":"Namespaced","verbs":["get","list"]},
 {"resource":"serviceaccounts","responseKind":{"kind":"ServiceAccount"},"scope":"Namespaced","verbs":["list"]},
 {"resource":"pods","responseKind":{"kind":"Pod"},"scope":"Namespaced","verbs":["list"],
  "subresources":[{"subresource":"log","responseKind":{"kind":"Pod"},"verbs":["get"]}]},
 {"resource":"bindings","responseKind":{"kind":"Binding"},"scope":"Namespaced","verbs":["create"]},
 {"resource":"nodes","responseKind":{"kind":"Node"},"scope":"Cluster","verbs":["list"]}]}]}]}`
	wholeOthers = `{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","items":[
{"metadata":{"name":"apps"},"versions":[{"version":"v1","freshness":"Current","resources":[
 {"resource":"replicasets","responseKind":{"kind":"ReplicaSet"},"scope":"Namespaced","verbs":["list"]}]}]},
{"metadata":{"name":"example.com"},"versions":[
 {"version":"v1","freshness":"Current","resources":[
  {"resource":"widgets","responseKind":{"kind":"Widget"},"scope":"Namespaced","verbs":["list"]}]},
 {"version":"v1beta1","freshness":"Current","resources":[
  {"resource":"widgets","responseKind":{"kind":"Widget"},"scope":"Namespaced","verbs":["list"]},
  {"resource":"gadgets","responseKind":{"kind":"Gadget"},"scope":"Namespaced","verbs":["list"]}]}]},
{"metadata":{"name":"broken.example.com"},"versions":[{"version":"v1","freshness":"Stale"}]}]}`
)

func inOneAnswer(t *testing.T, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Accept") != aggregated {
			t.Errorf("%s was asked for with %q", r.URL.Path, r.Header.Get("Accept"))
		}
		w.Header().Set("Content-Type", "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList")
		_, _ = w.Write([]byte(text))
	}
}

// A server that tells all its groups at once is asked twice, and what it says of them is used as if it had been
// asked for each.
func TestContentsFromAllGroupsInOneAnswer(t *testing.T) {
	routes := fullNamespace()
	for _, each := range []string{"GET /api/v1", "GET /apis/apps/v1", "GET /apis/example.com/v1"} {
		routes[each] = func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was asked for too", r.URL.Path) }
	}
	routes["GET /api"], routes["GET /apis"] = inOneAnswer(t, wholeCore), inOneAnswer(t, wholeOthers)
	routes["GET /apis/example.com/v1/namespaces/ns/widgets"] = objects(named("w"))
	routes["GET /apis/example.com/v1beta1/namespaces/ns/gadgets"] = objects(named("g"))
	found, hidden, err := connect(t, newAPI(t, routes).URL).Contents(t.Context(), "ns")
	if err != nil || !slices.Equal(found, []string{"gadgets/g", "widgets/w"}) || !slices.Equal(hidden, []string{"broken.example.com/v1"}) {
		t.Errorf("found %v, hidden %v, %v", found, hidden, err)
	}
}

// The server's preferred version of a group is not always the first that it names.
func TestVersionsBeginWithThePreferredOne(t *testing.T) {
	var answer groupAnswer
	if err := json.Unmarshal([]byte(`{"groups":[{"name":"a","versions":[{"version":"v1beta1"},{"version":"v1"}],
		"preferredVersion":{"version":"v1"}}]}`), &answer); err != nil {
		t.Fatal(err)
	}
	got := versions(&answer)
	if len(got) != 2 || got[0].String() != "a/v1" || got[1].String() != "a/v1beta1" {
		t.Errorf("%v", got)
	}
}
