package inject

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	authorizationv1 "k8s.io/api/authorization/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// cluster is an API server with what a run needs of one: real ownership of fields, versions, the rights of
// a user, dry-run pods that the stored webhook is called for, and pods that serve their certificate. The
// fake clientset has no requests to look at, and their order is what these tests are about.
type cluster struct {
	mu      sync.Mutex
	objects map[string]*unstructured.Unstructured // by resource/namespace/name
	version int64

	// deeds are the requests that change something, in their order, dry runs in brackets; asked are all
	// requests as rights, such as "get secrets".
	deeds, asked []string
	// harm are the deeds after which pods were refused: the package promises that there are none.
	harm []string

	// denied are rights that this user lacks; rules, if not nil, are all that the user has, and lacked are
	// the rights that were needed beyond them.
	denied map[string]bool
	rules  []rbacv1.PolicyRule
	lacked []string
	// unready keeps the Deployment from becoming available, podSecurity has namespaces refuse the sensor.
	unready bool
	// unreached has the Service lead nowhere although the injector is ready.
	unreached bool
	// unlearned are namespaces whose pods the API server does not call the webhook for.
	podSecurity, unlearned map[string]bool
	// meddle is called before each request is answered; an error of it is the answer.
	meddle func(*request) error
	// serving is what the injector's pods serve with: the Secret's certificate when they last rolled.
	serving manifest.TLS
}

// request is what a client asks.
type request struct {
	method, deed, verb        string
	gvr                       schema.GroupVersionResource
	namespace, name, sub, key string
	dry                       bool
	body                      []byte
	*http.Request
}

