package launch

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// asEntrypoint makes this test program act as the loader, so that a test can
// see what it becomes.
const asEntrypoint = "LAUNCH_TEST_AS_ENTRYPOINT"

func TestMain(m *testing.M) {
	if os.Getenv(asEntrypoint) == "" {
		os.Exit(m.Run())
	}
	env := standin.ParseEnv(os.Environ())
	delete(env, asEntrypoint)
	os.Exit(Entrypoint(context.Background(), standin.Process{Args: os.Args[1:], Env: env, Err: os.Stderr}))
}

func TestInit(t *testing.T) {
	mount := t.TempDir()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	// The second round is a pod whose init containers run again.
	for range 2 {
		var out bytes.Buffer
		code := Init(t.Context(), standin.Process{Env: standin.Env{standin.EnvMount: mount}, Err: &out})
		if code != 0 || !strings.Contains(out.String(), standin.Notice) {
			t.Fatalf("exit code %d, says %s", code, &out)
		}
		file := filepath.Join(mount, "rootfs/bin/falcon-entrypoint")
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o755 {
			t.Fatalf("loader %v: %v", info, err)
		}
		if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, want) {
			t.Errorf("the copy differs: %v", err)
		}
		if left, err := os.ReadDir(filepath.Dir(file)); err != nil || len(left) != 1 {
			t.Errorf("left behind: %v, %v", left, err)
		}
	}
}

func TestInitFailures(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for mount, want := range map[string]string{"": "FALCON_STANDIN_MOUNT is not set", file: "not a directory"} {
		var out bytes.Buffer
		code := Init(t.Context(), standin.Process{Env: standin.Env{standin.EnvMount: mount}, Err: &out})
		if code != 1 || !strings.Contains(out.String(), want) {
			t.Errorf("mount %q: exit code %d, says %s", mount, code, &out)
		}
	}
}

func TestEntrypoint(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	first, second := t.TempDir(), t.TempDir()
	files := map[string]os.FileMode{
		filepath.Join(first, "plain"):   0o644,
		filepath.Join(first, "twice"):   0o644,
		filepath.Join(second, "script"): 0o755,
		filepath.Join(second, "twice"):  0o755,
		filepath.Join(second, "orphan"): 0o755,
	}
	for file, mode := range files {
		text := "#!/bin/sh\necho \"$0 $*\"; echo \"$GREETING\"; exit 7\n"
		if filepath.Base(file) == "orphan" {
			text = "#!/no/such/interpreter\n"
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			t.Fatal(err)
		}
	}
	path := func(name string) string { return filepath.Join(second, name) }
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"from PATH", []string{"script", "a", "b c"}, 7, path("script") + " a b c\nhello\n"},
		{"by path", []string{path("script")}, 7, path("script") + " \nhello\n"},
		{"first that runs", []string{"twice"}, 7, path("twice") + " \nhello\n"},
		{"not in PATH", []string{"nothing"}, 127, `exec "nothing": search $PATH: file does not exist`},
		{"no such file", []string{"/no/such/file"}, 127, `exec "/no/such/file"`},
		{"no such interpreter", []string{"orphan"}, 127, `exec "orphan"`},
		{"not executable", []string{"plain"}, 126, "permission denied"},
		{"a directory", []string{first}, 126, "permission denied"},
		{"nothing to run", nil, 127, "no command"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			command := exec.CommandContext(t.Context(), self, tt.args...)
			command.Env = []string{asEntrypoint + "=1", "GREETING=hello", "PATH=" + first + ":relative:" + second}
			out, err := command.CombinedOutput()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.ExitCode() != tt.code || !strings.Contains(string(out), tt.want) {
				t.Errorf("%v, says %q, want exit code %d and %q", err, out, tt.code, tt.want)
			}
		})
	}
}
