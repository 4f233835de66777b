package build

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	lab "github.com/kubectl-falcon/kubectl-falcon/test/lab"
)

// fakeGo stands before the real go command. `go env` it passes on; of `go build` it notes the call and
// then does what $FAKE_GO says, so that nothing is compiled.
const fakeGo = `#!/bin/sh
[ "$1" = build ] || exec "$REAL_GO" "$@"
echo "cgo=$CGO_ENABLED goflags=$GOFLAGS gowork=$GOWORK $*" >>"$FAKE_GO_CALLS"
case $FAKE_GO in
fail) printf 'a/b\nx.go:1: broken\n' >&2; exit 1 ;;
hang) exec cat "$FAKE_GO_CALLS.gate" ;;
esac
while [ "$1" != -o ]; do shift; done
[ -e go.mod ] && echo made >"$2"
`

// useFakeGo puts fakeGo on PATH and returns the file with its calls.
func useFakeGo(t *testing.T, mode string) string {
	t.Helper()
	realGo, err := exec.LookPath("go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte(fakeGo), 0o755); err != nil {
		t.Fatal(err)
	}
	calls := filepath.Join(dir, "calls")
	for name, value := range map[string]string{
		"PATH":    dir + ":" + os.Getenv("PATH"),
		"REAL_GO": realGo, "FAKE_GO": mode, "FAKE_GO_CALLS": calls,
		// What a user's shell may hold, and must not reach the compiler.
		"GOFLAGS": "-trimpath", "GOWORK": "/no/such/go.work", "CGO_ENABLED": "1",
	} {
		t.Setenv(name, value)
	}
	return calls
}

func quiet() *Progress { return NewProgress(io.Discard, false) }

func readLines(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(content), "\n"), "\n")
}

