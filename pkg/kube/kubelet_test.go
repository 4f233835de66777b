package kube

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
	"k8s.io/streaming/pkg/httpstream/wsstream"
)

// program is what runs in a container when a test executes something there.
type program func(stdout, stderr io.Writer) metav1.Status

// serveWebSocket makes a route that runs the program as a kubelet does for a WebSocket client.
func serveWebSocket(run program) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		// In the order of their numbers: stdin, stdout, stderr, result, size of the terminal.
		protocol := wsstream.ChannelProtocolConfig{Binary: true, Channels: []wsstream.ChannelType{
			wsstream.ReadChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.WriteChannel, wsstream.ReadChannel}}
		conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": protocol})
		_, channels, err := conn.Open(w, r)
		if err != nil {
			return
		}
		defer conn.Close()
		status, _ := json.Marshal(run(channels[1], channels[2]))
		_, _ = channels[3].Write(status)
	}
}

// serveSPDY does the same for a client of SPDY.
func serveSPDY(run program) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
			return
		}
		opened := make(chan httpstream.Stream, 3)
		conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
			opened <- s
			return nil
		})
		if conn == nil {
			return
		}
		defer conn.Close()
		streams := map[string]httpstream.Stream{}
		for range cap(opened) {
			s := <-opened
			streams[s.Headers().Get(corev1.StreamType)] = s
		}
		status, _ := json.Marshal(run(streams[corev1.StreamTypeStdout], streams[corev1.StreamTypeStderr]))
		_, _ = streams[corev1.StreamTypeError].Write(status)
		for _, s := range streams {
			_ = s.Close()
		}
		<-conn.CloseChan()
	}
}

// prints is a program that prints and ends well.
func prints(out, errs string) program {
	return func(stdout, stderr io.Writer) metav1.Status {
		_, _ = io.WriteString(stdout, out)
		_, _ = io.WriteString(stderr, errs)
		return metav1.Status{Status: metav1.StatusSuccess}
	}
}

// exits is a program that ends with an exit code, in the kubelet's form of it.
func exits(code int, errs string) program {
	return func(_, stderr io.Writer) metav1.Status {
		_, _ = io.WriteString(stderr, errs)
		return metav1.Status{Status: metav1.StatusFailure, Reason: "NonZeroExitCode",
			Message: fmt.Sprintf("command terminated with exit code %d", code),
			Details: &metav1.StatusDetails{Causes: []metav1.StatusCause{{Type: "ExitCode", Message: fmt.Sprint(code)}}}}
	}
}

// hijacked are the connections that the server gave out of its hands, which it does not close.
var hijacked sync.Map

// hijacks notes the connection of a request that is upgraded.
func hijacks(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { next(noted{w}, r) }
}

type noted struct{ http.ResponseWriter }

// Hijack implements http.Hijacker.
func (n noted) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hijacker, ok := n.ResponseWriter.(http.Hijacker)
	if !ok {
		return nil, nil, errors.New("the connection cannot be had")
	}
	conn, rw, err := hijacker.Hijack()
	if err == nil {
		hijacked.Store(conn, true)
	}
	return conn, rw, err
}

// cutHijacked closes them all.
func cutHijacked() {
	hijacked.Range(func(conn, _ any) bool {
		if c, ok := conn.(net.Conn); ok {
			_ = c.Close()
		}
		hijacked.Delete(conn)
		return true
	})
}
