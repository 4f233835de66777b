// Package state is what the host keeps of a lab: where its files are, which process it is, whether it lives.
//
// It must not know what runs inside; package node does.
package state

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Lab is the record of one running lab, written when it is ready.
type Lab struct {
	Name string `json:"name"`
	// PID is the host's number of the lab's first process, Start its start time in clock ticks since
	// boot: the two together name a process even after its number was given to another.
	PID   int    `json:"pid"`
	Start uint64 `json:"start"`
	// API and Registry are loopback ports on the host.
	API      int       `json:"apiPort"`
	Registry int       `json:"registryPort"`
	Fargate  bool      `json:"fargate,omitempty"`
	Programs string    `json:"programs"`
	Created  time.Time `json:"created"`
}

// Dir is one lab's folder.
type Dir string

var nameForm = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$`)

// Cache returns the folder that all labs of this user share: $FALCON_LAB_CACHE, or kubectl-falcon-lab in
// the user's cache folder.
func Cache() (string, error) {
	if dir := os.Getenv("FALCON_LAB_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no cache folder for this user: %w; set FALCON_LAB_CACHE to a folder", err)
	}
	return filepath.Join(dir, "kubectl-falcon-lab"), nil
}

// Open returns the folder of the lab called name; it need not exist yet. Names are lower-case letters,
// digits and dashes, at most 32, because they become cgroup and node names.
func Open(name string) (Dir, error) {
	if !nameForm.MatchString(name) {
		return "", fmt.Errorf("lab name %q: use up to 32 lower-case letters, digits and dashes", name)
	}
	cache, err := Cache()
	if err != nil {
		return "", err
	}
	return Dir(filepath.Join(cache, "labs", name)), nil
}

// Name is the lab's name.
func (d Dir) Name() string { return filepath.Base(string(d)) }

// Kubeconfig is the path of the administrator's kubeconfig.
func (d Dir) Kubeconfig() string { return filepath.Join(string(d), "kubeconfig") }

// Logs is the folder with one file per component.
func (d Dir) Logs() string { return filepath.Join(string(d), "logs") }

// Log is the path of one component's log.
func (d Dir) Log(component string) string { return filepath.Join(d.Logs(), component+".log") }

// Node is the folder under which, inside the lab only, all the cluster's data is; outside it is empty.
func (d Dir) Node() string { return filepath.Join(string(d), "node") }

func (d Dir) record() string { return filepath.Join(string(d), "lab.json") }

// Create makes the folders of a new lab, empty of an earlier one's files.
func (d Dir) Create() error {
	if err := d.Remove(); err != nil {
		return err
	}
	return errors.Join(os.MkdirAll(d.Logs(), 0o700), os.MkdirAll(d.Node(), 0o700))
}

// Remove deletes the lab's folder. There is nothing to delete if there is no folder.
func (d Dir) Remove() error { return os.RemoveAll(string(d)) }

// Write puts the record down, by rename.
func (d Dir) Write(l Lab) error {
	content, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(d.record()+".new", content, 0o600); err != nil {
		return err
	}
	return os.Rename(d.record()+".new", d.record())
}

// Read returns the record and whether the lab's first process still lives. Without a record the error
// is fs.ErrNotExist.
func (d Dir) Read() (Lab, bool, error) {
	var l Lab
	content, err := os.ReadFile(d.record())
	if err != nil {
		return l, false, err
	}
	if err := json.Unmarshal(content, &l); err != nil {
		return l, false, fmt.Errorf("%s: %w", d.record(), err)
	}
	start, err := StartTime(l.PID)
	return l, err == nil && start == l.Start, nil
}

// StartTime returns the start time of the process with the number pid, in clock ticks since boot
// (proc(5), stat, field 22).
func StartTime(pid int) (uint64, error) {
	content, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, err
	}
	// The second field is the name in brackets, and may hold spaces and brackets itself.
	_, rest, found := strings.Cut(string(content[strings.LastIndexByte(string(content), ')'):]), ") ")
	fields := strings.Fields(rest)
	if !found || len(fields) < 20 {
		return 0, fmt.Errorf("/proc/%d/stat has an unknown form", pid)
	}
	// A zombie has ended; only its parent has not looked yet.
	if fields[0] == "Z" {
		return 0, fs.ErrNotExist
	}
	return strconv.ParseUint(fields[19], 10, 64)
}
