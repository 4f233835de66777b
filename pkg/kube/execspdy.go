package kube

import (
	"errors"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
	streamspdy "k8s.io/streaming/pkg/httpstream/spdy"
)

// errCut is the error of a command whose connection ended before its result came. SPDY does not tell that
// from a command that ended well and printed nothing.
var errCut = errors.New("the connection ended before the command's result came")

// watchedSPDY makes an executor for SPDY, and the function that says whether the server has told how the
// command ended.
func watchedSPDY(c *rest.Config, target *url.URL) (remotecommand.Executor, func() bool, error) {
	tls, err := rest.TLSConfigFor(c)
	if err != nil {
		return nil, nil, err
	}
	proxy := http.ProxyFromEnvironment
	if c.Proxy != nil {
		proxy = c.Proxy
	}
	upgrader, err := streamspdy.NewRoundTripperWithConfig(streamspdy.RoundTripperConfig{TLS: tls, Proxier: proxy, PingPeriod: pingEvery})
	if err != nil {
		return nil, nil, err
	}
	transport, err := rest.HTTPWrappersForConfig(c, upgrader)
	if err != nil {
		return nil, nil, err
	}
	w := &watching{UpgradeRoundTripper: upgrader}
	executor, err := remotecommand.NewSPDYExecutorForTransports(transport, spdy.NewUpgraderForStreaming(w), http.MethodPost, target)
	return executor, func() bool { return w.told.Load() || !w.tells.Load() }, err
}

// pingEvery keeps what is between from closing a connection on which nothing is said; client-go has the same.
const pingEvery = 5 * time.Second

// watching looks at the stream on which a command's result comes.
type watching struct {
	httpstream.UpgradeRoundTripper
	// tells says that the protocol has results: those before its fourth version tell only of failures.
	tells, told atomic.Bool
}

// NewConnection implements httpstream.UpgradeRoundTripper.
func (w *watching) NewConnection(response *http.Response) (httpstream.Connection, error) {
	connection, err := w.UpgradeRoundTripper.NewConnection(response)
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
