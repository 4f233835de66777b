package plugin

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// A second name of the old file shows whether it was written over or replaced.
func TestABundleIsForItsOwnersEyesAndReplacesAFileAsAWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	if err := os.WriteFile(file, []byte("before"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(file, file+".before"); err != nil {
		t.Fatal(err)
	}
	o := falcon(t, "bundle", "-f", file, "--server", bare(t))
	o.must(t, 0)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	// Windows has no such modes.
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("its mode is %s", info.Mode())
	}
	if old, err := os.ReadFile(file + ".before"); string(old) != "before" {
		t.Errorf("the file was written over: %v, %d bytes", err, len(old))
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), ".*")); len(left) > 0 {
		t.Errorf("left beside it: %v", left)
	}
}

// inPlace are the calls that write a file where it is, so that whoever reads it may find half of it.
var inPlace = regexp.MustCompile(`\bos\.(WriteFile|Create|OpenFile)\(`)

// renamed are the files of source that may open one for writing: what they open gets its name by a rename,
// or is a lock.
var renamed = map[string]bool{"sensor/download.go": true, "shell/completer.go": true, "aws/cluster/kubeconfig/file.go": true}

func TestNothingIsWrittenInPlace(t *testing.T) {
	seen := 0
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name := filepath.ToSlash(strings.TrimPrefix(path, ".."+string(filepath.Separator)))
		call := inPlace.FindString(string(content))
		if call != "" && !renamed[name] {
			t.Errorf("pkg/%s calls %s): write to a file of os.CreateTemp and rename that", name, call)
		}
		if renamed[name] {
			seen++
			if call == "" || !strings.Contains(string(content), "os.Rename(") || strings.Contains(string(content), "0o644") {
				t.Errorf("pkg/%s is not what this test takes it for", name)
			}
		}
		return nil
	})
	if err != nil || seen != len(renamed) {
		t.Fatalf("%v; %d of %d files were found", err, seen, len(renamed))
	}
}
