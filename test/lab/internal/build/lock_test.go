package build

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// syncBuffer can be read while another goroutine writes to it.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// Two checkouts share the cache: the second to come waits, says so, and finds the work done.
func TestEnsureWaitsForAnotherBuild(t *testing.T) {
	cache, dir := cacheWith(t, "etcd")
	calls := useFakeGo(t, "")
	unlock, err := lock(filepath.Join(cache, "build.lock"), quiet())
	if err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	done := make(chan error, 1)
	go func() {
		_, err := Ensure(t.Context(), cache, NewProgress(&out, false))
		done <- err
	}()
	eventually(t, "it says that it waits", func() bool { return strings.Contains(out.String(), "waiting for another build") })
	// The other build makes the last program and lets go.
	if err := os.WriteFile(filepath.Join(dir, "etcd"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := receive(t, done); err != nil {
		t.Fatal(err)
	}
	if made := readLines(t, calls); made != nil {
		t.Errorf("it built again: %q", made)
	}
}

// openGate makes a pipe whose readers wait as long as the test runs, even if it dies.
func openGate(t *testing.T, path string) {
	t.Helper()
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	gate, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = gate.Close() })
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not within 30 s: %s", what)
		}
	}
}

func receive[T any](t *testing.T, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatal("nothing came within 30 s")
		panic("unreachable")
	}
}