func newCluster(t *testing.T) (*cluster, *kube.Cluster) {
	t.Helper()
	c := &cluster{objects: map[string]*unstructured.Unstructured{}, denied: map[string]bool{}, podSecurity: map[string]bool{},
		unlearned: map[string]bool{}}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		for _, deed := range c.harm {
			t.Errorf("pods were refused after %s", deed)
		}
	})
	for _, name := range []string{"default", "kube-system", "shop"} {
		c.put(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": name}})
	}
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	flags := kube.NewFlags()
	*flags.APIServer = server.URL
	client, err := kube.Connect(flags, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

func parse(r *http.Request) *request {
	q := &request{Request: r, method: r.Method, dry: r.URL.Query().Has("dryRun")}
	q.body, _ = io.ReadAll(r.Body)
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if parts[0] == "api" && len(parts) > 2 {
		q.gvr.Version, parts = parts[1], parts[2:]
	} else if parts[0] == "apis" && len(parts) > 3 {
		q.gvr.Group, q.gvr.Version, parts = parts[1], parts[2], parts[3:]
	} else {
		return q
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		q.namespace, parts = parts[1], parts[2:]
	}
	parts = append(parts, "", "")
	q.gvr.Resource, q.name, q.sub = parts[0], parts[1], parts[2]
	q.verb = map[string]string{"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete", "GET": "get"}[r.Method]
	if q.method == http.MethodGet && q.name == "" {
		q.verb = "list"
	}
	if q.method == http.MethodPost && q.sub == "" {
		if o := decode(q.body); o != nil {
			q.name = o.GetName()
		}
	}
	q.key = q.gvr.Resource + "/" + q.namespace + "/" + q.name
	q.deed = q.method + " " + strings.TrimSuffix(q.gvr.Resource+"/"+q.name, "/")
	if q.namespace != "" && q.namespace != Namespace {
		q.deed += " (" + q.namespace + ")"
	}
	return q
}

// right is what the request needs, as a role would name it.
func (q *request) right() string {
	return q.verb + " " + strings.TrimSuffix(q.gvr.Resource+"/"+q.sub, "/")
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	q := parse(r)
	c.mu.Lock()
	defer c.mu.Unlock()
	if q.verb == "" {
		reply(w, discovery(r.URL.Path))
		return
	}
	c.asked = append(c.asked, q.right())
	review := q.gvr.Resource == "selfsubjectaccessreviews"
	if !review && q.method != http.MethodGet && q.sub == "" {
		c.deeds = append(c.deeds, q.title())
	}
	answer, err := any(nil), c.permit(q)
	if err == nil && c.meddle != nil {
		err = c.meddle(q)
	}
	switch {
	case err != nil:
	case review:
		answer, err = c.review(q)
	case q.sub == "portforward":
		// A connection lasts; the server goes on meanwhile.
		served := c.serving
		c.mu.Unlock()
		forward(w, r, served)
		c.mu.Lock()
		return
	default:
		answer, err = c.do(q)
		c.watch(q)
	}
	if err != nil && apierrors.ReasonForError(err) == metav1.StatusReasonUnknown {
		err = apierrors.NewInternalError(err)
	}
	if status, ok := errors.AsType[*apierrors.StatusError](err); ok {
		s := status.ErrStatus
		s.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(int(s.Code))
		_ = json.NewEncoder(w).Encode(s)
		return
	}
	reply(w, answer)
}

// title is the deed, in brackets if it is a dry run; a webhook's says how wide it is.
func (q *request) title() string {
	title := q.deed
	if q.gvr.Resource == "mutatingwebhookconfigurations" && q.method != http.MethodDelete {
		if o := decode(q.body); o != nil {
			title += " for " + breadth(o)
		}
	}
	if q.dry {
		return "(" + title + ")"
	}
	return title
}

// permit says whether this user may do it.
func (c *cluster) permit(q *request) error {
	if q.gvr.Resource == "selfsubjectaccessreviews" {
		return nil
	}
	wanted := []string{q.verb}
	if q.verb == "patch" && c.objects[q.key] == nil && strings.Contains(q.Header.Get("Content-Type"), "apply") {
		wanted = append(wanted, "create")
	}
	for _, verb := range wanted {
		resource := strings.TrimSuffix(q.gvr.Resource+"/"+q.sub, "/")
		granted := c.rules == nil || slices.ContainsFunc(c.rules, func(r rbacv1.PolicyRule) bool {
			return slices.Contains(r.APIGroups, q.gvr.Group) && slices.Contains(r.Resources, resource) && slices.Contains(r.Verbs, verb)
		})
		if !granted {
			c.lacked = append(c.lacked, verb+" "+resource)
		}
		if !granted || c.denied[verb+" "+resource] {
			return apierrors.NewForbidden(q.gvr.GroupResource(), q.name, errors.New("no role has it"))
		}
	}
	return nil
}

func (c *cluster) review(q *request) (any, error) {
	var r authorizationv1.SelfSubjectAccessReview
	if err := into(q.body, &r); err != nil {
		return nil, err
	}
	a := r.Spec.ResourceAttributes
	r.Status.Allowed = !c.denied[a.Verb+" "+strings.TrimSuffix(a.Resource+"/"+a.Subresource, "/")]
	r.TypeMeta = metav1.TypeMeta{APIVersion: "authorization.k8s.io/v1", Kind: "SelfSubjectAccessReview"}
	return r, nil
}

func reply(w http.ResponseWriter, o any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(o)
}

// discovery is which kinds there are.
func discovery(at string) object {
	resource := func(name, kind string) object {
		return object{"name": name, "namespaced": true, "kind": kind, "verbs": []any{"list"}}
	}
	apps := object{"groupVersion": "apps/v1", "version": "v1"}
	switch at {
	case "/api":
		return object{"kind": "APIVersions", "versions": []any{"v1"}}
	case "/apis":
		return object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{
			object{"name": "apps", "versions": []any{apps}, "preferredVersion": apps}}}
	case "/api/v1":
		return object{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{resource("configmaps", "ConfigMap"),
			resource("secrets", "Secret"), resource("services", "Service"), resource("serviceaccounts", "ServiceAccount")}}
	}
	return object{"kind": "APIResourceList", "groupVersion": "apps/v1", "resources": []any{resource("deployments", "Deployment")}}
}

// did are the requests that changed something.
func (c *cluster) did() (deeds []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, deed := range c.deeds {
		if !strings.HasPrefix(deed, "(") && !strings.HasPrefix(deed, "POST pods") {
			deeds = append(deeds, deed)
		}
	}
	return deeds
}

// forget begins a new record.
func (c *cluster) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deeds, c.asked = nil, nil
}
