package launch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// The exit codes a shell uses, and people know.
const (
	exitNotExecutable = 126
	exitNotFound      = 127
)

// defaultPath is what container runtimes set when an image says nothing.
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Entrypoint is the falcon-entrypoint program: it becomes the application. It
// returns only when that fails.
func Entrypoint(_ context.Context, p standin.Process) int {
	if len(p.Args) == 0 {
		fmt.Fprintln(p.Err, "falcon-entrypoint: no command: neither the pod nor the image names one")
		return exitNotFound
	}
	file, err := find(p.Args[0], p.Env.Get("PATH", defaultPath))
	if err == nil {
		err = syscall.Exec(file, p.Args, environ(p.Env))
	}
	fmt.Fprintf(p.Err, "falcon-entrypoint: exec %q: %v\n", p.Args[0], err)
	if errors.Is(err, fs.ErrNotExist) {
		return exitNotFound
	}
	return exitNotExecutable
}

// find looks a command up as a container runtime does: a name with a slash is
// taken as it is, any other is searched for in path.
func find(command, path string) (string, error) {
	if strings.Contains(command, "/") {
		return command, executable(command)
	}
	missing := error(&fs.PathError{Op: "search", Path: "$PATH", Err: fs.ErrNotExist})
	for _, dir := range filepath.SplitList(path) {
		if !filepath.IsAbs(dir) {
			continue
		}
		file := filepath.Join(dir, command)
		err := executable(file)
		if err == nil {
			return file, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			// Something is there but will not run: say so if nothing better comes.
			missing = err
		}
	}
	return "", missing
}

func executable(file string) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	if info.IsDir() || info.Mode()&0o111 == 0 {
		return &fs.PathError{Op: "run", Path: file, Err: fs.ErrPermission}
	}
	return nil
}

func environ(env standin.Env) []string {
	lines := make([]string, 0, len(env))
	for key, value := range env {
		lines = append(lines, key+"="+value)
	}
	return lines
}
