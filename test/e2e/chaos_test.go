//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// fault is what is done to one request of the plugin.
type fault string

const (
	noFault fault = "no fault"
	// The plugin is killed with its request on the way, or with the answer on the way.
	killBefore fault = "killed before"
	killAfter  fault = "killed after"
	// The connection ends, and the plugin lives on.
	cutBefore fault = "cut before"
	cutAfter  fault = "cut after"
	// The server refuses once.
	answer429 fault = "answered 429"
	answer500 fault = "answered 500"
	answer409 fault = "answered 409"
	// Not to one request but to a whole run.
	slow  fault = "slowed down"
	raced fault = "at the same time as another"
)

// Each of these is done to every point. What leaves the server changed comes last, since afterwards the
// point may not come again.
var (
	kills    = []fault{killBefore, killAfter}
	troubles = []fault{answer429, answer500, answer409, cutBefore, cutAfter}
)

// point is one changing request of an operation: the nth of its method and path, from 1.
type point struct {
	request string
	nth     int
}

func (p point) String() string {
	if p.nth == 1 {
		return p.request
	}
	return fmt.Sprintf("%s, number %d", p.request, p.nth)
}

// step is a fault that is done to a point.
type step struct {
	fault fault
	at    point
}

func (s step) String() string { return fmt.Sprintf("%s at %s", s.fault, s.at) }

// disturbance is what is done to one run of the plugin.
type disturbance struct {
	// steps are done one after another, each when the request of its point comes.
	steps []step
	// delay is waited before every request, reads too.
	delay time.Duration
}

// chaos is a proxy before an API server that counts what a run changes and does it a fault.
type chaos struct {
	kubeconfig string
	forward    http.Handler

	mu   sync.Mutex
	what disturbance
	// kill ends the run, and returns when it has ended.
	kill func()
	// points are the changing requests of the run so far.
	points []point
}

// newChaos starts a proxy before the API server of the kubeconfig.
func newChaos(t *testing.T, kubeconfig string) *chaos {
	t.Helper()
	c := &chaos{}
	c.kubeconfig = proxyTo(t, kubeconfig, func(forward http.Handler) http.Handler {
		c.forward = forward
		return c
	})
	return c
}

// proxyTo starts a proxy on loopback before the API server of the kubeconfig, and returns a kubeconfig that
// goes through it. wrap may put something before the proxy's handler. Upgrades (exec, port-forward) pass.
func proxyTo(t *testing.T, kubeconfig string, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	// HTTP/2 has no upgrades.
	config.NextProtos = []string{"http/1.1"}
	transport, err := rest.TransportFor(config)
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(config.Host)
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(target)
	proxy.Transport, proxy.FlushInterval = transport, -1
	// A killed client is no news.
	proxy.ErrorLog = log.New(io.Discard, "", 0)
	server := httptest.NewServer(wrap(proxy))
	t.Cleanup(server.Close)
	through := api.NewConfig()
	through.Clusters["proxy"] = &api.Cluster{Server: server.URL}
	through.Contexts["proxy"] = &api.Context{Cluster: "proxy"}
	through.CurrentContext = "proxy"
	content, err := clientcmd.Write(*through)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// begin starts a run under a disturbance. The lock is held meanwhile, so that no request of the run is
// looked at before the run can be killed.
func (c *chaos) begin(what disturbance, kill func(), start func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.what, c.kill, c.points = what, kill, nil
	return start()
}

// seen returns the changing requests of the run so far, and the steps that had no turn.
func (c *chaos) seen() ([]point, []step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.points), c.what.steps
}

// hashed is the name of a configuration, numbered that of one from before, of which each run has another.
var (
	hashed   = regexp.MustCompile(`injector-config-[0-9a-f]{10}`)
	numbered = regexp.MustCompile(oldConfig + `[0-9]+`)
)

// note counts a request if it changes something, and returns the fault to do to it.
func (c *chaos) note(r *http.Request) (fault, time.Duration, func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !changes(r) {
		return noFault, c.what.delay, nil
	}
	// The hash in the name of a configuration differs with the way of an upgrade.
	path := numbered.ReplaceAllString(hashed.ReplaceAllString(r.URL.Path, "injector-config-HASH"), oldConfig+"N")
	p := point{request: r.Method + " " + path, nth: 1}
	for _, earlier := range c.points {
		if earlier.request == p.request {
			p.nth++
		}
	}
	c.points = append(c.points, p)
	// A request that the plugin tries again is a later one of its kind.
	if len(c.what.steps) == 0 {
		return noFault, c.what.delay, nil
	}
	next := c.what.steps[0]
	if p.request != next.at.request || p.nth < next.at.nth {
		return noFault, c.what.delay, nil
	}
	c.what.steps = c.what.steps[1:]
	return next.fault, c.what.delay, c.kill
}

// changes says whether the server keeps what the request asks for.
func changes(r *http.Request) bool {
	switch r.Method {
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
	default:
		return false
	}
	if r.URL.Query().Has("dryRun") {
		return false
	}
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if last := parts[len(parts)-1]; last == "selfsubjectaccessreviews" || last == "selfsubjectrulesreviews" {
		return false
	}
	// Only a subresource: an object can have these names too.
	i := slices.Index(parts, "namespaces")
	if i < 0 || len(parts) < i+5 {
		return true
	}
	return !slices.Contains([]string{"exec", "portforward", "proxy"}, parts[i+4])
}

// ServeHTTP passes the request on, or does the fault whose turn it is.
func (c *chaos) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	what, delay, kill := c.note(r)
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
		return
	}
	switch what {
	case killBefore:
		kill()
		panic(http.ErrAbortHandler)
	case killAfter:
		c.forward.ServeHTTP(httptest.NewRecorder(), r)
		kill()
		panic(http.ErrAbortHandler)
	case cutBefore:
		panic(http.ErrAbortHandler)
	case cutAfter:
		c.forward.ServeHTTP(httptest.NewRecorder(), r)
		panic(http.ErrAbortHandler)
	case answer429:
		w.Header().Set("Retry-After", "1")
		refuse(w, http.StatusTooManyRequests, metav1.StatusReasonTooManyRequests,
			"the server has received too many requests and has asked us to try again later")
	case answer500:
		refuse(w, http.StatusInternalServerError, metav1.StatusReasonInternalError,
			"Internal error occurred: etcdserver: leader changed")
	case answer409:
		name := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		refuse(w, http.StatusConflict, metav1.StatusReasonConflict, fmt.Sprintf("Operation cannot be fulfilled on %q: "+
			"the object has been modified; please apply your changes to the latest version and try again", name))
	default:
		c.forward.ServeHTTP(w, r)
	}
}

// refuse answers as the API server does.
func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	status := metav1.Status{
		TypeMeta: metav1.TypeMeta{Kind: "Status", APIVersion: "v1"},
		Status:   metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message,
	}
	if code == http.StatusTooManyRequests {
		status.Details = &metav1.StatusDetails{RetryAfterSeconds: 1}
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(status)
}
