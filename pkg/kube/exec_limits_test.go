package kube

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestExecKeeps64KiBOfEachStream(t *testing.T) {
	line := strings.Repeat("x", 1023) + "\n"
	a := newAPI(t, map[string]http.HandlerFunc{
		"GET " + execPath: serveWebSocket(prints(strings.Repeat(line, 200), "short"))})
	got, err := run(t, a)
	if err != nil || got.Stdout != strings.Repeat(line, 64) || got.Stderr != "short" {
		t.Errorf("got %d bytes on stdout, %q on stderr, %v", len(got.Stdout), got.Stderr, err)
	}
}

// Without the right to exec, the user must hear that, with the exit code for it.
func TestExecKnowsAMissingRight(t *testing.T) {
	no := refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `User "eve" cannot create resource "pods/exec"`)
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: no, "POST " + execPath: no})
	_, err := run(t, a)
	if !apierrors.IsForbidden(err) {
		t.Errorf("got %v", err)
	}
	mustProblem(t, Explain(err, nil), problem.NoAccess, "ask for this right")
}

// A command that never ends must not keep whoever pressed Ctrl-C, and what it printed until then must
// be read without a race with what it still prints.
func TestExecEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	hold := make(chan struct{})
	defer close(hold)
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: serveWebSocket(func(out, _ io.Writer) metav1.Status {
		_, _ = io.WriteString(out, "still here")
		cancel()
		<-hold
		return metav1.Status{Status: metav1.StatusSuccess}
	})})
	_, err := NewExecutor(connect(t, a.URL)).Run(ctx, Command{Namespace: "ns", Pod: "p", Argv: []string{"x"}})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}
