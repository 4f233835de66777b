package kube

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// request is what a server was asked.
type request struct {
	method, path string
	query        url.Values
	contentType  string
	body         []byte
}

// api is a server that answers like an API server, with what the test tells it. The fake clientset would
// not do: it knows nothing of server-side apply, preconditions or what a request looks like.
type api struct {
	*httptest.Server
	// routes maps "METHOD /path" to answers; what is not there is 404.
	routes map[string]http.HandlerFunc

	mu   sync.Mutex
	seen []request
}

func newAPI(t *testing.T, routes map[string]http.HandlerFunc) *api {
	t.Helper()
	a := &api{routes: routes}
	a.Server = httptest.NewServer(http.HandlerFunc(a.serve))
	t.Cleanup(a.Close)
	return a
}

func (a *api) serve(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	a.seen = append(a.seen, request{r.Method, r.URL.Path, r.URL.Query(), r.Header.Get("Content-Type"), body})
	a.mu.Unlock()
	if answer, ok := a.routes[r.Method+" "+r.URL.Path]; ok {
		answer(w, r)
		return
	}
	refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")(w, r)
}

// requests returns what was asked with a method.
func (a *api) requests(method string) []request {
	a.mu.Lock()
	defer a.mu.Unlock()
	var some []request
	for _, r := range a.seen {
		if r.method == method {
			some = append(some, r)
		}
	}
	return some
}

// connect connects as a user would with --server, whatever kubeconfig this machine has.
func connect(t *testing.T, server string) *Cluster {
	t.Helper()
	withoutKubeconfig(t)
	flags := NewFlags()
	*flags.APIServer = server
	c, err := Connect(flags, "kubectl-falcon/test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withoutKubeconfig hides the kubeconfig of whoever runs the tests, and that of a pod they may run in.
func withoutKubeconfig(t *testing.T) {
	t.Helper()
	home := t.TempDir()
	t.Setenv("HOME", home)
	// client-go looks up the home folder once, before any test, so an empty KUBECONFIG would not do.
	t.Setenv("KUBECONFIG", filepath.Join(home, "absent"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBERNETES_SERVICE_PORT", "")
}

// answer makes a route that returns v as JSON.
func answer(code int, v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(v)
	}
}

// refuse makes a route that returns the API's own form of an error.
func refuse(code int32, reason metav1.StatusReason, message string) http.HandlerFunc {
	return answer(int(code), metav1.Status{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status:   metav1.StatusFailure, Code: code, Reason: reason, Message: message,
	})
}

// stored is an object as a server keeps it.
func stored(apiVersion, kind, name, version, uid string) map[string]any {
	return map[string]any{"apiVersion": apiVersion, "kind": kind, "metadata": map[string]any{
		"name": name, "namespace": "ns", "resourceVersion": version, "uid": uid}}
}
