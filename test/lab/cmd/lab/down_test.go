package main

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

func gone(t *testing.T, dir state.Dir) {
	t.Helper()
	if _, err := os.Stat(string(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%s is still there (%v)", dir, err)
	}
}

func TestDownOfALabThatIsNotThere(t *testing.T) {
	t.Setenv("FALCON_LAB_CACHE", t.TempDir())
	if out, err := run(t, "down", "--name", "ut-none"); out != "" || err != nil {
		t.Errorf("it prints %q, %v", out, err)
	}
}

// The folder of a lab that failed to start has no record.
func TestDownRemovesLeftLogs(t *testing.T) {
	dir := newLab(t, "ut-failed")
	if _, err := run(t, "down", "--name", "ut-failed"); err != nil {
		t.Error(err)
	}
	gone(t, dir)
}

func TestDownEndsTheLab(t *testing.T) {
	dir := newLab(t, "ut-up")
	process := waiting(t)
	record(t, dir, process.Pid, nil)
	if _, err := run(t, "down", "--name", "ut-up"); err != nil {
		t.Fatal(err)
	}
	if status := receive(t, process.ended).Sys().(syscall.WaitStatus); status.Signal() != syscall.SIGKILL {
		t.Errorf("it ended by %v", status)
	}
	gone(t, dir)
}

// The machine was restarted, and another process has the number of the lab's.
func TestDownSparesOtherProcesses(t *testing.T) {
	dir := newLab(t, "ut-reused")
	process := waiting(t)
	l := record(t, dir, process.Pid, func(l *state.Lab) { l.Start-- })
	if _, err := run(t, "down", "--name", "ut-reused"); err != nil {
		t.Error(err)
	}
	gone(t, dir)
	// The same once more with the number given away between the look and the kill.
	if err := end(l); err != nil {
		t.Error(err)
	}
	if err := process.in.Close(); err != nil {
		t.Fatal(err)
	}
	if status := receive(t, process.ended); !status.Success() {
		t.Errorf("the other process was ended: %v", status)
	}
}

func TestEndOfWhatHasEnded(t *testing.T) {
	process := waiting(t)
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	receive(t, process.ended)
	if err := end(state.Lab{PID: process.Pid, Start: 1}); err != nil {
		t.Error(err)
	}
}

// A record that cannot be read may be of a lab that lives; its files are not thrown away unseen.
func TestDownKeepsWhatItCannotRead(t *testing.T) {
	dir := newLab(t, "ut-broken")
	record(t, dir, os.Getpid(), nil)
	if err := os.WriteFile(string(dir)+"/lab.json", []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, "down", "--name", "ut-broken"); err == nil || !strings.Contains(err.Error(), "lab.json") {
		t.Errorf("error %v", err)
	}
	if _, err := os.Stat(dir.Logs()); err != nil {
		t.Error(err)
	}
}
