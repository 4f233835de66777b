package build

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	lab "github.com/kubectl-falcon/kubectl-falcon/test/lab"
)

// Ensure returns the folder that holds every program of the cluster, and compiles the ones that are
// not there yet. cache is a folder that outlives checkouts; progress gets one line per step, and while
// a step runs a line now and then. It fails if the Go tool or a C library is missing, naming it.
func Ensure(ctx context.Context, cache string, progress *Progress) (string, error) {
	key, err := Key(ctx)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "bin", key)
	missing := missingIn(dir)
	if len(missing) == 0 {
		return dir, linkNames(dir)
	}
	unlock, err := lock(filepath.Join(cache, "build.lock"), progress)
	if err != nil {
		return "", err
	}
	defer unlock()
	// Another checkout may have built them while this one waited.
	if missing = missingIn(dir); len(missing) == 0 {
		return dir, linkNames(dir)
	}
	src, err := writeSources(filepath.Join(cache, "src", key))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	for i, p := range missing {
		progress.Step(fmt.Sprintf("%d/%d %s", i+1, len(missing), p.name))
		if err := compile(ctx, src, dir, p, progress); err != nil {
			return "", err
		}
	}
	return dir, linkNames(dir)
}

// Key names what the programs are built from: the module's pinned versions, its own mains, the recipe,
// the Go version and the machine. Equal keys mean equal programs.
func Key(ctx context.Context) (string, error) {
	env := exec.CommandContext(ctx, "go", "env", "GOVERSION", "GOARCH", "GOAMD64")
	// Some module around this program's folder must not choose the toolchain.
	env.Dir = os.TempDir()
	var complaint strings.Builder
	env.Stderr = &complaint
	goVersion, err := env.Output()
	if err != nil {
		return "", fmt.Errorf("the go command does not run: %w %s; install Go 1.26 or newer and put it on PATH",
			err, strings.TrimSpace(complaint.String()))
	}
	h := sha256.New()
	h.Write(goVersion)
	fmt.Fprintf(h, "%+v%v", recipe, links)
	err = fs.WalkDir(lab.Sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := lab.Sources.ReadFile(path)
		fmt.Fprintf(h, "\n%s %d\n%s", path, len(content), content)
		return err
	})
	return kubeVersion + "-" + hex.EncodeToString(h.Sum(nil))[:16], err
}

// missingIn returns the programs that dir lacks. A program is renamed into place when it is complete,
// so its presence means that it is whole.
func missingIn(dir string) []program {
	var missing []program
	for _, p := range recipe {
		if _, err := os.Stat(filepath.Join(dir, p.name)); err != nil {
			missing = append(missing, p)
		}
	}
	return missing
}

func writeSources(dir string) (string, error) {
	return dir, fs.WalkDir(lab.Sources, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, path)
		if d.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := lab.Sources.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, 0o644)
	})
}

func compile(ctx context.Context, src, dir string, p program, progress *Progress) error {
	partial := filepath.Join(dir, "."+p.name+".partial")
	args := []string{"build", "-v", "-buildvcs=false", "-trimpath", "-mod=readonly", "-o", partial,
		"-ldflags", strings.TrimSpace("-s -w " + p.ldflags)}
	if p.tags != "" {
		args = append(args, "-tags", p.tags)
	}
	cmd := exec.CommandContext(ctx, "go", append(args, p.pkg)...)
	cmd.Dir = src
	cgo := "CGO_ENABLED=0"
	if p.cgo {
		cgo = "CGO_ENABLED=1"
	}
	// GOFLAGS and GOWORK of the user's shell could change what is built without changing the key.
	cmd.Env = append(os.Environ(), cgo, "GOFLAGS=", "GOWORK=off")
	watch := progress.Compiler()
	cmd.Stderr = watch
	stop := watch.Pulse()
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	err := cmd.Run()
	stop()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("go build %s: %w\n%s", p.pkg, err, watch.Trouble())
	}
	watch.Done()
	return os.Rename(partial, filepath.Join(dir, p.name))
}

func linkNames(dir string) error {
	for _, name := range links {
		if err := os.Symlink("kube", filepath.Join(dir, name)); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// lock keeps two checkouts from compiling the same programs at the same time on the same cores.
func lock(path string, progress *Progress) (func(), error) {
	if runtime.GOOS != "linux" {
		return nil, fmt.Errorf("the lab runs on Linux only; on %s use any kubeconfig (kind, k3d, minikube, EKS)", runtime.GOOS)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	fd := int(f.Fd())
	if err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB); errors.Is(err, syscall.EWOULDBLOCK) {
		progress.Note("waiting for another build of the lab on this machine")
		err = syscall.Flock(fd, syscall.LOCK_EX)
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	} else if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil
}
