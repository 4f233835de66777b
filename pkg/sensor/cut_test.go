package sensor

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// cutter is a listener whose connections pass so many bytes, of all of them together, before the one that is
// at it is cut as by a reset. Only the first cuts happen.
type cutter struct {
	net.Listener
	mu   sync.Mutex
	left int
	cuts int
}

// Accept gives connections that are cut.
func (c *cutter) Accept() (net.Conn, error) {
	conn, err := c.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &cutConn{conn, c}, nil
}

// spend takes bytes away and says whether the connection is cut at them.
func (c *cutter) spend(n int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cuts == 0 {
		return false
	}
	if c.left -= n; c.left > 0 {
		return false
	}
	c.cuts--
	return true
}

type cutConn struct {
	net.Conn
	by *cutter
}

// Read reads a little at a time, so that a cut can be anywhere.
func (c *cutConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p[:min(len(p), 2048)])
	if n > 0 && c.by.spend(n) {
		if tcp, ok := c.Conn.(*net.TCPConn); ok {
			// A reset and not an end.
			_ = tcp.SetLinger(0)
		}
		_ = c.Conn.Close()
		return 0, net.ErrClosed
	}
	return n, err
}

// throughCutter puts a cutter in front of a registry and returns its host.
func throughCutter(t *testing.T, registry string, after, cuts int) (host string, left func() int) {
	t.Helper()
	proxy := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: "http", Host: registry})
	proxy.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) }
	server := httptest.NewUnstartedServer(proxy)
	c := &cutter{Listener: server.Listener, left: after, cuts: cuts}
	server.Listener = c
	server.Start()
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://"), func() int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.cuts
	}
}

// A connection that is cut anywhere, in a blob, between two, at the manifest or at the last look, costs time
// and nothing else.
func TestPushOverAConnectionThatIsCut(t *testing.T) {
	path := inFile(t, "image.tar", sensorImage(t).archive(t))
	r := watchedRegistry(t)
	host, _ := throughCutter(t, r.host, 1<<40, 1)
	result, err := Push(t.Context(), path, host+"/falcon:7", Options{})
	if err != nil || result.Digest != knownDigest {
		t.Fatalf("uncut: %+v, %v", result, err)
	}
	// Headers and manifests come to some kilobytes more than the blobs.
	total := int(result.Sent) + 6_000
	const places = 25
	for n := range places {
		t.Run(fmt.Sprintf("at %d of %d", n+1, places), func(t *testing.T) {
			t.Parallel()
			r := watchedRegistry(t)
			host, left := throughCutter(t, r.host, 1+n*total/places, 1)
			got, err := Push(t.Context(), path, host+"/falcon:7", Options{})
			if err != nil || got.Digest != knownDigest {
				t.Fatalf("got %+v, %v", got, err)
			}
			if left() != 0 {
				t.Error("it was not cut")
			}
			pulled(t, r.host+"/falcon:7")
		})
	}
}

// A way on which nothing ever arrives whole is given up.
func TestPushOverAConnectionThatIsCutAlways(t *testing.T) {
	path := inFile(t, "image.tar", sensorImage(t).archive(t))
	r := watchedRegistry(t)
	host, _ := throughCutter(t, r.host, 1, 1<<30)
	if got, err := Push(t.Context(), path, host+"/falcon:7", Options{}); err == nil {
		t.Errorf("got %+v", got)
	}
	if n := r.asked("PUT /v2/falcon/manifests/"); n != 0 {
		t.Error("a manifest was written")
	}
}
