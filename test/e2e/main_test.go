//go:build e2e

// Package e2e drives the built plugin against a real cluster, as a user would: it starts programs, reads
// what they print and looks at what they left. It must not call into the plugin's packages.
//
// The cluster is a lab of the tests' own. Tests change the whole cluster (an injector is cluster-wide), so
// they run one after another and each leaves it as it found it.
package e2e

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	cid      = "0123456789abcdef0123456789abcdef-12"
	registry = "10.244.0.1:5000"
	// sensorImage is the stand-in; shellImage has a bash; pauseImage runs without a command.
	sensorImage = registry + "/falcon-sensor-standin:7.40.0"
	shellImage  = registry + "/shell:lab"
	pauseImage  = registry + "/pause:lab"
)

// root is the repository, programs the folder with kubectl and the cluster's programs.
var root, programs string

// shared is the lab that most tests use, from the first that asks on.
var shared = sync.OnceValue(func() *lab {
	l, err := startLab(fmt.Sprintf("e2e-%d", os.Getpid()))
	if err != nil {
		// No test can say anything without it.
		panic(err)
	}
	atEnd = append(atEnd, l.stop)
	return l
})

// atEnd is what run does when all tests have ended.
var atEnd []func() error

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	if root, err = filepath.Abs("../.."); err != nil {
		return 1, err
	}
	out, err := exec.Command(bin("lab"), "build").Output()
	if err != nil {
		return 1, fmt.Errorf("bin/lab build: %w; run the tests with: make e2e", err)
	}
	programs = strings.TrimSpace(string(out))
	home, err := os.MkdirTemp("", "falcon-e2e-")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(home)
	// kubectl's caches and any ~/.kube/config of this user must not matter.
	if err := errors.Join(os.Setenv("KUBECACHEDIR", home), os.Setenv("KUBECONFIG", "")); err != nil {
		return 1, err
	}
	code = m.Run()
	for _, stop := range atEnd {
		err = errors.Join(err, stop())
	}
	if line := total.String(); line != "" {
		fmt.Println(line)
	}
	return code, nil
}

func bin(name string) string { return filepath.Join(root, "bin", name) }

// lab is a cluster that lives as long as the pipe to its starter is open, so that not even a killed test
// leaves one behind.
type lab struct {
	name, kubeconfig string
	cmd              *exec.Cmd
	stdin            io.Closer
}

// startLab starts a lab with the tests' images in its registry and waits until it is ready.
func startLab(name string, flags ...string) (*lab, error) {
	images := filepath.Join(root, "bin", "images")
	args := append([]string{"up", "--foreground", "--name", name, "--load",
		filepath.Join(images, "falcon-sensor-standin.tar") + "," + filepath.Join(images, "shell.tar")}, flags...)
	cmd := exec.Command(bin("lab"), args...)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lab %s did not come up", name), cmd.Wait())
	}
	config, found := strings.CutPrefix(strings.TrimSpace(line), "export KUBECONFIG=")
	if !found {
		return nil, fmt.Errorf("lab up printed %q instead of the kubeconfig", line)
	}
	return &lab{name: name, kubeconfig: config, cmd: cmd, stdin: stdin}, nil
}

func (l *lab) stop() error {
	return errors.Join(l.stdin.Close(), l.cmd.Wait())
}

// result is what a program printed and how it ended.
type result struct {
	stdout, stderr string
	code           int
}

func (r result) String() string {
	return fmt.Sprintf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.code, r.stdout, r.stderr)
}

// command prepares a program with the plugin and the lab's kubectl on PATH and the lab's kubeconfig.
func (l *lab) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "KUBECONFIG="+l.kubeconfig,
		"PATH="+filepath.Join(root, "bin")+":"+programs+":"+os.Getenv("PATH"))
	// Nothing leaves this machine: what asks for an address that is not on it, such as that of a registry inside
	// the lab, is refused at once. The lab itself asks for it from within.
	if name != bin("lab") {
		const nowhere = "http://127.0.0.1:9"
		cmd.Env = append(cmd.Env, "HTTP_PROXY="+nowhere, "HTTPS_PROXY="+nowhere, "NO_PROXY=")
	}
	return cmd
}

func finish(t *testing.T, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%s: %v", cmd, err)
	}
	r := result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	keepsSecrets(t, cmd.String(), r.stdout+r.stderr)
	return r
}

// secrets are the Falcon API's in this suite: no run of any program may print one.
var secrets struct {
	sync.Mutex
	known []string
}

// hide has every output that is seen from now on looked through for a secret.
func hide(secret string) {
	secrets.Lock()
	defer secrets.Unlock()
	secrets.known = append(secrets.known, secret)
}

func keepsSecrets(t *testing.T, what, text string) {
	t.Helper()
	secrets.Lock()
	defer secrets.Unlock()
	for _, secret := range append(secrets.known, apiPassword) {
		if strings.Contains(text, secret) {
			t.Errorf("%s has a secret in its output", what)
		}
	}
}

// falcon runs the plugin.
func (l *lab) falcon(t *testing.T, args ...string) result {
	t.Helper()
	return finish(t, l.command(bin("kubectl-falcon"), args...))
}

// mustFalcon runs the plugin and stops the test if it fails.
func (l *lab) mustFalcon(t *testing.T, args ...string) result {
	t.Helper()
	r := l.falcon(t, args...)
	if r.code != 0 {
		t.Fatalf("kubectl falcon %s: %v", strings.Join(args, " "), r)
	}
	return r
}

// kubectl runs the lab's kubectl, stops the test if it fails, and returns what it printed.
func (l *lab) kubectl(t *testing.T, args ...string) string {
	t.Helper()
	r := finish(t, l.command(filepath.Join(programs, "kubectl"), args...))
	if r.code != 0 {
		t.Fatalf("kubectl %s: %v", strings.Join(args, " "), r)
	}
	return strings.TrimSpace(r.stdout)
}

// tryKubectl is kubectl where failing is an answer.
func (l *lab) tryKubectl(t *testing.T, args ...string) result {
	t.Helper()
	return finish(t, l.command(filepath.Join(programs, "kubectl"), args...))
}

// eventually asks until the condition holds, and stops the test with its last word if it never does.
func eventually(t *testing.T, what string, patience time.Duration, holds func() (bool, string)) {
	t.Helper()
	deadline := time.Now().Add(patience)
	// Most ask with kubectl, which costs more processor time than what is waited for, so ever less often.
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 800*time.Millisecond) {
		ok, word := holds()
		if ok {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: not after %s: %s", what, patience, word)
		}
		time.Sleep(pause)
	}
}
