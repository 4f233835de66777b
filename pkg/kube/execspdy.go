package kube

import (
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/httpstream"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
)

// errCut is the error of a command whose connection ended before its result came. SPDY does not tell that
// from a command that ended well and printed nothing.
var errCut = errors.New("the connection ended before the command's result came")

// watchedSPDY makes an executor for SPDY, and the function that says whether the server has told how the
// command ended.
func watchedSPDY(c *rest.Config, target *url.URL) (remotecommand.Executor, func() bool, error) {
	transport, upgrader, err := spdy.RoundTripperFor(c)
	if err != nil {
		return nil, nil, err
	}
	w := &watching{next: upgrader}
	executor, err := remotecommand.NewSPDYExecutorForTransports(transport, w, http.MethodPost, target)
	return executor, func() bool { return w.told.Load() || !w.tells.Load() }, err
}

// watching looks at the stream on which a command's result comes.
type watching struct {
	next spdy.Upgrader
	// tells says that the protocol has results: those before its fourth version tell only of failures.
	tells, told atomic.Bool
}

// NewConnection implements spdy.Upgrader.
func (w *watching) NewConnection(response *http.Response) (httpstream.Connection, error) {
	connection, err := w.next.NewConnection(response)
	if err != nil {
		return nil, err
	}
	switch response.Header.Get(httpstream.HeaderProtocolVersion) {
	case "v4.channel.k8s.io", "v5.channel.k8s.io":
		w.tells.Store(true)
	}
	return watchedConnection{connection, &w.told}, nil
}

type watchedConnection struct {
	httpstream.Connection
	told *atomic.Bool
}

// CreateStream implements httpstream.Connection.
func (c watchedConnection) CreateStream(headers http.Header) (httpstream.Stream, error) {
	stream, err := c.Connection.CreateStream(headers)
	if err != nil || headers.Get(corev1.StreamType) != corev1.StreamTypeError {
		return stream, err
	}
	return watchedStream{stream, c.told}, nil
}

type watchedStream struct {
	httpstream.Stream
	told *atomic.Bool
}

// Read implements io.Reader.
func (s watchedStream) Read(b []byte) (int, error) {
	n, err := s.Stream.Read(b)
	if n > 0 {
		s.told.Store(true)
	}
	return n, err
}
