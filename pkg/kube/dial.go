package kube

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/transport/spdy"
	"k8s.io/streaming/pkg/httpstream"
)

// DialPod opens a connection to a port of a pod through the API server, as kubectl port-forward does, but
// without a local port that others could use. It needs the rights to get and create pods/portforward.
func (c *Cluster) DialPod(ctx context.Context, namespace, pod string, port int32) (net.Conn, error) {
	target := c.Client.CoreV1().RESTClient().Post().
		Namespace(namespace).Resource("pods").Name(pod).SubResource("portforward").URL()
	transport, upgrader, err := spdy.RoundTripperFor(c.Config)
	if err != nil {
		return nil, err
	}
	second := spdy.NewDialerForStreaming(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	overWebSocket, err := portforward.NewSPDYOverWebsocketDialerForStreaming(target, c.Config)
	if err != nil {
		return nil, err
	}
	first := &remembering{Dialer: overWebSocket}
	// API servers before 1.31 and some proxies refuse WebSocket.
	dialer := portforward.NewFallbackDialerForStreaming(first, second, func(err error) bool {
		return httpstream.IsUpgradeFailure(err) || httpstream.IsHTTPSProxyError(err)
	})
	connection, err := dialWithin(ctx, dialer)
	if err != nil {
		// Of an attempt that still goes on nothing is known.
		if ctx.Err() == nil {
			if status, ok := refusal(first.err, err); ok {
				err = status
			}
		}
		return nil, fmt.Errorf("connect to port %d of pod/%s: %w", port, pod, err)
	}
	conn, err := openStreams(connection, port)
	if err != nil {
		return nil, fmt.Errorf("connect to port %d of pod/%s: %w", port, pod, err)
	}
	// Streams know no deadline: the end of the context ends them.
	conn.stop = context.AfterFunc(ctx, func() { _ = connection.Close() })
	return conn, nil
}

// dialWithin ends with the context, which a dialer knows nothing of.
func dialWithin(ctx context.Context, dialer httpstream.Dialer) (httpstream.Connection, error) {
	type result struct {
		connection httpstream.Connection
		err        error
	}
	dialled := make(chan result, 1)
	go func() {
		connection, _, err := dialer.Dial(portforward.PortForwardProtocolV1Name)
		dialled <- result{connection, err}
	}()
	select {
	case r := <-dialled:
		return r.connection, r.err
	case <-ctx.Done():
		go func() {
			if late := <-dialled; late.err == nil {
				_ = late.connection.Close()
			}
		}()
		return nil, ctx.Err()
	}
}

func openStreams(connection httpstream.Connection, port int32) (*podConn, error) {
	headers := http.Header{}
	headers.Set(corev1.StreamType, corev1.StreamTypeError)
	headers.Set(corev1.PortHeader, strconv.Itoa(int(port)))
	headers.Set(corev1.PortForwardRequestIDHeader, "0")
	faults, err := connection.CreateStream(headers)
	if err != nil {
		_ = connection.Close()
		return nil, err
	}
	// Nothing is sent on it.
	_ = faults.Close()
	headers.Set(corev1.StreamType, corev1.StreamTypeData)
	data, err := connection.CreateStream(headers)
	if err != nil {
		_ = connection.Close()
		return nil, err
	}
	conn := &podConn{data: data, connection: connection, fault: make(chan error, 1)}
	go func() {
		text, _ := io.ReadAll(io.LimitReader(faults, 4096))
		if len(text) > 0 {
			conn.fault <- fmt.Errorf("%s", text)
			_ = connection.Close()
		}
	}()
	return conn, nil
}

// podConn is one forwarded connection.
type podConn struct {
	data       httpstream.Stream
	connection httpstream.Connection
	fault      chan error
	stop       func() bool
}

// Read reads from the pod. What the kubelet said against the connection is its error.
func (p *podConn) Read(b []byte) (int, error) {
	n, err := p.data.Read(b)
	if err != nil {
		select {
		case fault := <-p.fault:
			return n, fault
		default:
		}
	}
	return n, err
}

func (p *podConn) Write(b []byte) (int, error) { return p.data.Write(b) }

func (p *podConn) Close() error {
	p.stop()
	return p.connection.Close()
}

func (p *podConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (p *podConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (p *podConn) SetDeadline(time.Time) error      { return nil }
func (p *podConn) SetReadDeadline(time.Time) error  { return nil }
func (p *podConn) SetWriteDeadline(time.Time) error { return nil }
