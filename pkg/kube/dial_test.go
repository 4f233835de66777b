package kube

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

const forwardPath = "/api/v1/namespaces/ns/pods/p/portforward"

// forwards is a kubelet that forwards one port; serve gets the stream of data and that of faults.
func forwards(t *testing.T, serve func(data, faults httpstream.Stream)) *api {
	t.Helper()
	return newAPI(t, map[string]http.HandlerFunc{
		"GET " + forwardPath: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "what is an upgrade?", http.StatusBadRequest)
		},
		"POST " + forwardPath: func(w http.ResponseWriter, r *http.Request) {
			if _, err := httpstream.Handshake(r, w, []string{"portforward.k8s.io"}); err != nil {
				return
			}
			opened := make(chan httpstream.Stream, 2)
			conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
				opened <- s
				return nil
			})
			if conn == nil {
				return
			}
			defer conn.Close()
			streams := map[string]httpstream.Stream{}
			for len(streams) < 2 {
				select {
				case s := <-opened:
					if got := s.Headers().Get(corev1.PortHeader); got != "4433" {
						t.Errorf("it asked for port %s", got)
					}
					streams[s.Headers().Get(corev1.StreamType)] = s
				case <-conn.CloseChan():
					return
				}
			}
			serve(streams[corev1.StreamTypeData], streams[corev1.StreamTypeError])
			<-conn.CloseChan()
		}})
}

func TestDialPodIsAConnectionToItsPort(t *testing.T) {
	a := forwards(t, func(data, _ httpstream.Stream) { _, _ = io.CopyN(data, data, 5) })
	conn, err := connect(t, a.URL).DialPod(t.Context(), "ns", "p", 4433)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	echo := make([]byte, 5)
	if _, err := io.ReadFull(conn, echo); err != nil || string(echo) != "hello" {
		t.Errorf("got %q, %v", echo, err)
	}
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
}

// Why a port does not answer, only the kubelet knows.
func TestDialPodGivesTheKubeletsReason(t *testing.T) {
	a := forwards(t, func(_, faults httpstream.Stream) {
		_, _ = io.WriteString(faults, "dial tcp4 127.0.0.1:4433: connection refused")
		_ = faults.Close()
	})
	conn, err := connect(t, a.URL).DialPod(t.Context(), "ns", "p", 4433)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Read(make([]byte, 1)); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("got %v", err)
	}
}

func TestDialPodEndsWithTheContext(t *testing.T) {
	a := forwards(t, func(_, _ httpstream.Stream) {})
	ctx, cancel := context.WithCancel(t.Context())
	conn, err := connect(t, a.URL).DialPod(ctx, "ns", "p", 4433)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := conn.Read(make([]byte, 1))
		ended <- err
	}()
	cancel()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("it read something")
		}
	case <-time.After(10 * time.Second):
		t.Error("it still reads")
	}
}

func TestDialPodThatIsRefusedNamesPodAndPort(t *testing.T) {
	no := func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "forbidden", http.StatusForbidden) }
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + forwardPath: no, "POST " + forwardPath: no})
	_, err := connect(t, a.URL).DialPod(t.Context(), "ns", "p", 4433)
	if err == nil || !strings.Contains(err.Error(), "connect to port 4433 of pod/p") {
		t.Errorf("got %v", err)
	}
}
