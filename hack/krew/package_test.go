//go:build release

package main

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The package for this machine's processor is unpacked, not installed, and kubectl finds what is in it, with the
// program that it asks for completion.
func TestKubectlFindsWhatThePackageHas(t *testing.T) {
	archives, _, p := released(t)
	root := t.TempDir()
	file := filepath.Join(archives, "kubectl-falcon_"+p.Spec.Version+"_linux_"+runtime.GOARCH+".deb")
	output(t, os.Environ(), "dpkg-deb", "-x", file, root)
	env := []string{"HOME=" + t.TempDir(), "PATH=" + filepath.Join(root, "usr/bin") + ":" + os.Getenv("PATH")}
	works(t, env, p.Spec.Version)
	// In a package the link is to where the program will be.
	link := filepath.Join(root, "usr/bin/kubectl_complete-falcon")
	if to, err := os.Readlink(link); err != nil || to != "/usr/bin/kubectl-falcon" && to != "kubectl-falcon" {
		t.Errorf("the link for completion is to %q, error %v", to, err)
	}
	for _, name := range []string{"usr/share/doc/kubectl-falcon/LICENSE", "usr/share/man/man1/kubectl-falcon-install.1",
		"usr/share/bash-completion/completions/kubectl-falcon"} {
		if info, err := os.Stat(filepath.Join(root, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s is not in it: %v", name, err)
		}
	}
	if said := output(t, os.Environ(), "dpkg-deb", "-f", file, "Package", "Maintainer"); !strings.Contains(said, "kubectl-falcon") {
		t.Errorf("it says of itself\n%s", said)
	}
}
