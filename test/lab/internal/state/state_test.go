package state

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// open returns the folder of a lab in a cache of the test's own.
func open(t *testing.T, name string) Dir {
	t.Helper()
	t.Setenv("FALCON_LAB_CACHE", t.TempDir())
	dir, err := Open(name)
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestNames(t *testing.T) {
	t.Setenv("FALCON_LAB_CACHE", t.TempDir())
	for name, good := range map[string]bool{
		"lab": true, "a": true, "7": true, "ci-2-b": true, "a--b": true, strings.Repeat("x", 32): true,
		"": false, strings.Repeat("x", 33): false, "-a": false, "a-": false, "Lab": false, "a_b": false, "a.b": false,
		"a b": false, "a/b": false, "..": false, "a\n": false, "ä": false,
	} {
		dir, err := Open(name)
		switch {
		case good && (err != nil || dir.Name() != name):
			t.Errorf("%q: folder %q, error %v", name, dir, err)
		case !good && (err == nil || dir != "" || !strings.Contains(err.Error(), "lower-case letters")):
			t.Errorf("%q: folder %q, error %v", name, dir, err)
		}
	}
}

func TestCache(t *testing.T) {
	set := t.TempDir()
	t.Chdir(set)
	for _, c := range []struct{ lab, xdg, home, want string }{
		{lab: "/somewhere", xdg: "/x", home: "/h", want: "/somewhere"},
		// The node has another working directory than the program that starts it.
		{lab: "relative", xdg: "/x", home: "/h", want: filepath.Join(set, "relative")},
		{xdg: "/x", home: "/h", want: "/x/kubectl-falcon-lab"},
		{home: "/h", want: "/h/.cache/kubectl-falcon-lab"},
	} {
		t.Setenv("FALCON_LAB_CACHE", c.lab)
		t.Setenv("XDG_CACHE_HOME", c.xdg)
		t.Setenv("HOME", c.home)
		if got, err := Cache(); got != c.want || err != nil {
			t.Errorf("%+v: %q, %v", c, got, err)
		}
	}
	for _, name := range []string{"FALCON_LAB_CACHE", "XDG_CACHE_HOME", "HOME"} {
		t.Setenv(name, "")
	}
	if _, err := Open("lab"); err == nil || !strings.Contains(err.Error(), "set FALCON_LAB_CACHE") {
		t.Errorf("with no folder to be found: %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	dir := open(t, "ut-round")
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	want := Lab{Name: "ut-round", PID: os.Getpid(), Start: startOf(t, os.Getpid()), API: 6443, Registry: 5000, Fargate: true,
		Programs: "/programs", Created: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)}
	// The second is the record of a later lab of the same name.
	for _, port := range []int{1, 2} {
		want.API = port
		if err := dir.Write(want); err != nil {
			t.Fatal(err)
		}
		got, alive, err := dir.Read()
		if got != want || !alive || err != nil {
			t.Errorf("got %+v, alive %v, %v\nwant %+v", got, alive, err, want)
		}
	}
	entries, err := os.ReadDir(string(dir))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "lab.json logs node" {
		t.Errorf("the folder holds %s", got)
	}
}

func TestReadWithoutAGoodRecord(t *testing.T) {
	dir := open(t, "ut-none")
	if _, alive, err := dir.Read(); alive || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no record: alive %v, %v", alive, err)
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir.record(), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, alive, err := dir.Read()
	if alive || err == nil || !strings.Contains(err.Error(), dir.record()) || errors.Is(err, fs.ErrNotExist) {
		t.Errorf("broken record: alive %v, %v", alive, err)
	}
}

// What an earlier lab left must not be taken for the new one's.
func TestCreateEmpties(t *testing.T) {
	dir := open(t, "ut-again")
	for range 2 {
		if err := dir.Create(); err != nil {
			t.Fatal(err)
		}
		for _, file := range []string{dir.record(), dir.Log("etcd"), dir.Kubeconfig(), filepath.Join(dir.Node(), "data")} {
			if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s is there (%v)", file, err)
			}
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	// Certificates and logs of a cluster are for its owner alone.
	for _, folder := range []string{dir.Logs(), dir.Node()} {
		if info, err := os.Stat(folder); err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v", folder, info, err)
		}
	}
}

func TestRemove(t *testing.T) {
	dir := open(t, "ut-gone")
	if err := dir.Remove(); err != nil {
		t.Errorf("of nothing: %v", err)
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	if err := dir.Remove(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(string(dir)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the folder is still there (%v)", err)
	}
}
