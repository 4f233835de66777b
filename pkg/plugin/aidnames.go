package plugin

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// aidTarget reads a pod's name, alone or as TYPE/NAME, or that of what makes pods.
func aidTarget(arg string) (aid.Target, error) {
	kind, name, err := "Pod", arg, error(nil)
	if strings.Contains(arg, "/") {
		kind, name, err = kube.ParseTarget(arg)
	}
	if err != nil || len(validation.IsDNS1123Subdomain(name)) > 0 {
		return aid.Target{}, problem.New(problem.BadInput,
			"write POD or TYPE/NAME, with a TYPE of pod, deployment, statefulset, daemonset, replicaset, job or cronjob",
			"%q is not a pod, nor what makes pods", arg)
	}
	return aid.Target{Kind: kind, Name: name}, nil
}

// aidLine reads a line of stdin, which may name the namespace before the rest.
func aidLine(line string) (aid.Target, error) {
	namespace, rest, _ := strings.Cut(line, "/")
	if strings.Count(line, "/") != 2 || len(validation.IsDNS1123Label(namespace)) > 0 {
		return aidTarget(line)
	}
	t, err := aidTarget(rest)
	t.Namespace = namespace
	return t, err
}

// longestName bounds a line of stdin, and mostNames how many there are: somebody pipes in the wrong file some
// day.
const (
	longestName = 1024
	mostNames   = 200_000
)

// readNames reads the targets from stdin, one a line. It ends with the context, of which reading knows nothing.
func (f *aidFlags) readNames(ctx context.Context, in io.Reader) error {
	done := make(chan error, 1)
	var targets []aid.Target
	go func() {
		lines := bufio.NewScanner(in)
		lines.Buffer(nil, longestName)
		for n := 1; lines.Scan(); n++ {
			line := strings.TrimSpace(lines.Text())
			if line == "" {
				continue
			}
			t, err := aidLine(line)
			if err == nil && len(targets) == mostNames {
				err = problem.New(problem.BadInput, "use -A, or -l", "stdin has more than %d names", mostNames)
			}
			if err != nil {
				done <- problem.New(problem.BadInput, "write POD, TYPE/NAME or NAMESPACE/TYPE/NAME on each line, as kubectl get pods -o name does",
					"line %d of stdin: %w", n, err)
				return
			}
			targets = append(targets, t)
		}
		err := lines.Err()
		if err == nil && len(targets) == 0 {
			err = errors.New("there are none")
		}
		if err != nil {
			err = problem.New(problem.BadInput, "pipe in names, one a line", "the names on stdin cannot be read: %w", err)
		}
		done <- err
	}()
	select {
	case err := <-done:
		f.targets = targets
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// podName takes a pod's name as kubectl prints it, alone or after its kind.
func podName(arg string) (string, error) {
	kind, name, found := strings.Cut(arg, "/")
	if !found && arg != "" {
		return arg, nil
	}
	switch kind {
	case "pod", "pods", "po":
		if name != "" && !strings.Contains(name, "/") {
			return name, nil
		}
	}
	return "", problem.New(problem.BadInput, "kubectl get pods lists them", "%q is not a pod: write POD or pod/POD", arg)
}
