package inject

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

type object = map[string]any

// cluster is an API server with what an installation needs of one, and a record of what was done to it.
// The order of the requests is what these tests are about, and dry runs must not be mistaken for deeds;
// the fake clientset shows neither.
type cluster struct {
	mu      sync.Mutex
	objects map[string]object // by path
	version int
	// deeds are the requests in their order, such as "PATCH secrets/injector-tls", dry runs in brackets.
	deeds []string

	// unready keeps the Deployment from becoming available.
	unready bool
	// refuse answers a request with an error, if it returns a message.
	refuse func(deed string) string
	// canary makes the answer to a dry-run pod.
	canary func(pod object) object
}

const (
	corePath    = "/api/v1/namespaces/falcon-system/"
	webhookPath = "/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/injector.falcon-system.svc"
	deployPath  = "/apis/apps/v1/namespaces/falcon-system/deployments/injector"
	slicesPath  = "/apis/discovery.k8s.io/v1/namespaces/falcon-system/endpointslices"
)

func newCluster(t *testing.T) (*cluster, *kube.Cluster) {
	t.Helper()
	c := &cluster{objects: map[string]object{}, canary: func(pod object) object { return pod },
		refuse: func(string) string { return "" }}
	server := httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(server.Close)
	home := t.TempDir()
	t.Setenv("KUBECONFIG", filepath.Join(home, "absent"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	flags := genericclioptions.NewConfigFlags(true)
	*flags.APIServer = server.URL
	client, err := kube.Connect(flags, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c, client
}

func (c *cluster) serve(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	body, _ := io.ReadAll(r.Body)
	deed := r.Method + " " + path.Base(path.Dir(r.URL.Path)) + "/" + path.Base(r.URL.Path)
	if r.Method == http.MethodPost {
		deed = "POST " + r.URL.Path
	}
	if r.URL.Query().Has("dryRun") {
		deed = "(" + deed + ")"
	}
	if r.Method != http.MethodGet {
		c.deeds = append(c.deeds, deed)
	}
	if message := c.refuse(deed); message != "" {
		reply(w, status(http.StatusForbidden, metav1.StatusReasonForbidden, message))
		return
	}
	switch r.Method {
	case http.MethodGet:
		reply(w, c.get(r.URL.Path))
	case http.MethodPatch:
		reply(w, c.patch(r, body))
	case http.MethodPost:
		reply(w, c.canary(object{"apiVersion": "v1", "kind": "Pod", "metadata": object{"name": "falcon-canary-x"},
			"spec": object{"containers": []any{object{"name": "canary"}}}}))
	case http.MethodDelete:
		delete(c.objects, r.URL.Path)
		reply(w, object{"apiVersion": "v1", "kind": "Status", "status": "Success"})
	}
}

func (c *cluster) patch(r *http.Request, body []byte) object {
	var o object
	if err := json.Unmarshal(body, &o); err != nil {
		return status(http.StatusBadRequest, metav1.StatusReasonBadRequest, err.Error())
	}
	meta := o["metadata"].(object)
	meta["uid"] = "uid-of-" + r.URL.Path
	if old, ok := c.objects[r.URL.Path]; ok {
		meta["resourceVersion"] = old["metadata"].(object)["resourceVersion"]
		if reflect.DeepEqual(old, o) {
			return o
		}
	}
	c.version++
	meta["resourceVersion"] = fmt.Sprint(c.version)
	if !r.URL.Query().Has("dryRun") {
		c.objects[r.URL.Path] = o
	}
	return o
}

func (c *cluster) get(at string) object {
	if o, ok := c.objects[at]; ok {
		if at == deployPath && !c.unready {
			o = object{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": o["metadata"], "spec": o["spec"],
				"status": object{"replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}}
		}
		return o
	}
	switch at {
	case "/api":
		return object{"kind": "APIVersions", "versions": []any{"v1"}}
	case "/apis":
		return object{"kind": "APIGroupList", "apiVersion": "v1", "groups": []any{}}
	case "/api/v1":
		return object{"kind": "APIResourceList", "groupVersion": "v1", "resources": []any{
			object{"name": "configmaps", "namespaced": true, "kind": "ConfigMap", "verbs": []any{"list"}}}}
	case slicesPath:
		return list("discovery.k8s.io/v1", "EndpointSliceList", object{
			"addressType": "IPv4", "endpoints": []any{object{"addresses": []any{"10.0.0.1"}, "conditions": object{"ready": !c.unready}}}})
	case corePath + "pods":
		return list("v1", "PodList", c.under(at)...)
	case corePath + "configmaps":
		return list("meta.k8s.io/v1", "PartialObjectMetadataList", c.under(at)...)
	}
	return status(http.StatusNotFound, metav1.StatusReasonNotFound, "not found")
}

// under returns what is stored below a path.
func (c *cluster) under(at string) (items []any) {
	for where, o := range c.objects {
		if strings.HasPrefix(where, at+"/") {
			items = append(items, o)
		}
	}
	return items
}

func list(apiVersion, kind string, items ...any) object {
	return object{"apiVersion": apiVersion, "kind": kind, "metadata": object{}, "items": items}
}

func status(code int, reason metav1.StatusReason, message string) object {
	return object{"apiVersion": "v1", "kind": "Status", "status": "Failure", "code": code, "reason": reason, "message": message}
}

func reply(w http.ResponseWriter, o object) {
	w.Header().Set("Content-Type", "application/json")
	if code, ok := o["code"].(int); ok {
		w.WriteHeader(code)
	}
	_ = json.NewEncoder(w).Encode(o)
}

// done returns what was really done, without the dry runs.
func (c *cluster) done() (deeds []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, d := range c.deeds {
		if !strings.HasPrefix(d, "(") {
			deeds = append(deeds, d)
		}
	}
	return deeds
}

// log is a Reporter that keeps what it is told, remarks apart.
type log struct{ changes, remarks []string }

func (l *log) report(e Event) {
	if e.Object == "" {
		l.remarks = append(l.remarks, e.Remark)
		return
	}
	l.changes = append(l.changes, fmt.Sprintf("%s %s", e.Object, e.Change))
}
