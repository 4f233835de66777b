package kube

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/klog/v2"
	"k8s.io/streaming/pkg/httpstream"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// MaxOutput bounds what is kept of a command's output, in bytes of each stream; a program gone wild must
// not fill the memory of whoever asked it a question.
const MaxOutput = 64 << 10

// Command is a program to run in a container.
type Command struct {
	Namespace, Pod, Container string
	Argv                      []string
}

// Output is what a command printed, each stream cut at MaxOutput, and its exit code.
type Output struct {
	Stdout, Stderr string
	ExitCode       int
}

// Executor runs commands in containers. It begins with WebSocket, which needs three round trips instead
// of SPDY's six, and remembers when something on the way refuses it.
type Executor struct {
	cluster *Cluster
	config  *rest.Config
	way     way
}

// NewExecutor returns an Executor for the cluster. It may be used by many goroutines.
func NewExecutor(c *Cluster) *Executor {
	e := &Executor{cluster: c}
	if c.Config != nil {
		e.config = rest.CopyConfig(c.Config)
		e.config.Wrap(func(next http.RoundTripper) http.RoundTripper { return noting{next} })
	}
	return e
}

// Run runs the command and returns its output. A non-zero exit code is not an error; the errors are the
// API server's (forbidden, not found) and those of the transport.
func (e *Executor) Run(ctx context.Context, cmd Command) (Output, error) {
	spdy, leads, err := e.way.begin(ctx)
	if err != nil {
		return Output{}, err
	}
	first, second := overWebSocket, overSPDY
	if spdy {
		first, second = second, first
	}
	if leads {
		// Whatever happens, the others must not wait for longer than this run.
		defer e.way.giveUp()
	}
	out, refused, err := e.attempt(ctx, cmd, first, leads)
	// Refused may mean only this protocol: some proxies do not know WebSocket, and some roles allow only
	// the verb that one of the two needs. What is not there is there over neither.
	if !refused || apierrors.IsNotFound(err) || spdy && !apierrors.IsForbidden(err) {
		return out, err
	}
	other, _, otherErr := e.attempt(ctx, cmd, second, leads)
	if otherErr == nil {
		return other, nil
	}
	// The API server's own words are worth more than a proxy's, if they are not the bare code.
	if status, answered := errors.AsType[*apierrors.StatusError](err); answered {
		if _, also := errors.AsType[*apierrors.StatusError](otherErr); also && bare(status) {
			return other, otherErr
		}
		return out, err
	}
	return other, otherErr
}

// protocol is one of the two ways to run a command.
type protocol struct {
	spdy   bool
	method string
	dial   func(c *rest.Config, target string) (remotecommand.Executor, func() bool, error)
}

var (
	overWebSocket = protocol{method: http.MethodGet, dial: newWebSocket}
	// overSPDY is for API servers and proxies that refuse WebSocket.
	overSPDY = protocol{spdy: true, method: http.MethodPost, dial: newSPDY}
)

func newWebSocket(c *rest.Config, target string) (remotecommand.Executor, func() bool, error) {
	executor, err := remotecommand.NewWebSocketExecutor(c, http.MethodGet, target)
	return executor, func() bool { return true }, err
}

func newSPDY(c *rest.Config, target string) (remotecommand.Executor, func() bool, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, nil, err
	}
	return watchedSPDY(c, u)
}

// attempt runs the command once over one protocol; refused says that there was no upgrade to it. An executor
// may not be used twice, so each call makes its own.
func (e *Executor) attempt(ctx context.Context, cmd Command, p protocol, leads bool) (out Output, refused bool, err error) {
	request := e.cluster.Client.CoreV1().RESTClient().Post().
		Namespace(cmd.Namespace).Resource("pods").Name(cmd.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: cmd.Container, Command: cmd.Argv, Stdout: true, Stderr: true,
		}, clientset.ParameterCodec())
	executor, told, err := p.dial(e.config, request.URL().String())
	if err != nil {
		return Output{}, false, err
	}
	note := &note{}
	if leads {
		note.upgraded = func() { e.way.decide(p.spdy) }
	}
	var stdout, stderr limited
	err = stream(context.WithValue(ctx, noteKey{}, note), executor, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	out = Output{Stdout: stdout.String(), Stderr: stderr.String()}
	if exit, ok := errors.AsType[exec.CodeExitError](err); ok {
		out.ExitCode = exit.Code
		return out, false, nil
	}
	if err == nil && !told() {
		err = errCut
	}
	code := note.code()
	refused = code != 0 && code != http.StatusSwitchingProtocols ||
		err != nil && (httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err))
	if refused {
		err = inOwnWords(err, code)
	}
	return out, refused, err
}

// stream ends with the context, of which SPDY's handshake knows nothing. What client-go has to log of a
// connection that breaks is in the error, and would only stand in the way on the user's screen.
func stream(ctx context.Context, executor remotecommand.Executor, o remotecommand.StreamOptions) error {
	ctx = klog.NewContext(ctx, klog.Logger{})
	done := make(chan error, 1)
	go func() { done <- executor.StreamWithContext(ctx, o) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// inOwnWords makes the API server's error of a refused upgrade, which client-go wraps for one protocol and
// makes text of for the other.
func inOwnWords(err error, code int) error {
	if refused, ok := errors.AsType[*httpstream.UpgradeFailureError](err); ok {
		if status, ok := errors.AsType[*apierrors.StatusError](refused.Cause); ok {
			return status
		}
	}
	reasons := map[int]metav1.StatusReason{http.StatusForbidden: metav1.StatusReasonForbidden,
		http.StatusUnauthorized: metav1.StatusReasonUnauthorized, http.StatusNotFound: metav1.StatusReasonNotFound}
	reason, known := reasons[code]
	if !known || err == nil {
		return err
	}
	return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: int32(code), Reason: reason,
		Message: strings.TrimPrefix(err.Error(), "unable to upgrade connection: ")}}
}

// limited keeps the first MaxOutput bytes and swallows the rest, so that the command can end. A stream
// that was cut short may still be written to while it is read.
type limited struct {
	mu   sync.Mutex
	kept []byte
}

// Write takes all and keeps what there is room for.
func (l *limited) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b[:min(MaxOutput-len(l.kept), len(b))]...)
	return len(b), nil
}

// String returns what was kept.
func (l *limited) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.kept)
}
