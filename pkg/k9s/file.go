package k9s

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// backupEnding is put behind the name of a file for its copy as it was before our entries came.
const backupEnding = ".before-kubectl-falcon"

// Done is what was done with a file.
type Done struct {
	// Changed says that anything was. Created and Removed are about the file as a whole.
	Changed, Created, Removed bool
	// Backup is the copy of the file as it was, if one was made.
	Backup string
	// Clashes are plugins of the user's that have one of our keys.
	Clashes []string
}

// Install puts our entries into a plugins file, or brings those that are there up to date.
func Install(name string) (Done, error) {
	f, err := open(name)
	if err != nil {
		return Done{}, err
	}
	merged, err := Merge(name, f.content)
	if err != nil {
		return Done{}, err
	}
	done := Done{Changed: !bytes.Equal(merged, f.content), Created: !f.exists, Clashes: Clashes(merged)}
	if !done.Changed {
		return done, nil
	}
	if rest, had, err := Remove(name, f.content); err == nil && !had && f.exists {
		if err := f.write(f.backup(), rest); err != nil {
			return Done{}, err
		}
		done.Backup = f.backup()
	}
	if err := os.MkdirAll(filepath.Dir(f.real), 0o700); err != nil {
		return Done{}, f.unwritable(err)
	}
	return done, f.write(f.real, merged)
}

// Uninstall takes our entries out of a plugins file. One in which nothing else was before them goes too.
func Uninstall(name string) (Done, error) {
	f, err := open(name)
	if err != nil {
		return Done{}, err
	}
	rest, had, err := Remove(name, f.content)
	if err != nil || !had {
		return Done{}, err
	}
	before, kept := os.ReadFile(f.backup())
	done := Done{Changed: true, Removed: len(rest) == 0 && errors.Is(kept, fs.ErrNotExist)}
	if done.Removed {
		if err := os.Remove(f.real); err != nil {
			return Done{}, f.unwritable(err)
		}
		return done, nil
	}
	if kept == nil && bytes.Equal(bytes.TrimRight(rest, "\r\n"), bytes.TrimRight(before, "\r\n")) {
		// At most the end of the last line differs, which our entries had to have.
		rest = before
	}
	if err := f.write(f.real, rest); err != nil {
		return Done{}, err
	}
	if kept == nil && bytes.Equal(rest, before) {
		// It says nothing that the file does not say itself.
		_ = os.Remove(f.backup())
	}
	return done, nil
}

// file is a plugins file as it was found.
type file struct {
	// name is what the user calls it, real where a link of that name leads.
	name, real string
	exists     bool
	content    []byte
	mode       fs.FileMode
}

func open(name string) (*file, error) {
	f := &file{name: name, real: name, mode: 0o600}
	if real, err := filepath.EvalSymlinks(name); err == nil {
		f.real = real
	}
	info, err := os.Stat(f.real)
	if errors.Is(err, fs.ErrNotExist) {
		if info, err := os.Lstat(name); err == nil && info.Mode()&fs.ModeSymlink != 0 {
			return nil, problem.New(problem.BadInput, "remove it, or make what it leads to", "%s is a link to nothing", name)
		}
		return f, nil
	}
	if err == nil && !info.Mode().IsRegular() {
		return nil, problem.New(problem.BadInput, "name the file with --file", "%s is no file", name)
	}
	if err == nil {
		f.exists, f.mode = true, info.Mode().Perm()
		f.content, err = os.ReadFile(f.real)
	}
	if err != nil {
		return nil, problem.New(problem.BadInput, "check the name and the rights of the file", "%s cannot be read: %w", name, cause(err))
	}
	return f, nil
}

func (f *file) backup() string { return f.real + backupEnding }

func (f *file) unwritable(err error) error {
	return problem.New(problem.Failed, "check who owns it, or name another with --file", "%s cannot be written: %w", f.name, cause(err))
}

// cause is an error without its path, which is said already.
func cause(err error) error {
	if in, ok := errors.AsType[*fs.PathError](err); ok {
		return in.Err
	}
	return err
}

// write replaces a file by rename, with the rights that the plugins file has.
func (f *file) write(to string, content []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(to), "."+filepath.Base(to)+"-*")
	if err != nil {
		return f.unwritable(err)
	}
	// After the rename there is nothing of that name.
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Chmod(f.mode)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), to)
	}
	if err != nil {
		return f.unwritable(err)
	}
	return nil
}
