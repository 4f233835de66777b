// Package cgroup makes and removes the lab's own cgroup tree, the one thing of a lab that the kernel
// does not take away with its namespaces.
package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

const (
	mountPoint = "/sys/fs/cgroup"
	// parent holds the trees of all labs.
	parent = "kubectl-falcon-lab"
	// unifiedMagic is CGROUP2_SUPER_MAGIC of linux/magic.h.
	unifiedMagic = 0x63677270
)

// Root is the path of a lab's tree below each controller, as the kubelet wants it.
func Root(lab string) string { return "/" + parent + "/" + lab }

// Unified says whether the machine has cgroup v2 alone.
func Unified() bool {
	var s syscall.Statfs_t
	return syscall.Statfs(mountPoint, &s) == nil && s.Type == unifiedMagic
}

// Create makes the lab's tree in every hierarchy.
func Create(lab string) error {
	if Unified() {
		return createUnified(lab)
	}
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	for _, root := range roots {
		if err := makeDir(filepath.Join(root, Root(lab))); err != nil {
			return err
		}
	}
	return nil
}

// makeDir makes a folder and its parents. Another lab that goes down at this moment may take the shared
// parent away in between, so it tries again.
func makeDir(dir string) (err error) {
	for range 5 {
		if err = os.MkdirAll(dir, 0o755); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return err
}

// wanted are the controllers that the kubelet and runc use.
var wanted = map[string]bool{"cpu": true, "cpuset": true, "io": true, "memory": true, "pids": true, "hugetlb": true}

// createUnified also hands every controller down the tree, which v2 does not do by itself.
func createUnified(lab string) error {
	available, err := os.ReadFile(filepath.Join(mountPoint, "cgroup.controllers"))
	if err != nil {
		return err
	}
	for _, dir := range []string{"/", "/" + parent, Root(lab)} {
		full := filepath.Join(mountPoint, dir)
		if err := os.MkdirAll(full, 0o755); err != nil {
			return err
		}
		for controller := range strings.FieldsSeq(string(available)) {
			if !wanted[controller] {
				continue
			}
			enable := []byte("+" + controller)
			if err := os.WriteFile(filepath.Join(full, "cgroup.subtree_control"), enable, 0o644); err != nil {
				return fmt.Errorf("enable the %s controller below %s: %w", controller, full, err)
			}
		}
	}
	return nil
}

// hierarchies returns the mount points of the v1 controllers, and of v2 alone or beside them.
func hierarchies() ([]string, error) {
	if Unified() {
		return []string{mountPoint}, nil
	}
	mounts, err := os.ReadFile("/proc/self/mounts")
	if err != nil {
		return nil, err
	}
	var roots []string
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line)
		if len(f) > 2 && (f[2] == "cgroup" || f[2] == "cgroup2") && strings.HasPrefix(f[1], mountPoint) {
			roots = append(roots, f[1])
		}
	}
	if len(roots) == 0 {
		return nil, fmt.Errorf("no cgroup is mounted below %s; the kubelet needs one", mountPoint)
	}
	return roots, nil
}

// Remove takes the lab's tree away. It waits up to timeout for processes that are just ending, and
// names the first folder that it could not remove.
func Remove(lab string, timeout time.Duration) error {
	roots, err := hierarchies()
	if err != nil {
		return err
	}
	deadline := time.Now().Add(timeout)
	for _, root := range roots {
		for {
			err := removeTree(filepath.Join(root, Root(lab)))
			if err == nil {
				break
			}
			if !errors.Is(err, syscall.EBUSY) || time.Now().After(deadline) {
				return err
			}
			time.Sleep(10 * time.Millisecond)
		}
		// The parent goes with its last lab; while there are others this fails, as it should.
		_ = syscall.Rmdir(filepath.Join(root, parent))
	}
	return nil
}

// Leftovers returns the folders of the lab's tree that are still there.
func Leftovers(lab string) ([]string, error) {
	roots, err := hierarchies()
	if err != nil {
		return nil, err
	}
	var left []string
	for _, root := range roots {
		if _, err := os.Stat(filepath.Join(root, Root(lab))); err == nil {
			left = append(left, filepath.Join(root, Root(lab)))
		}
	}
	return left, nil
}

func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	err = syscall.Rmdir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return &fs.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}
