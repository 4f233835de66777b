package aws

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// serve.py runs moto on a free port until its standard input ends, which it does also when we are killed.
//
//go:embed serve.py
var serveMoto string

var motoAddress = regexp.MustCompile(`Running on (http://127\.0\.0\.1:\d+)`)

// startMoto starts moto's server and returns its URL and what stops it.
func startMoto(ctx context.Context) (url string, stop func() error, err error) {
	python, err := findPython(ctx)
	if err != nil {
		return "", nil, err
	}
	cmd := exec.Command(python, "-c", serveMoto)
	// Without it AttachRolePolicy of AWS's own policies is NoSuchEntity.
	cmd.Env = append(os.Environ(), "MOTO_IAM_LOAD_MANAGED_POLICIES=true", "PYTHONDONTWRITEBYTECODE=1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return "", nil, err
	}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, fmt.Errorf("start moto with %s: %w", python, err)
	}
	found, ended := make(chan string, 1), make(chan string, 1)
	go readMoto(stderr, found, ended)
	stop = func() error {
		_ = stdin.Close()
		_ = cmd.Process.Kill()
		<-ended
		_ = cmd.Wait()
		return nil
	}
	select {
	case url = <-found:
		return url, stop, nil
	case said := <-ended:
		_ = cmd.Wait()
		return "", nil, fmt.Errorf("moto ended at once: %s", said)
	case <-ctx.Done():
		err = ctx.Err()
	case <-time.After(2 * time.Minute):
		err = errors.New("moto does not answer after 2 minutes")
	}
	return "", nil, errors.Join(err, stop())
}

// readMoto passes on the address that moto names, and at the end its last words.
func readMoto(from io.Reader, found, ended chan<- string) {
	var last []string
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if match := motoAddress.FindStringSubmatch(lines.Text()); match != nil {
			found <- match[1]
		}
		if last = append(last, lines.Text()); len(last) > 5 {
			last = last[1:]
		}
	}
	ended <- strings.Join(last, "\n")
}

// findPython returns a python that has moto: that of the environment which `make moto` makes, or the machine's.
func findPython(ctx context.Context) (string, error) {
	if root, err := repositoryRoot(); err == nil {
		made := filepath.Join(root, "bin", "moto", "bin", "python")
		if _, err := os.Stat(made); err == nil {
			return made, nil
		}
	}
	err := exec.CommandContext(ctx, "python3", "-c",
		"import importlib.util, sys; sys.exit(importlib.util.find_spec('moto') is None)").Run()
	if err != nil {
		return "", errors.New("python3 has no module moto: make moto installs it under bin/moto")
	}
	return "python3", nil
}

// repositoryRoot is the nearest folder above the working directory with a .git.
func repositoryRoot() (string, error) {
	dir, err := os.Getwd()
	for err == nil {
		if _, err := os.Stat(filepath.Join(dir, ".git")); err == nil {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", os.ErrNotExist
		}
		dir = parent
	}
	return "", err
}
