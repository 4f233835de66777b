package shell

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// Plugin is the file by which kubectl finds this program, Completer the one by which it completes its words.
	Plugin    = "kubectl-falcon"
	Completer = "kubectl_complete-falcon"

	// exe ends the names of programs on Windows.
	exe = ".exe"
	// module is in each build of this program, whatever its version.
	module = "github.com/kubectl-falcon/kubectl-falcon/" + "cmd/kubectl-falcon"
)

// IsCompleter says whether a program was called by the name with which kubectl has words completed. Windows
// takes no notice of case, and adds an ending.
func IsCompleter(called string) bool {
	name := called[strings.LastIndexAny(called, `/\`)+1:]
	if len(name) > len(exe) && strings.EqualFold(name[len(name)-len(exe):], exe) {
		return strings.EqualFold(name[:len(name)-len(exe)], Completer)
	}
	return name == Completer
}

// Where says where the file goes.
type Where struct {
	// Program is this program, by the name under which it is on the PATH, if it is.
	Program string
	// Folder is where the file goes.
	Folder string
	// Windows says that the file is a copy with the ending of programs.
	Windows bool
}

// Path is the file's.
func (w Where) Path() string {
	if w.Windows {
		return filepath.Join(w.Folder, Completer+exe)
	}
	return filepath.Join(w.Folder, Completer)
}

// target is what a link to the program says: from its own folder the name alone, so that both can be moved.
func (w Where) target() string {
	if filepath.Dir(w.Program) == filepath.Clean(w.Folder) {
		return filepath.Base(w.Program)
	}
	return w.Program
}

// Install puts the file, and says whether there was anything to do. A file of that name that is not this program
// stays, which is an error.
func (w Where) Install() (changed bool, err error) {
	path := w.Path()
	switch ours, err := isOurs(path); {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return false, w.failed(err)
	case !ours:
		return false, problem.New(problem.BadInput, "look what it is; move it away, or name another folder with --dir",
			"%s is there and is not kubectl falcon: it was left as it is", path)
	default:
		if w.current() {
			return false, nil
		}
	}
	if err := w.put(); err != nil {
		return false, w.failed(err)
	}
	return true, nil
}

func (w Where) failed(err error) error {
	return problem.New(problem.Failed, "name a folder on the PATH that you may write to with --dir", "%s cannot be written: %w", w.Path(), cause(err))
}

// cause is an error without the paths of helpers that nobody has heard of.
func cause(err error) error {
	if in, ok := errors.AsType[*fs.PathError](err); ok {
		return in.Err
	}
	if in, ok := errors.AsType[*os.LinkError](err); ok {
		return in.Err
	}
	return err
}

// current says whether the file is as put would make it.
func (w Where) current() bool {
	if !w.Windows {
		target, err := os.Readlink(w.Path())
		return err == nil && target == w.target()
	}
	is, err := os.ReadFile(w.Path())
	if err != nil {
		return false
	}
	wanted, err := os.ReadFile(w.Program)
	return err == nil && bytes.Equal(is, wanted)
}

// put makes the file beside its place and renames it, so that whoever runs it finds the old or the new one.
func (w Where) put() (err error) {
	folder, err := os.MkdirTemp(w.Folder, "."+Completer+"-*")
	if err != nil {
		return err
	}
	// It is empty after the rename.
	defer func() { _ = os.RemoveAll(folder) }()
	made := filepath.Join(folder, Completer)
	if w.Windows {
		err = copyProgram(w.Program, made)
	} else {
		err = os.Symlink(w.target(), made)
	}
	if err != nil {
		return err
	}
	return os.Rename(made, w.Path())
}

func copyProgram(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err == nil {
		err = out.Sync()
	}
	return errors.Join(err, out.Close())
}

// Remove takes the file away, and says whether it was there. One that is not this program stays, which is an
// error.
func (w Where) Remove() (removed bool, err error) {
	path := w.Path()
	switch ours, err := isOurs(path); {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, problem.New(problem.Failed, "", "%s cannot be looked at: %w", path, cause(err))
	case !ours:
		return false, problem.New(problem.BadInput, "look what it is", "%s is not kubectl falcon: it was left as it is", path)
	}
	if err := os.Remove(path); err != nil {
		return false, problem.New(problem.Failed, "check who may write to the folder", "%s cannot be removed: %w", path, cause(err))
	}
	return true, nil
}

// isOurs says whether a file is a link to this program, also to one that is no more, or a copy of any version.
func isOurs(path string) (bool, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return false, err
	}
	if info.Mode()&fs.ModeSymlink != 0 {
		target, err := os.Readlink(path)
		if err != nil {
			return false, err
		}
		name := strings.TrimSuffix(strings.ToLower(filepath.Base(target)), exe)
		return name == Plugin, nil
	}
	if !info.Mode().IsRegular() {
		return false, nil
	}
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close()
	return contains(file, module)
}

// contains looks for a text in something long.
func contains(in io.Reader, text string) (bool, error) {
	const block = 1 << 20
	buffer := make([]byte, 0, block+len(text))
	for {
		n, err := in.Read(buffer[len(buffer):cap(buffer)])
		buffer = buffer[:len(buffer)+n]
		if bytes.Contains(buffer, []byte(text)) {
			return true, nil
		}
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if keep := len(text) - 1; len(buffer) > keep {
			buffer = buffer[:copy(buffer, buffer[len(buffer)-keep:])]
		}
	}
}
