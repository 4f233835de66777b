// Package launch holds the two small programs that start an application under
// the stand-in: falcon-init, which puts the loader where every container of the
// pod sees it, and falcon-entrypoint, the loader. The loader only starts what it
// is given; it watches nothing.
package launch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Init is the falcon-init program: it copies its own executable into the
// sensor volume under the loader's name.
func Init(_ context.Context, p standin.Process) int {
	mount := p.Env[standin.EnvMount]
	if mount == "" {
		fmt.Fprintln(p.Err, "falcon-init: "+standin.EnvMount+" is not set")
		return 1
	}
	self, err := os.Executable()
	if err == nil {
		err = install(self, filepath.Join(mount, standin.EntrypointPath))
	}
	if err != nil {
		fmt.Fprintln(p.Err, "falcon-init:", err)
		return 1
	}
	fmt.Fprintln(p.Err, "falcon-init: "+standin.Notice)
	return 0
}

// install renames a finished copy into place: when a pod's init containers run
// again, the old loader may still be running and cannot be written to.
func install(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("copy the loader: %w", err)
	}
	defer source.Close()
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return fmt.Errorf("copy the loader: %w", err)
	}
	temp, err := os.CreateTemp(filepath.Dir(to), ".falcon-entrypoint.*")
	if err != nil {
		return fmt.Errorf("copy the loader: %w", err)
	}
	defer os.Remove(temp.Name())
	_, err = io.Copy(temp, source)
	if err = errors.Join(err, temp.Chmod(0o755), temp.Close()); err != nil {
		return fmt.Errorf("copy the loader to %s: %w", to, err)
	}
	if err := os.Rename(temp.Name(), to); err != nil {
		return fmt.Errorf("copy the loader: %w", err)
	}
	return nil
}
