package state

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// asWaiter makes this test program a process that waits; by a link it has any name that a test wants.
const asWaiter = "STATE_TEST_AS_WAITER"

func TestMain(m *testing.M) {
	if os.Getenv(asWaiter) == "" {
		os.Exit(m.Run())
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startOf(t *testing.T, pid int) uint64 {
	t.Helper()
	start, err := StartTime(pid)
	if err != nil || start == 0 {
		t.Fatalf("start time of %d: %d, %v", pid, start, err)
	}
	return start
}

// waiting starts a process with the name given that lives until its standard input ends, which is when the
// test does at the latest.
func waiting(t *testing.T, name string) (*exec.Cmd, io.Closer) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), name)
	if err := os.Symlink(self, program); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	// The race detector would hold every end up for a second.
	cmd.Env = append(os.Environ(), asWaiter+"=1", "GORACE=atexit_sleep_ms=0")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	return cmd, in
}

func TestAlive(t *testing.T) {
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	self := startOf(t, os.Getpid())
	for what, c := range map[string]struct {
		lab   Lab
		alive bool
	}{
		"this process":                         {Lab{PID: os.Getpid(), Start: self}, true},
		"another that once had its number":     {Lab{PID: os.Getpid(), Start: self - 1}, false},
		"a process that has ended":             {Lab{PID: ended.Process.Pid, Start: self}, false},
		"a record of no process":               {Lab{}, false},
		"a number that no process can ever be": {Lab{PID: -1, Start: self}, false},
	} {
		dir := open(t, "ut-alive")
		if err := dir.Create(); err != nil {
			t.Fatal(err)
		}
		if err := dir.Write(c.lab); err != nil {
			t.Fatal(err)
		}
		if got, alive, err := dir.Read(); got != c.lab || alive != c.alive || err != nil {
			t.Errorf("%s: %+v, alive %v, %v", what, got, alive, err)
		}
	}
}

// A lab whose starter has not yet looked at its end is a zombie, and has ended.
func TestZombieIsNotAlive(t *testing.T) {
	cmd, in := waiting(t, "plain")
	startOf(t, cmd.Process.Pid)
	if err := in.Close(); err != nil {
		t.Fatal(err)
	}
	// WNOWAIT returns when it has ended and leaves it a zombie.
	if err := unix.Waitid(unix.P_PID, cmd.Process.Pid, nil, unix.WEXITED|unix.WNOWAIT, nil); err != nil {
		t.Fatal(err)
	}
	if start, err := StartTime(cmd.Process.Pid); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("start time %d, %v", start, err)
	}
}

// The name stands in brackets in the middle of /proc/PID/stat, and may look like the fields after it.
func TestStartTimeOfOddNames(t *testing.T) {
	before := startOf(t, os.Getpid())
	for _, name := range []string{"a) b (", ") Z 1 2 3", "two words", "(", ")"} {
		cmd, _ := waiting(t, name)
		if comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", cmd.Process.Pid)); string(comm) != name+"\n" {
			t.Fatalf("the process is called %q (%v), not %q", comm, err, name)
		}
		start := startOf(t, cmd.Process.Pid)
		// A plausible field of the wrong column would not lie between our own start and a process made later.
		later, _ := waiting(t, "plain")
		if after := startOf(t, later.Process.Pid); start < before || start > after {
			t.Errorf("%q started at %d, not in %d to %d", name, start, before, after)
		}
	}
}
