//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// namespaceKinds are the kernel's namespaces that a lab has of its own.
var namespaceKinds = []string{"pid", "mnt", "net", "ipc"}

// trace is what a running lab has of the host.
type trace struct {
	name       string
	pid        int
	dir        string
	namespaces []string
	interfaces []string
}

// traceOf notes what a running lab is known by. before are the host's interfaces before it started.
func traceOf(t *testing.T, name string, before []string) trace {
	t.Helper()
	dir := filepath.Dir(strings.TrimSpace(mustLab(t, "kubeconfig", "--name", name).stdout))
	var record struct{ PID int }
	content, err := os.ReadFile(filepath.Join(dir, "lab.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(content, &record); err != nil {
		t.Fatal(err)
	}
	tr := trace{name: name, pid: record.PID, dir: dir, interfaces: before}
	for _, kind := range namespaceKinds {
		tr.namespaces = append(tr.namespaces, namespaceOf(fmt.Sprint(record.PID), kind))
	}
	if n := len(tr.processes()); n < 8 {
		t.Fatalf("only %d processes are found in the lab's namespaces; the test would find nothing later either", n)
	}
	return tr
}

func namespaceOf(pid, kind string) string {
	id, err := os.Readlink(filepath.Join("/proc", pid, "ns", kind))
	if err != nil {
		return ""
	}
	return id
}

// processes returns all processes of the host that are in any of the lab's namespaces. The kernel gives the
// number of a namespace that has ended to the next one, so the processes of other labs are left out.
func (tr trace) processes() []string {
	var found []string
	entries, _ := os.ReadDir("/proc")
	for _, e := range entries {
		cgroup, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "cgroup"))
		if _, lab, of := strings.Cut(string(cgroup), "/kubectl-falcon-lab/"); of && !strings.HasPrefix(lab, tr.name) {
			continue
		}
		for _, kind := range namespaceKinds {
			if id := namespaceOf(e.Name(), kind); id != "" && slices.Contains(tr.namespaces, id) {
				name, _ := os.ReadFile(filepath.Join("/proc", e.Name(), "comm"))
				found = append(found, e.Name()+" "+strings.TrimSpace(string(name)))
				break
			}
		}
	}
	return found
}