func TestKey(t *testing.T) {
	first, err := Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^v1\.\d+\.\d+-[0-9a-f]{16}$`).MatchString(first) || !strings.HasPrefix(first, kubeVersion+"-") {
		t.Errorf("key %q has another form", first)
	}
	// Neither where the lab is called from nor what the shell holds changes what is built.
	t.Chdir(t.TempDir())
	t.Setenv("GOFLAGS", "-tags=other")
	t.Setenv("CGO_ENABLED", "0")
	if again, err := Key(t.Context()); err != nil || again != first {
		t.Errorf("second key %q, %v; the first was %q", again, err, first)
	}
}

func TestKeyWithoutGo(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	if key, err := Key(t.Context()); err == nil || !strings.Contains(err.Error(), "install Go 1.26 or newer") {
		t.Errorf("key %q, error %v", key, err)
	}
}

func TestWriteSources(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "src", "key")
	// The second time is a build that was interrupted.
	for range 2 {
		if got, err := writeSources(dir); got != dir || err != nil {
			t.Fatalf("%q, %v", got, err)
		}
	}
	want := []string{"cmd/kube/main.go", "cmd/pause/main.go", "cmd/registry/main.go", "go.mod", "go.sum"}
	var got []string
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		got = append(got, path)
		written, err := os.ReadFile(filepath.Join(dir, path))
		if err != nil {
			return err
		}
		if embedded, err := lab.Sources.ReadFile(path); err != nil || !bytes.Equal(written, embedded) {
			t.Errorf("%s differs from what is embedded (%v)", path, err)
		}
		return nil
	})
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("files %q, %v; want %q", got, err, want)
	}
}

// cacheWith makes a cache in which the programs of the recipe are but for those named.
func cacheWith(t *testing.T, without ...string) (cache, dir string) {
	t.Helper()
	key, err := Key(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cache = t.TempDir()
	dir = filepath.Join(cache, "bin", key)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, p := range recipe {
		if slices.Contains(without, p.name) {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, p.name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return cache, dir
}

func TestMissingIn(t *testing.T) {
	if got := missingIn(filepath.Join(t.TempDir(), "none")); !slices.Equal(got, recipe) {
		t.Errorf("of no folder %v is missing", got)
	}
	_, dir := cacheWith(t, "etcd", "pause")
	// What a killed build leaves is not a program.
	if err := os.WriteFile(filepath.Join(dir, ".etcd.partial"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	got := missingIn(dir)
	if len(got) != 2 || got[0].name != "etcd" || got[1].name != "pause" {
		t.Errorf("missing: %v", got)
	}
}

func TestEnsureOfAFullCacheBuildsNothing(t *testing.T) {
	cache, want := cacheWith(t)
	calls := useFakeGo(t, "fail")
	// Nor does it wait for a build of another version that goes on meanwhile.
	unlock, err := lock(filepath.Join(cache, "build.lock"), quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer unlock()
	var out syncBuffer
	done := make(chan error, 1)
	go func() {
		dir, err := Ensure(t.Context(), cache, NewProgress(&out, false))
		if err == nil && dir != want {
			err = errors.New("it returned " + dir)
		}
		done <- err
	}()
	if err := receive(t, done); err != nil {
		t.Fatalf("%v, want %q", err, want)
	}
	if made := readLines(t, calls); made != nil || out.String() != "" {
		t.Errorf("it called go build %q and said %q", made, out.String())
	}
	if _, err := os.Stat(filepath.Join(cache, "src")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("it wrote the sources (%v)", err)
	}
}

func TestEnsureBuildsWhatIsMissing(t *testing.T) {
	cache, want := cacheWith(t, "kube", "containerd", "runc")
	calls := useFakeGo(t, "")
	var out bytes.Buffer
	dir, err := Ensure(t.Context(), cache, NewProgress(&out, false))
	if dir != want || err != nil {
		t.Fatalf("%q, %v; want %q", dir, err, want)
	}
	common := "goflags= gowork=off build -v -buildvcs=false -trimpath -mod=readonly -o " + dir + "/."
	for i, want := range []string{
		"cgo=0 " + common + "kube.partial -ldflags -s -w " + kubeLDFlags + " ./cmd/kube",
		"cgo=0 " + common + "containerd.partial -ldflags -s -w -tags " + containerdTags + " " + containerd + "containerd",
		"cgo=1 " + common + "runc.partial -ldflags -s -w -tags seccomp github.com/opencontainers/runc",
	} {
		if got := readLines(t, calls); len(got) != 3 || got[i] != want {
			t.Errorf("call %d of %q\nwant %q", i, got, want)
		}
	}
	if left := missingIn(dir); len(left) != 0 {
		t.Errorf("still missing: %v", left)
	}
	for _, l := range links {
		if target, err := os.Readlink(filepath.Join(dir, l)); target != "kube" || err != nil {
			t.Errorf("%s -> %q, %v", l, target, err)
		}
	}
	if partial, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(partial) != 0 {
		t.Errorf("left behind: %q, %v", partial, err)
	}
	for _, step := range []string{"1/3 kube\n", "2/3 containerd\n", "3/3 runc\n"} {
		if !strings.Contains(out.String(), step) {
			t.Errorf("step %q is missing in %q", step, &out)
		}
	}
}

func TestEnsureShowsTheCompilersComplaint(t *testing.T) {
	cache, dir := cacheWith(t, "etcd", "runc")
	calls := useFakeGo(t, "fail")
	_, err := Ensure(t.Context(), cache, quiet())
	want := "go build go.etcd.io/etcd/server/v3: exit status 1\nx.go:1: broken"
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
	// It stops at the first, and a later call starts there again.
	if made := readLines(t, calls); len(made) != 1 || len(missingIn(dir)) != 2 {
		t.Errorf("calls %q, missing %v", made, missingIn(dir))
	}
}

func TestEnsureEndsWithItsContext(t *testing.T) {
	cache, dir := cacheWith(t, "etcd")
	calls := useFakeGo(t, "hang")
	openGate(t, calls+".gate")
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		_, err := Ensure(ctx, cache, quiet())
		done <- err
	}()
	eventually(t, "the build runs", func() bool { return readLines(t, calls) != nil })
	cancel()
	if err := receive(t, done); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
	if left := missingIn(dir); len(left) != 1 {
		t.Errorf("missing after an interrupted build: %v", left)
	}
}

// A build that was killed between its last program and the links must not leave a cache without them.
func TestEnsureMendsMissingLinks(t *testing.T) {
	cache, dir := cacheWith(t)
	for _, name := range links {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	if _, err := Ensure(t.Context(), cache, quiet()); err != nil {
		t.Fatal(err)
	}
	for _, name := range links {
		if target, err := os.Readlink(filepath.Join(dir, name)); target != "kube" || err != nil {
			t.Errorf("%s points to %q, %v", name, target, err)
		}
	}
}
