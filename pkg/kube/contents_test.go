package kube

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// kinds make the server's discovery: one resource each, listable unless a verb says otherwise.
func kinds(groupVersion string, resources ...metav1.APIResource) http.HandlerFunc {
	for i := range resources {
		if resources[i].Verbs == nil {
			resources[i].Verbs = metav1.Verbs{"get", "list"}
		}
	}
	return answer(http.StatusOK, metav1.APIResourceList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIResourceList"}, GroupVersion: groupVersion, APIResources: resources})
}

func group(name, version string) metav1.APIGroup {
	v := metav1.GroupVersionForDiscovery{GroupVersion: name + "/" + version, Version: version}
	return metav1.APIGroup{Name: name, Versions: []metav1.GroupVersionForDiscovery{v}, PreferredVersion: v}
}

func groups(list ...metav1.APIGroup) http.HandlerFunc {
	return answer(http.StatusOK, metav1.APIGroupList{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "APIGroupList"}, Groups: list})
}

func objects(items ...metav1.ObjectMeta) http.HandlerFunc {
	list := metav1.PartialObjectMetadataList{
		TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadataList"}}
	for _, m := range items {
		list.Items = append(list.Items, metav1.PartialObjectMetadata{
			TypeMeta: metav1.TypeMeta{APIVersion: "meta.k8s.io/v1", Kind: "PartialObjectMetadata"}, ObjectMeta: m})
	}
	return answer(http.StatusOK, list)
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Name: name} }

func namespaced(name string) metav1.APIResource {
	kinds := map[string]string{"replicasets": "ReplicaSet", "pods": "Pod"}
	return metav1.APIResource{Name: name, Namespaced: true, Kind: kinds[name]}
}

// fullNamespace is a namespace with everything that a cluster puts there by itself, and the routes to it.
func fullNamespace() map[string]http.HandlerFunc {
	now := metav1.Now()
	return map[string]http.HandlerFunc{
		"GET /api": answer(http.StatusOK, metav1.APIVersions{Versions: []string{"v1"}}),
		"GET /apis": groups(group("apps", "v1"), group("events.k8s.io", "v1"), group("metrics.k8s.io", "v1beta1"),
			group("example.com", "v1")),
		"GET /api/v1": kinds("v1", namespaced("configmaps"), namespaced("serviceaccounts"), namespaced("pods"),
			namespaced("pods/log"), namespaced("events"), namespaced("endpoints"),
			metav1.APIResource{Name: "nodes"},
			metav1.APIResource{Name: "bindings", Namespaced: true, Verbs: metav1.Verbs{"create"}}),
		"GET /apis/apps/v1":                kinds("apps/v1", namespaced("replicasets")),
		"GET /apis/events.k8s.io/v1":       kinds("events.k8s.io/v1", namespaced("events")),
		"GET /apis/metrics.k8s.io/v1beta1": kinds("metrics.k8s.io/v1beta1", namespaced("pods")),
		"GET /apis/example.com/v1":         kinds("example.com/v1", namespaced("widgets")),

		"GET /api/v1/namespaces/ns/serviceaccounts": objects(named("default")),
		"GET /api/v1/namespaces/ns/configmaps":      objects(named("kube-root-ca.crt")),
		"GET /api/v1/namespaces/ns/pods": objects(
			metav1.ObjectMeta{Name: "web-1", OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: "web"}}},
			metav1.ObjectMeta{Name: "going", DeletionTimestamp: &now}),
		"GET /apis/apps/v1/namespaces/ns/replicasets":    objects(),
		"GET /apis/example.com/v1/namespaces/ns/widgets": objects(),
	}
}

func TestContentsOfANamespaceWithNothingForeign(t *testing.T) {
	found, hidden, err := connect(t, newAPI(t, fullNamespace()).URL).Contents(t.Context(), "ns")
	if err != nil || len(found) != 0 || len(hidden) != 0 {
		t.Errorf("found %v, hidden %v, %v", found, hidden, err)
	}
}

func TestContentsNamesWhatIsForeign(t *testing.T) {
	routes := fullNamespace()
	// The names of what Kubernetes puts there are given only for their own kinds.
	routes["GET /api/v1/namespaces/ns/configmaps"] = objects(named("kube-root-ca.crt"), named("settings"), named("default"))
	routes["GET /api/v1/namespaces/ns/pods"] = objects(named("lonely"))
	routes["GET /apis/example.com/v1/namespaces/ns/widgets"] = objects(named("w"))
	found, _, err := connect(t, newAPI(t, routes).URL).Contents(t.Context(), "ns")
	want := []string{"configmaps/default", "configmaps/settings", "pods/lonely", "widgets/w"}
	if err != nil || !slices.Equal(found, want) {
		t.Errorf("found %v, %v; want %v", found, err, want)
	}
}

// Whatever cannot be seen might be there: a namespace that is taken for empty is deleted.
func TestContentsNamesTheKindsThatItMayNotList(t *testing.T) {
	no := refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `User "eve" cannot list this`)
	routes := fullNamespace()
	routes["GET /apis/example.com/v1/namespaces/ns/widgets"] = no
	routes["GET /api/v1/namespaces/ns/configmaps"] = no
	routes["GET /api/v1/namespaces/ns/pods"] = objects(named("lonely"))
	found, hidden, err := connect(t, newAPI(t, routes).URL).Contents(t.Context(), "ns")
	if err != nil || !slices.Equal(found, []string{"pods/lonely"}) || !slices.Equal(hidden, []string{"configmaps", "widgets"}) {
		t.Errorf("found %v, hidden %v, %v", found, hidden, err)
	}
}

// What a broken aggregated API would list cannot be seen.
func TestContentsHidesWhatABrokenAPIHas(t *testing.T) {
	routes := fullNamespace()
	routes["GET /apis/example.com/v1"] = refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is currently unable")
	_, hidden, err := connect(t, newAPI(t, routes).URL).Contents(t.Context(), "ns")
	if err != nil || !slices.Equal(hidden, []string{"example.com/v1"}) {
		t.Errorf("hidden %v, %v", hidden, err)
	}
}

func TestContentsFailsWhereTheServerDoesNotSay(t *testing.T) {
	down := refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "the server is currently unable")
	tests := map[string]struct {
		routes []string
		says   string
	}{
		"a kind that cannot be listed": {[]string{"GET /apis/example.com/v1/namespaces/ns/widgets"}, "list widgets in namespace ns"},
		"no discovery at all":          {[]string{"GET /api", "GET /apis"}, "which kinds of objects"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			routes := fullNamespace()
			for _, route := range test.routes {
				routes[route] = down
			}
			found, _, err := connect(t, newAPI(t, routes).URL).Contents(t.Context(), "ns")
			if err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("found %v, %v", found, err)
			}
		})
	}
}
