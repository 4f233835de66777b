//go:build release

package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sigs.k8s.io/krew/pkg/index"
)

// inRoot is a file of the repository; the environment may name another, where it was built elsewhere.
func inRoot(t *testing.T, variable, name string) string {
	t.Helper()
	if file := os.Getenv(variable); file != "" {
		return file
	}
	file, err := filepath.Abs(filepath.Join("../..", name))
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// output runs a program in an environment of its own, and fails the test if it fails.
func output(t *testing.T, env []string, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// released renders the manifest of the archives in dist, in an index of its own.
func released(t *testing.T) (archives, manifest string, p *index.Plugin) {
	t.Helper()
	archives = inRoot(t, "FALCON_ARCHIVES", "dist")
	folder := t.TempDir()
	if err := run(templateFile, archives, "", folder); err != nil {
		t.Fatal(err)
	}
	manifest = manifestIn(folder)
	p, err := parse([]byte(read(t, manifest)))
	if err != nil {
		t.Fatal(err)
	}
	return archives, manifest, p
}

func TestKrewsValidatorAcceptsTheManifest(t *testing.T) {
	_, manifest, _ := released(t)
	validator := inRoot(t, "KREW_VALIDATOR", "bin/validate-krew-manifest")
	out := output(t, os.Environ(), validator, "-manifest", manifest, "-skip-install")
	if !strings.Contains(out, "structural validation OK") {
		t.Errorf("it said\n%s", out)
	}
}

// Krew itself installs the archive of each platform, this machine's and the others.
func TestKrewInstallsEachArchive(t *testing.T) {
	archives, manifest, p := released(t)
	krew := inRoot(t, "KREW", "bin/krew")
	for _, platform := range p.Spec.Platforms {
		on := platformOf(platform)
		t.Run(on, func(t *testing.T) {
			root := t.TempDir()
			goos, goarch, _ := strings.Cut(on, "/")
			// An empty HOME has no kubeconfig.
			env := []string{"KREW_ROOT=" + root, "KREW_OS=" + goos, "KREW_ARCH=" + goarch, "KREW_NO_UPGRADE_CHECK=1",
				"HOME=" + t.TempDir(), "PATH=" + filepath.Join(root, "bin") + ":" + os.Getenv("PATH")}
			// Krew wants to know an index before it does anything; the one of our own is one.
			output(t, env, krew, "index", "add", "default", indexOf(t, manifest))
			if out := output(t, env, krew, "info", pluginName); !strings.Contains(out, "VERSION: "+p.Spec.Version) {
				t.Errorf("in the index it finds\n%s", out)
			}
			out := output(t, env, krew, "install", "--manifest", manifest, "--archive", filepath.Join(archives, filepath.Base(platform.URI)))
			if !strings.Contains(out, "Installed plugin: "+pluginName) {
				t.Errorf("krew said\n%s", out)
			}
			store := filepath.Join(root, "store", pluginName, p.Spec.Version)
			for _, file := range []string{platform.Bin, "LICENSE", "THIRD_PARTY_LICENSES", "completions/kubectl-falcon.bash", "man/kubectl-falcon-install.1"} {
				if info, err := os.Stat(filepath.Join(store, file)); err != nil || info.Size() == 0 {
					t.Errorf("%s was not installed: %v", file, err)
				}
			}
			if on == runtime.GOOS+"/"+runtime.GOARCH {
				works(t, env, p.Spec.Version)
			}
			output(t, env, krew, "uninstall", pluginName)
			left(t, root)
		})
	}
}

// indexOf commits the manifest's folder to a git repository, as an index of one's own is one, and returns its
// address.
func indexOf(t *testing.T, manifest string) string {
	t.Helper()
	folder := filepath.Join(t.TempDir(), "index")
	if err := os.CopyFS(folder, os.DirFS(filepath.Dir(filepath.Dir(manifest)))); err != nil {
		t.Fatal(err)
	}
	env := append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
	for _, args := range [][]string{{"init", "--quiet"}, {"add", "."},
		{"-c", "user.name=test", "-c", "user.email=test@kubectl-falcon.invalid", "commit", "--quiet", "-m", "The plugin"}} {
		output(t, env, "git", append([]string{"-C", folder}, args...)...)
	}
	return "file://" + folder
}

// works has the real kubectl find and run what krew has installed, without kubeconfig and network.
func works(t *testing.T, env []string, version string) {
	t.Helper()
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Fatalf("%v; make release-test builds it with the lab", err)
	}
	list := output(t, env, kubectl, "plugin", "list")
	if !strings.Contains(list, "kubectl-falcon") || strings.Contains(strings.ToLower(list), "warning") {
		t.Errorf("kubectl plugin list says\n%s", list)
	}
	// A network of its own, in which not even loopback is up.
	out := output(t, env, "unshare", "--net", kubectl, "falcon", "version", "-o", "json")
	var said struct {
		Version, Commit, Date, Go, Platform string
		Dirty                               *bool
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if said.Version != version || len(said.Commit) != 40 || said.Date == "" || said.Dirty == nil || said.Go == "" || said.Platform == "" {
		t.Errorf("it is of %s, and says\n%s", version, out)
	}
}

// left fails for what krew's uninstall has not removed.
func left(t *testing.T, root string) {
	t.Helper()
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		if file == filepath.Join(root, "index") {
			return fs.SkipDir // that the index has the plugin is not of its installation
		}
		if err == nil && !entry.IsDir() && strings.Contains(strings.TrimPrefix(file, root), pluginName) {
			t.Errorf("%s is left", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(root, "store", pluginName)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the store still has the plugin: %v", err)
	}
}

// One program for its platform, and nothing that only the machine of the build had.
func TestArchivesHaveOneProgramEach(t *testing.T) {
	archives, _, p := released(t)
	for _, platform := range p.Spec.Platforms {
		programs, others := 0, 0
		for name, head := range contents(t, filepath.Join(archives, filepath.Base(platform.URI))) {
			if name == platform.Bin {
				programs++
				want := map[string]string{"linux": "\x7fELF", "darwin": "\xcf\xfa\xed\xfe", "windows": "MZ"}[platform.Selector.MatchLabels["os"]]
				if !strings.HasPrefix(head, want) {
					t.Errorf("%s: the program begins with %q", platform.URI, head)
				}
				continue
			}
			others++
			if strings.HasPrefix(name, "/") || strings.Contains(name, "..") {
				t.Errorf("%s has %s", platform.URI, name)
			}
		}
		if programs != 1 || others < 20 {
			t.Errorf("%s has %d programs and %d other files", platform.URI, programs, others)
		}
	}
}

// contents are the names of an archive's files, with how each begins.
func contents(t *testing.T, file string) map[string]string {
	t.Helper()
	data := []byte(read(t, file))
	found := map[string]string{}
	add := func(name string, r io.Reader) {
		head := make([]byte, 4)
		n, err := io.ReadFull(r, head)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && err != io.EOF {
			t.Fatal(err)
		}
		found[name] = string(head[:n])
	}
	if strings.HasSuffix(file, ".zip") {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range z.File {
			r, err := f.Open()
			if err != nil {
				t.Fatal(err)
			}
			add(f.Name, r)
			r.Close()
		}
		return found
	}
	unpacked, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for archive := tar.NewReader(unpacked); ; {
		header, err := archive.Next()
		if err == io.EOF {
			return found
		} else if err != nil {
			t.Fatal(err)
		}
		if header.Typeflag == tar.TypeReg {
			add(header.Name, archive)
		}
	}
}
