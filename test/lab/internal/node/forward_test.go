package node

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"io"
	"net"
	"reflect"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

func listen(t *testing.T) *net.TCPListener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l.(*net.TCPListener)
}

// dial returns a connection that fails rather than hangs.
func dial(t *testing.T, to net.Listener) *net.TCPConn {
	t.Helper()
	conn, err := net.Dial("tcp", to.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// forwarding returns where to connect, and the listener that the connections come out at.
func forwarding(t *testing.T) (from, to *net.TCPListener) {
	t.Helper()
	from, to = listen(t), listen(t)
	done := make(chan struct{})
	go func() {
		forward(from, to.Addr().String())
		close(done)
	}()
	t.Cleanup(func() {
		_ = from.Close()
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			t.Error("forward goes on without its listener")
		}
	})
	return from, to
}

// A server may say all it has to say, and still listen.
func TestForwardPassesTheServersHalfClose(t *testing.T) {
	from, to := forwarding(t)
	client := dial(t, from)
	heard := make(chan string, 1)
	go func() {
		server, err := to.AcceptTCP()
		if err != nil {
			heard <- err.Error()
			return
		}
		defer server.Close()
		_, _ = server.Write([]byte("bye"))
		_ = server.CloseWrite()
		late, _ := io.ReadAll(server)
		heard <- string(late)
	}()
	if said, err := io.ReadAll(client); string(said) != "bye" || err != nil {
		t.Fatalf("the client heard %q, %v", said, err)
	}
	if _, err := client.Write([]byte("late words")); err != nil {
		t.Fatal(err)
	}
	if err := client.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got := <-heard; got != "late words" {
		t.Errorf("the server heard %q", got)
	}
}

// An upload ends with the client's half-close, and the answer comes only then: kubectl cp works like this.
func TestForwardPassesTheClientsHalfClose(t *testing.T) {
	from, to := forwarding(t)
	upload, answer := make([]byte, 1<<20), make([]byte, 1<<20)
	_, _ = rand.Read(upload)
	_, _ = rand.Read(answer)
	received := make(chan []byte, 1)
	go func() {
		conn, err := to.Accept()
		if err != nil {
			close(received)
			return
		}
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		all, _ := io.ReadAll(conn)
		received <- all
		_, _ = conn.Write(answer)
	}()
	conn := dial(t, from)
	if _, err := conn.Write(upload); err != nil {
		t.Fatal(err)
	}
	if err := conn.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil || !bytes.Equal(got, answer) {
		t.Errorf("%d bytes came back, %v", len(got), err)
	}
	if all := <-received; !bytes.Equal(all, upload) {
		t.Errorf("%d bytes arrived", len(all))
	}
}

// Two connections at once do not wait for each other, and words go to and fro.
func TestForwardSeveral(t *testing.T) {
	from, to := forwarding(t)
	go func() {
		for {
			conn, err := to.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				_, _ = io.Copy(conn, conn)
			}()
		}
	}()
	conns := []*net.TCPConn{dial(t, from), dial(t, from)}
	for _, word := range []string{"one", "two"} {
		for _, conn := range conns {
			if _, err := io.WriteString(conn, word); err != nil {
				t.Fatal(err)
			}
			got := make([]byte, len(word))
			if _, err := io.ReadFull(conn, got); err != nil || string(got) != word {
				t.Errorf("%q came back, %v", got, err)
			}
		}
	}
}

// Before the API server listens a client must see that at once, not hang.
func TestForwardToNothing(t *testing.T) {
	from, to := forwarding(t)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	conn := dial(t, from)
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("the connection stays open")
	}
}

func TestParseSpec(t *testing.T) {
	want := Spec{Dir: state.Dir("/cache/labs/x"), Programs: "/programs", APIPort: 1234, Fargate: true}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := ParseSpec(string(text)); !reflect.DeepEqual(got, want) || err != nil {
		t.Errorf("got %+v, %v", got, err)
	}
	if _, err := ParseSpec("garbage"); err == nil {
		t.Error("garbage is a spec")
	}
}
