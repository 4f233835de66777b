package kube

import (
	"context"
	"errors"
	"net/url"
	"sync"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/util/exec"
	"k8s.io/streaming/pkg/httpstream"
)

// maxOutput bounds what is kept of a command's output, in bytes; a program gone wild must not fill the
// memory of whoever asked it a question.
const maxOutput = 64 << 10

// Command is a program to run in a container.
type Command struct {
	Namespace, Pod, Container string
	Argv                      []string
}

// Output is what a command printed, each stream cut at 64 KiB, and its exit code.
type Output struct {
	Stdout, Stderr string
	ExitCode       int
}

// Executor runs commands in containers. It begins with WebSocket, which needs three round trips instead
// of SPDY's six, and remembers when something on the way refuses it.
type Executor struct {
	cluster *Cluster
	spdy    atomic.Bool
}

// NewExecutor returns an Executor for the cluster. It may be used by many goroutines.
func NewExecutor(c *Cluster) *Executor { return &Executor{cluster: c} }

// Run runs the command and returns its output. A non-zero exit code is not an error; the errors are the
// API server's (forbidden, not found) and those of the transport.
func (e *Executor) Run(ctx context.Context, cmd Command) (Output, error) {
	if e.spdy.Load() {
		return e.attempt(ctx, cmd, "POST", newSPDY)
	}
	out, err := e.attempt(ctx, cmd, "GET", newWebSocket)
	if err == nil || !(httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)) {
		return out, err
	}
	// Refused may mean only WebSocket: some proxies do not know it, and some roles allow only the verb
	// that SPDY needs.
	second, spdyErr := e.attempt(ctx, cmd, "POST", newSPDY)
	if spdyErr == nil {
		e.spdy.Store(true)
		return second, nil
	}
	if status, ok := refusal(err, spdyErr); ok {
		return out, status
	}
	return second, spdyErr
}

type dialer func(e *Executor, method, url string) (remotecommand.Executor, error)

func newWebSocket(e *Executor, method, url string) (remotecommand.Executor, error) {
	return remotecommand.NewWebSocketExecutor(e.cluster.Config, method, url)
}

// newSPDY is the protocol of API servers and proxies that refuse WebSocket.
func newSPDY(e *Executor, method, target string) (remotecommand.Executor, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, err
	}
	return remotecommand.NewSPDYExecutor(e.cluster.Config, method, u)
}

// attempt runs the command once over one protocol. An executor may not be used twice, so each call
// makes its own.
func (e *Executor) attempt(ctx context.Context, cmd Command, method string, dial dialer) (Output, error) {
	request := e.cluster.Client.CoreV1().RESTClient().Post().
		Namespace(cmd.Namespace).Resource("pods").Name(cmd.Pod).SubResource("exec").
		VersionedParams(&corev1.PodExecOptions{
			Container: cmd.Container, Command: cmd.Argv, Stdout: true, Stderr: true,
		}, scheme.ParameterCodec)
	executor, err := dial(e, method, request.URL().String())
	if err != nil {
		return Output{}, err
	}
	var stdout, stderr limited
	err = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdout: &stdout, Stderr: &stderr})
	out := Output{Stdout: stdout.String(), Stderr: stderr.String()}
	if exit, ok := errors.AsType[exec.CodeExitError](err); ok {
		out.ExitCode = exit.Code
		return out, nil
	}
	return out, err
}

// limited keeps the first maxOutput bytes and swallows the rest, so that the command can end. A stream
// that was cut short may still be written to while it is read.
type limited struct {
	mu   sync.Mutex
	kept []byte
}

// Write takes all and keeps what there is room for.
func (l *limited) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, b[:min(maxOutput-len(l.kept), len(b))]...)
	return len(b), nil
}

// String returns what was kept.
func (l *limited) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.kept)
}
