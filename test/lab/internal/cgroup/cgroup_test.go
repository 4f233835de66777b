package cgroup

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestRoot(t *testing.T) {
	if got := Root("ut-a"); got != "/kubectl-falcon-lab/ut-a" {
		t.Errorf("root %q", got)
	}
}

func TestHierarchies(t *testing.T) {
	roots, err := hierarchies()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, root := range roots {
		if info, err := os.Stat(root); err != nil || !info.IsDir() {
			t.Errorf("%s is no folder: %v", root, err)
		}
		if seen[root] || !strings.HasPrefix(root, mountPoint) {
			t.Errorf("%s comes twice or is not below %s", root, mountPoint)
		}
		seen[root] = true
	}
	if unified := len(roots) == 1 && roots[0] == mountPoint; unified != Unified() || len(roots) == 0 {
		t.Errorf("roots %q, but unified is %v", roots, Unified())
	}
}

func TestLeftoversOfALabThatNeverWas(t *testing.T) {
	if left, err := Leftovers("ut-never-was"); len(left) != 0 || err != nil {
		t.Errorf("%q, %v", left, err)
	}
}

func TestRemoveTree(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lab")
	if err := removeTree(dir); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	for _, sub := range []string{"kubepods/burstable/pod1/container", "kubepods/besteffort", "other"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := removeTree(dir); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it is still there (%v)", err)
	}
}

// A folder that cannot be removed is named, or nobody finds what is in it.
func TestRemoveTreeNamesWhatStays(t *testing.T) {
	dir := t.TempDir()
	busy := filepath.Join(dir, "kubepods", "pod1")
	if err := os.MkdirAll(busy, 0o755); err != nil {
		t.Fatal(err)
	}
	// Outside a cgroup file system a file does what a process does inside.
	if err := os.WriteFile(filepath.Join(busy, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := removeTree(dir)
	if pathError, ok := errors.AsType[*fs.PathError](err); !ok || pathError.Path != busy || !errors.Is(err, syscall.ENOTEMPTY) {
		t.Errorf("error %v", err)
	}
}