// gone fails the test unless no process, mount, interface, namespace, cgroup or file of the lab is left.
func (tr trace) gone(t *testing.T) {
	t.Helper()
	// The host's first process may take a moment to collect the one that it inherited from lab up.
	eventually(t, "end of the lab's processes", 5*time.Second, func() (bool, string) {
		left := tr.processes()
		return len(left) == 0, strings.Join(left, ", ")
	})
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		// A namespace without processes lives on only if it is mounted somewhere.
		if strings.Contains(line, tr.dir) || slices.ContainsFunc(tr.namespaces, func(id string) bool { return strings.Contains(line, id) }) {
			t.Errorf("a mount of the lab is left: %s", line)
		}
	}
	if now := interfaces(t); !slices.Equal(now, tr.interfaces) {
		t.Errorf("the host's interfaces were %v and are %v", tr.interfaces, now)
	}
	err = filepath.WalkDir("/sys/fs/cgroup", func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() && strings.HasSuffix(path, "/kubectl-falcon-lab/"+tr.name) {
			t.Errorf("a cgroup of the lab is left: %s", path)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(tr.dir); err == nil {
		t.Errorf("the lab's folder is left: %s", tr.dir)
	}
}

func interfaces(t *testing.T) []string {
	t.Helper()
	list, err := net.Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range list {
		names = append(names, i.Name)
	}
	slices.Sort(names)
	return names
}

func runLab(t *testing.T, args ...string) result {
	t.Helper()
	return finish(t, shared().command(bin("lab"), args...))
}

func mustLab(t *testing.T, args ...string) result {
	t.Helper()
	r := runLab(t, args...)
	if r.code != 0 {
		t.Fatalf("lab %s: %v", strings.Join(args, " "), r)
	}
	return r
}

// TestLabLeavesNothing takes a lab with a running pod down, beside the tests' own lab.
func TestLabLeavesNothing(t *testing.T) {
	name, before := fmt.Sprintf("gone-%d", os.Getpid()), interfaces(t)
	t.Cleanup(func() { runLab(t, "down", "--name", name) })
	up := mustLab(t, "up", "--name", name)
	wantContains(t, "lab up", up.stderr, "kube-apiserver", "is ready after")
	second := &lab{kubeconfig: strings.TrimPrefix(strings.TrimSpace(up.stdout), "export KUBECONFIG=")}
	second.kubectl(t, "run", "one", "--image="+pauseImage)
	second.kubectl(t, "wait", "--for=condition=Ready", "pod/one", "--timeout=60s")
	wantContains(t, "lab status", mustLab(t, "status", "--name", name).stdout, "Ready", "kubeconfig")
	wantContains(t, "lab logs", mustLab(t, "logs", "kube-scheduler", "--name", name).stdout, "Starting Kubernetes Scheduler")
	tr := traceOf(t, name, before)
	again := runLab(t, "up", "--name", name)
	wantCode(t, again, 1)
	wantContains(t, "lab up on a lab that is up", again.stderr, "is up since")

	mustLab(t, "down", "--name", name)
	tr.gone(t)
	mustLab(t, "down", "--name", name)
	wantContains(t, "status of no lab", runLab(t, "status", "--name", name).stderr, "is not up", "lab up --name "+name)
}

// TestLabDiesWithItsFirstProcess kills the first process, and the starter of a lab in the foreground.
func TestLabDiesWithItsFirstProcess(t *testing.T) {
	before := interfaces(t)
	l, err := startLab(fmt.Sprintf("killed-%d", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { runLab(t, "down", "--name", l.name) })
	tr := traceOf(t, l.name, before)
	if err := l.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = l.cmd.Wait()
	eventually(t, "end of all processes after the starter was killed", 10*time.Second, func() (bool, string) {
		left := tr.processes()
		return len(left) == 0, strings.Join(left, ", ")
	})
	wantContains(t, "status of a killed lab", runLab(t, "status", "--name", l.name).stderr, "has ended")

	// The same name comes up again over what the killed one left.
	mustLab(t, "up", "--name", l.name)
	tr = traceOf(t, l.name, before)
	if err := syscall.Kill(tr.pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	eventually(t, "end of all processes after the first was killed", 10*time.Second, func() (bool, string) {
		left := tr.processes()
		return len(left) == 0, strings.Join(left, ", ")
	})
	mustLab(t, "down", "--name", l.name)
	tr.gone(t)
}

// TestLabSaysWhatDidNotStart replaces the scheduler by a program that fails.
func TestLabSaysWhatDidNotStart(t *testing.T) {
	cache := t.TempDir()
	broken := filepath.Join(cache, "bin", filepath.Base(programs))
	if err := os.MkdirAll(broken, 0o755); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(programs)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if err := os.Symlink(filepath.Join(programs, e.Name()), filepath.Join(broken, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	scheduler := filepath.Join(broken, "kube-scheduler")
	if err := os.Remove(scheduler); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(scheduler, []byte("#!/bin/sh\necho cannot find the moon\nexit 7\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	name, before := fmt.Sprintf("broken-%d", os.Getpid()), interfaces(t)
	lab := func(args ...string) result {
		cmd := shared().command(bin("lab"), append(args, "--name", name)...)
		cmd.Env = append(cmd.Env, "FALCON_LAB_CACHE="+cache)
		return finish(t, cmd)
	}
	r := lab("up")
	wantCode(t, r, 1)
	wantContains(t, "lab up", r.stderr, "kube-scheduler did not start", "exit status 7", "cannot find the moon")
	wantContains(t, "the log that was kept", lab("logs", "kube-scheduler").stdout, "cannot find the moon")
	wantCode(t, lab("down"), 0)
	trace{name: name, dir: filepath.Join(cache, "labs", name), interfaces: before}.gone(t)
}
