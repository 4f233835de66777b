//go:build unix

package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soon is when a run that was told to stop must have ended; the rest is for a machine that is busy.
const soon = 5 * time.Second

// program is a started kubectl-falcon.
type program struct {
	*exec.Cmd
	stderr string // a file
	ended  chan error
}

// start starts the program with a home and a kubeconfig of its own.
func start(t *testing.T, file, kubeconfig string, args ...string) *program {
	t.Helper()
	home := t.TempDir()
	p := &program{Cmd: exec.Command(file, args...), stderr: filepath.Join(home, "stderr"), ended: make(chan error, 1)}
	p.Env = []string{"HOME=" + home, "KUBECONFIG=" + kubeconfig, "PATH=" + os.Getenv("PATH")}
	// Not a pipe: a child that outlives the program would keep it open, and Wait waiting.
	f, err := os.Create(p.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	p.Stderr = f
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() { _ = p.Process.Kill() })
	return p
}

// said returns what it has printed for people.
func (p *program) said() string {
	content, err := os.ReadFile(p.stderr)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

func (p *program) signal(t *testing.T, s os.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// mustEnd waits for the end and checks the exit code.
func (p *program) mustEnd(t *testing.T, code int) {
	t.Helper()
	select {
	case err := <-p.ended:
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok || exit.ExitCode() != code {
			t.Errorf("it ended with %v, want exit code %d; it said\n%s", err, code, p.said())
		}
	case <-time.After(soon):
		t.Fatalf("it runs on %s after the signal", soon)
	}
}

// silent listens and never answers. The channel gets a value for each connection: then the program is in
// the middle of a request.
func silent(t *testing.T) (address string, asked <-chan struct{}) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	connections := make(chan struct{}, 10)
	var mu sync.Mutex
	var open []net.Conn
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			open = append(open, c)
			mu.Unlock()
			connections <- struct{}{}
		}
	}()
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		defer mu.Unlock()
		for _, c := range open {
			_ = c.Close()
		}
	})
	return l.Addr().String(), connections
}

func TestSignalEndsARunThatWaitsForTheCluster(t *testing.T) {
	file := native(t)
	for s, code := range map[syscall.Signal]int{syscall.SIGINT: 130, syscall.SIGTERM: 143} {
		t.Run(s.String(), func(t *testing.T) {
			address, asked := silent(t)
			p := start(t, file, "/nonexistent", "verify", "--server", "https://"+address, "--insecure-skip-tls-verify")
			select {
			case <-asked:
			case err := <-p.ended:
				t.Fatalf("it ended before it asked: %v\n%s", err, p.said())
			case <-time.After(soon):
				t.Fatal("it never asked the server")
			}
			begin := time.Now()
			p.signal(t, s)
			p.mustEnd(t, code)
			t.Logf("it ended after %s", time.Since(begin).Round(time.Millisecond))
			if !strings.Contains(p.said(), "stopped by "+s.String()) {
				t.Errorf("it said\n%s", p.said())
			}
		})
	}
}

// A credential helper is the one thing that a cancelled context does not reach: client-go waits for it.
// This one heeds no signal and says that it runs by writing its process id.
const deafHelper = `apiVersion: v1
kind: Config
current-context: x
clusters:
- {name: x, cluster: {server: "https://127.0.0.1:1"}}
contexts:
- {name: x, context: {cluster: x, user: x}}
users:
- name: x
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      interactiveMode: Never
      command: sh
      args: ["-c", "trap '' INT TERM; echo $$ > %[1]s.new; mv %[1]s.new %[1]s; exec sleep 60"]
`

func TestSecondSignalEndsARunThatCannotStop(t *testing.T) {
	dir := t.TempDir()
	kubeconfig, pidFile := filepath.Join(dir, "config"), filepath.Join(dir, "pid")
	if err := os.WriteFile(kubeconfig, fmt.Appendf(nil, deafHelper, pidFile), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, native(t), kubeconfig, "verify")
	helper := waitForHelper(t, p, pidFile)
	t.Cleanup(func() { _ = syscall.Kill(helper, syscall.SIGKILL) })

	p.signal(t, syscall.SIGINT)
	// Only if the first is not enough does the second show anything.
	select {
	case err := <-p.ended:
		t.Fatalf("the first signal ended it (%v), so this test shows nothing of the second\n%s", err, p.said())
	case <-time.After(500 * time.Millisecond):
	}
	p.signal(t, syscall.SIGINT)
	p.mustEnd(t, 130)
}

// waitForHelper returns the process id of the credential helper once it runs.
func waitForHelper(t *testing.T, p *program, pidFile string) int {
	t.Helper()
	deadline := time.After(soon)
	for tick := time.NewTicker(10 * time.Millisecond); ; {
		select {
		case <-tick.C:
		case err := <-p.ended:
			t.Fatalf("it ended before its helper ran: %v\n%s", err, p.said())
		case <-deadline:
			t.Fatal("the helper never ran")
		}
		if content, err := os.ReadFile(pidFile); err == nil {
			pid, err := strconv.Atoi(strings.TrimSpace(string(content)))
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
}
