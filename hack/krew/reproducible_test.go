//go:build release

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Who has the commit can make the files of its release again, anywhere, and compare.
func TestTwoReleasesOfACommitAreTheSame(t *testing.T) {
	root := inRoot(t, "", ".")
	status, err := exec.CommandContext(t.Context(), "git", "-C", root, "status", "--porcelain").Output()
	if err != nil {
		t.Fatal(err)
	}
	if len(status) > 0 {
		t.Fatalf("commit first: what is in no commit is not in the second release\n%s", status)
	}
	clone := filepath.Join(t.TempDir(), "elsewhere")
	output(t, os.Environ(), "git", "clone", "--quiet", root, clone)
	cmd := exec.CommandContext(t.Context(), inRoot(t, "GORELEASER", "bin/goreleaser"), "release", "--snapshot", "--parallelism", "1", "--skip=sign,sbom", "--timeout", "2h")
	cmd.Dir = clone
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("the second release: %v\n%s", err, out)
	}
	first, second := sums(t, filepath.Join(root, "dist")), sums(t, filepath.Join(clone, "dist"))
	compared := 0
	for name, sum := range second {
		compared++
		if first[name] != sum {
			t.Errorf("%s differs: %s here, %s elsewhere", name, first[name], sum)
		}
	}
	// Six archives, and packages in two formats for two processors.
	if compared < 10 {
		t.Errorf("only %d files were compared", compared)
	}
}

// sums are the checksums that a release tells, by the files' names.
func sums(t *testing.T, dist string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for line := range strings.Lines(read(t, filepath.Join(dist, "checksums.txt"))) {
		if sum, name, ok := strings.Cut(strings.TrimSpace(line), "  "); ok {
			found[name] = sum
		}
	}
	return found
}
