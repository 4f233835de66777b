package sensor

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const testCID = "0123456789ABCDEF0123456789ABCDEF-1F"

// buffer is a bytes.Buffer two goroutines may use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// until waits for a condition other goroutines bring about.
func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !done(); {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// run starts the sensor, waits for a line of its log, and stops it.
func run(t *testing.T, env standin.Env, line string) string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out := &buffer{}
	code := make(chan int, 1)
	go func() { code <- Run(ctx, standin.Process{Env: env, Out: out, Err: out}) }()
	until(t, line, func() bool { return strings.Contains(out.String(), line) })
	cancel()
	if got := <-code; got != 0 {
		t.Errorf("exit code %d after the end of its context", got)
	}
	return out.String()
}

func TestRegisters(t *testing.T) {
	const fixed = "D49DC4FD4B6347E3981FB67A2BF8E6C8"
	tests := []struct {
		name string
		env  standin.Env
		want string
	}{
		{"random", standin.Env{}, ""},
		{"fixed", standin.Env{standin.EnvAID: fixed}, strings.ToLower(fixed)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.env[standin.EnvCID] = testCID
			tt.env[standin.EnvAIDDelay] = "1ms"
			tt.env[standin.EnvStateDir] = filepath.Join(t.TempDir(), "state")
			log := run(t, tt.env, "registered")
			if !strings.Contains(log, standin.Notice) {
				t.Errorf("the log does not say what it is: %s", log)
			}
			first, err := OpenState(tt.env).AID()
			if err != nil || !standin.ValidAID(first) || (tt.want != "" && first != tt.want) {
				t.Fatalf("AID %q, error %v", first, err)
			}
			delete(tt.env, standin.EnvAID)
			run(t, tt.env, "registered")
			if second, _ := OpenState(tt.env).AID(); second != first {
				t.Errorf("after a restart the AID is %q, was %q", second, first)
			}
			left, err := os.ReadDir(tt.env[standin.EnvStateDir])
			if err != nil || len(left) != 1 {
				t.Errorf("state directory holds %v (%v), want the one file", left, err)
			}
		})
	}
}

func TestStaysUnregistered(t *testing.T) {
	tests := []struct {
		name string
		env  standin.Env
	}{
		{"never", standin.Env{standin.EnvAID: "never", standin.EnvAIDDelay: "0s"}},
		{"stopped before the delay ends", standin.Env{standin.EnvAIDDelay: "1h"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.env[standin.EnvCID] = testCID
			tt.env[standin.EnvStateDir] = t.TempDir()
			run(t, tt.env, standin.Notice)
			if aid, err := OpenState(tt.env).AID(); aid != "" || err != nil {
				t.Errorf("AID %q, error %v", aid, err)
			}
		})
	}
}

func TestRefusesToStart(t *testing.T) {
	tests := []struct {
		name string
		env  standin.Env
		want string
	}{
		{"no CID", standin.Env{}, "FALCONCTL_OPT_CID is not set"},
		{"bad AID", standin.Env{standin.EnvCID: testCID, standin.EnvAID: "xyz"}, "FALCON_STANDIN_AID"},
		{"bad delay", standin.Env{standin.EnvCID: testCID, standin.EnvAIDDelay: "soon"}, "FALCON_STANDIN_AID_DELAY"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			code := Run(t.Context(), standin.Process{Env: tt.env, Err: &out})
			if code != 1 || !strings.Contains(out.String(), tt.want) || strings.Count(out.String(), "\n") != 1 {
				t.Errorf("exit code %d, says %q", code, out.String())
			}
		})
	}
}

func TestReapsChildren(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { reap(ctx); close(done) }()
	defer func() { cancel(); <-done }()
	// The test program lists no tests and ends; nobody here waits for it.
	child, err := os.StartProcess("/proc/self/exe", []string{"child", "-test.run=^$"}, &os.ProcAttr{})
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the child to be reaped", func() bool {
		return errors.Is(syscall.Kill(child.Pid, 0), syscall.ESRCH)
	})
}
