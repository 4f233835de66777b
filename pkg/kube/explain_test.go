package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var pods = schema.GroupResource{Resource: "pods"}

func TestExplainGivesAPIErrorsAKindAndAdvice(t *testing.T) {
	tests := map[string]struct {
		err  error
		kind problem.Kind
		says []string
		next string
	}{
		"unauthorized": {apierrors.NewUnauthorized("token expired"), problem.NoAccess,
			[]string{"does not accept the kubeconfig's credentials", "token expired"}, "log in again"},
		"forbidden": {apierrors.NewForbidden(pods, "web", errors.New(`User "eve" cannot get resource`)), problem.NoAccess,
			[]string{"not permitted", `User "eve" cannot get resource`}, "ask for this right"},
		"changed meanwhile": {apierrors.NewConflict(pods, "web", errors.New("the object has been modified")), problem.Failed,
			[]string{"it was changed meanwhile", "the object has been modified"}, "run it again"},
		"conflict": {apierrors.NewApplyConflict([]metav1.StatusCause{{Type: metav1.CauseTypeFieldManagerConflict, Field: ".data.x"}},
			`conflict with "helm": .data.x`), problem.Failed,
			[]string{"another tool manages this object", `conflict with "helm": .data.x`}, "the tool that owns it"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			// Callers say what they were doing; the cause must be seen through that.
			err := Explain(fmt.Errorf("read pod/web: %w", test.err), nil)
			p := mustProblem(t, err, test.kind, test.next)
			for _, text := range append(test.says, "read pod/web") {
				if !strings.Contains(p.Error(), text) {
					t.Errorf("%q does not say %q", p.Error(), text)
				}
			}
			if !errors.Is(err, test.err) {
				t.Error("the cause is lost")
			}
		})
	}
}

func TestExplainLeavesAlone(t *testing.T) {
	tests := map[string]error{
		"nothing":          nil,
		"another error":    errors.New("disk full"),
		"not found":        apierrors.NewNotFound(pods, "web"),
		"an interrupt":     fmt.Errorf("get: %w", context.Canceled),
		"a deadline":       fmt.Errorf("get: %w", context.DeadlineExceeded),
		"a problem":        problem.New(problem.TimedOut, "wait", "too late"),
		"a nested problem": fmt.Errorf("x: %w", problem.New(problem.BadInput, "y", "%w", apierrors.NewUnauthorized("z"))),
	}
	for name, err := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Explain(err, &Cluster{Config: &rest.Config{}}); got != err {
				t.Errorf("it became %v", got)
			}
		})
	}
}

// An interrupted or timed-out request comes out of net/http inside a *url.Error, which must not make it
// look like a cluster that cannot be reached.
func TestExplainKnowsACutRequestFromADeadCluster(t *testing.T) {
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer silent.Close()
	c := connect(t, silent.URL)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	expired, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	for want, ctx := range map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: expired} {
		_, err := c.Client.CoreV1().Namespaces().Get(ctx, "x", metav1.GetOptions{})
		got := Explain(err, c)
		if !errors.Is(got, want) {
			t.Errorf("%v became %v", err, got)
		}
		if p, ok := errors.AsType[*problem.Error](got); ok {
			t.Errorf("%v became a problem of kind %d: %v", err, p.Kind(), p)
		}
	}
}

func TestExplainNamesTheHostThatRefusesConnections(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := "http://" + l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	c := connect(t, host)
	c.Context = "staging"
	_, err = c.Client.CoreV1().Namespaces().Get(t.Context(), "x", metav1.GetOptions{})
	p := mustProblem(t, Explain(err, c), problem.NoAccess, "check the context")
	for _, text := range []string{host, `"staging"`, "cannot be reached", "connection refused"} {
		if !strings.Contains(p.Error(), text) {
			t.Errorf("%q does not say %q", p, text)
		}
	}
	if strings.Contains(p.Error(), "/api/v1/namespaces") {
		t.Errorf("%q repeats the request's URL", p)
	}
}

func TestExplainTellsACertificateThatIsNotTrusted(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	// The server's own complaint about the failed handshake is no news here.
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	c := connect(t, server.URL)
	_, err := c.Client.CoreV1().Namespaces().Get(t.Context(), "x", metav1.GetOptions{})
	p := mustProblem(t, Explain(err, c), problem.NoAccess, "check the context")
	for _, text := range []string{server.URL, "certificate signed by unknown authority"} {
		if !strings.Contains(p.Error(), text) {
			t.Errorf("%q does not say %q", p, text)
		}
	}
}

// Before there is a cluster there is no host to name, and no reason to crash.
func TestExplainWithoutACluster(t *testing.T) {
	p := mustProblem(t, Explain(&net.OpError{Op: "dial", Err: errors.New("refused")}, nil), problem.NoAccess, "")
	if !strings.Contains(p.Error(), "cannot be reached") {
		t.Errorf("it says %q", p)
	}
}

func mustProblem(t *testing.T, err error, kind problem.Kind, next string) *problem.Error {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok {
		t.Fatalf("not a problem: %v", err)
	}
	if p.Kind() != kind {
		t.Errorf("kind is %d, want %d (%v)", p.Kind(), kind, p)
	}
	if !strings.Contains(p.Next(), next) {
		t.Errorf("advice is %q, want %q in it", p.Next(), next)
	}
	return p
}
