package main

import (
	"bytes"
	"io"
	"log"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/registry"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

// asLab makes this test program a process that waits, as the first process of a lab does.
const asLab = "LAB_TEST_AS_LAB"

func TestMain(m *testing.M) {
	if os.Getenv(asLab) == "" {
		os.Exit(m.Run())
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

// run runs the program with the arguments given and returns what it prints.
func run(t *testing.T, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := root()
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(io.Discard)
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// newLab makes the folder of a lab in a cache of the test's own.
func newLab(t *testing.T, name string) state.Dir {
	t.Helper()
	t.Setenv("FALCON_LAB_CACHE", t.TempDir())
	dir, err := state.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	return dir
}

// record writes down that the lab's first process is pid.
func record(t *testing.T, dir state.Dir, pid int, change func(*state.Lab)) state.Lab {
	t.Helper()
	start, err := state.StartTime(pid)
	if err != nil {
		t.Fatal(err)
	}
	l := state.Lab{Name: dir.Name(), PID: pid, Start: start, API: 1, Registry: 2, Programs: "/programs", Created: time.Now()}
	if change != nil {
		change(&l)
	}
	if err := dir.Write(l); err != nil {
		t.Fatal(err)
	}
	return l
}

// waiter is a process that lives until its standard input ends, which is when the test does at the latest.
type waiter struct {
	*os.Process
	in    io.Closer
	ended chan *os.ProcessState
}

func waiting(t *testing.T) waiter {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	// The race detector would hold its end up for a second.
	cmd.Env = append(os.Environ(), asLab+"=1", "GORACE=atexit_sleep_ms=0")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w, reaped := waiter{cmd.Process, in, make(chan *os.ProcessState, 1)}, make(chan struct{})
	go func() {
		_ = cmd.Wait()
		w.ended <- cmd.ProcessState
		close(reaped)
	}()
	t.Cleanup(func() {
		_ = in.Close()
		<-reaped
	})
	return w
}

// startRegistry returns the loopback port of a registry.
func startRegistry(t *testing.T) int {
	t.Helper()
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return portOf(t, server.URL)
}

func portOf(t *testing.T, address string) int {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// writeFile writes a file in a folder of its own and returns its path.
func writeFile(t *testing.T, name, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// receive fails the test rather than waiting for ever.
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
