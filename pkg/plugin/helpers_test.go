package plugin

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// outcome is what a user sees of a run.
type outcome struct {
	code     int
	out, err string
}

// falcon runs a command line without any kubeconfig.
func falcon(t *testing.T, args ...string) outcome {
	t.Helper()
	return falconWith(t, t.Context(), args...)
}

func falconWith(t *testing.T, ctx context.Context, args ...string) outcome {
	t.Helper()
	hideKubeconfig(t)
	var out, errs strings.Builder
	code := Run(ctx, args, term.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	return outcome{code, out.String(), errs.String()}
}

// hideKubeconfig keeps the tests from the cluster of whoever runs them. client-go looks the home folder up
// once, before any test, so KUBECONFIG must name something.
func hideKubeconfig(t *testing.T) {
	t.Helper()
	if os.Getenv(varBase) == "" {
		withoutAPI(t)
	}
	home := t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("KUBECONFIG", filepath.Join(home, "absent"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	t.Setenv("KUBERNETES_SERVICE_PORT", "")
}

// must checks an outcome: the code, that stderr says each text, and that stdout is left to data.
func (o outcome) must(t *testing.T, code int, says ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d; it said\n%s", o.code, code, o.err)
	}
	for _, text := range says {
		if !strings.Contains(o.err, text) {
			t.Errorf("it did not say %q but\n%s", text, o.err)
		}
	}
	if code != ExitOK && o.out != "" {
		t.Errorf("it failed and printed on stdout\n%s", o.out)
	}
}

// everyCommand are the command lines that go to the cluster, each with what it needs.
var everyCommand = map[string][]string{
	"install":     {"install", "--cid", cid, "--image", "falcon:7"},
	"uninstall":   {"uninstall"},
	"status":      {"status"},
	"verify":      {"verify"},
	"explain":     {"explain", "pod/web"},
	"restart":     {"restart"},
	"aid":         {"aid", "web"},
	"logs":        {"logs"},
	"demo":        {"demo"},
	"demo run":    {"demo", "run", "rootkit"},
	"demo status": {"demo", "status"},
	"demo clean":  {"demo", "clean"},
}

const cid = "0123456789abcdef0123456789abcdef-12"

// closedPort returns the address of a server that is not there.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// refusing is a server that answers everything with one error of the API.
func refusing(t *testing.T, code int32, reason metav1.StatusReason, message string) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, int(code), metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status: metav1.StatusFailure, Code: code, Reason: reason, Message: message})
	})
}

func server(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handle)
	t.Cleanup(s.Close)
	return s.URL
}

func reply(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// bareWithReviews is a cluster that only answers whether one may do something.
func bareWithReviews(t *testing.T, allowed bool) string {
	t.Helper()
	return server(t, func(w http.ResponseWriter, _ *http.Request) {
		reply(w, http.StatusCreated, map[string]any{"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
			"status": map[string]any{"allowed": allowed}})
	})
}
