package kubeconfig

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// file is one of the user's kubeconfig files.
type file struct {
	// name is what the user calls it, real where a link of that name leads.
	name, real string
	config     *clientcmdapi.Config
	before     []byte
	changed    bool
}

// lockPatience is how long another program may keep a file's lock. kubectl keeps it for milliseconds.
var lockPatience = 5 * time.Second

// load reads a file; one that is not there is empty.
func load(name string) (*file, error) {
	f := &file{name: name, real: resolved(name), config: clientcmdapi.NewConfig()}
	content, err := os.ReadFile(f.real)
	if errors.Is(err, fs.ErrNotExist) {
		return f, nil
	}
	if err != nil {
		return nil, unusable(name, err)
	}
	f.before = content
	if f.config, err = clientcmd.Load(content); err != nil {
		return nil, unusable(name, err)
	}
	return f, nil
}

// resolved is where a name leads.
func resolved(name string) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	return name
}

func unusable(name string, err error) error {
	return problem.New(problem.BadInput, "mend the file, or name another with --kubeconfig or KUBECONFIG",
		"the kubeconfig %s cannot be used: %w", name, err)
}

// lock takes the lock of a file as kubectl does (client-go, tools/clientcmd: FILE.lock), and returns what gives
// it back.
func lock(name string) (func(), error) {
	real := resolved(name)
	if err := os.MkdirAll(filepath.Dir(real), 0o700); err != nil {
		return nil, unwritable(name, err)
	}
	mine := real + ".lock"
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		f, err := os.OpenFile(mine, os.O_CREATE|os.O_EXCL, 0)
		if err == nil {
			_ = f.Close()
			return func() { _ = os.Remove(mine) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, unwritable(name, err)
		}
		if time.Since(began) > lockPatience {
			return nil, problem.New(problem.Failed, "if no kubectl is at work, one that was killed left it: remove "+mine,
				"the kubeconfig %s is locked by another program", name)
		}
	}
}

func unwritable(name string, err error) error {
	return problem.New(problem.Failed, "check who owns it, or name another with --kubeconfig",
		"the kubeconfig %s cannot be written: %w", name, err)
}

// write replaces the file by rename, so that whoever reads it finds the old or the new one, whole. Tokens of
// others may be in it: only its owner may read it.
func (f *file) write() error {
	content, err := clientcmd.Write(*f.config)
	if err != nil {
		return fmt.Errorf("write the kubeconfig %s: %w", f.name, err)
	}
	if bytes.Equal(content, f.before) {
		return nil
	}
	temporary, err := os.CreateTemp(filepath.Dir(f.real), "."+filepath.Base(f.real)+"-*")
	if err != nil {
		return unwritable(f.name, err)
	}
	// After the rename there is nothing of that name.
	defer func() { _ = os.Remove(temporary.Name()) }()
	_, err = temporary.Write(content)
	if err == nil {
		err = temporary.Chmod(0o600)
	}
	if err == nil {
		err = temporary.Sync()
	}
	if closed := temporary.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(temporary.Name(), f.real)
	}
	if err != nil {
		return unwritable(f.name, err)
	}
	return nil
}
