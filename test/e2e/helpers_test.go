//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// otherCID is another customer's, where a changed option is needed.
const otherCID = "fedcba9876543210fedcba9876543210-34"

// good are the least arguments of an installation that works.
func good(more ...string) []string {
	return append([]string{"install", "--cid", cid, "--image", sensorImage}, more...)
}

// install installs the injector and has it removed when the test ends.
func (l *lab) install(t *testing.T) {
	t.Helper()
	l.uninstallAtEnd(t)
	l.mustFalcon(t, good()...)
}

func (l *lab) uninstallAtEnd(t *testing.T) {
	t.Helper()
	t.Cleanup(func() {
		if r := l.falcon(t, "uninstall"); r.code != 0 {
			t.Errorf("uninstall at the end of the test: %v", r)
		}
	})
}

// namespace makes a namespace for the test, with labels given as KEY=VALUE.
func (l *lab) namespace(t *testing.T, name string, labels ...string) string {
	t.Helper()
	l.kubectl(t, "create", "namespace", name)
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", name, "--wait=false") })
	if len(labels) > 0 {
		l.kubectl(t, append([]string{"label", "namespace", name}, labels...)...)
	}
	// Pods are refused until the namespace's account is there.
	eventually(t, "service account in "+name, 20*time.Second, func() (bool, string) {
		r := l.tryKubectl(t, "get", "serviceaccount", "default", "-n", name)
		return r.code == 0, r.stderr
	})
	return name
}

// pod makes a pod that stays up, with annotations given as KEY=VALUE, and waits until it is ready.
func (l *lab) pod(t *testing.T, namespace, name string, annotations ...string) {
	t.Helper()
	args := []string{"run", name, "-n", namespace, "--image=" + pauseImage}
	for _, a := range annotations {
		args = append(args, "--annotations="+a)
	}
	l.kubectl(t, args...)
	l.kubectl(t, "wait", "--for=condition=Ready", "pod/"+name, "-n", namespace, "--timeout=60s")
}

// canCreatePods says whether the API server would create a pod in the namespace now.
func (l *lab) canCreatePods(t *testing.T, namespace string) result {
	t.Helper()
	return l.tryKubectl(t, "run", "can-i-start", "-n", namespace, "--image="+pauseImage, "--dry-run=server")
}

// nothingLeft fails the test if anything of the injector is in the cluster.
func (l *lab) nothingLeft(t *testing.T) {
	t.Helper()
	kinds := "namespaces,mutatingwebhookconfigurations,validatingwebhookconfigurations,clusterroles,clusterrolebindings"
	for line := range strings.Lines(l.kubectl(t, "get", kinds, "-o", "name")) {
		if strings.Contains(line, "falcon") || strings.Contains(line, "injector") {
			t.Errorf("left in the cluster: %s", line)
		}
	}
}

func wantContains(t *testing.T, what, text string, wanted ...string) {
	t.Helper()
	for _, w := range wanted {
		if !strings.Contains(text, w) {
			t.Errorf("%s lacks %q:\n%s", what, w, text)
		}
	}
}

func wantCode(t *testing.T, r result, code int) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code is %d, want %d: %v", r.code, code, r)
	}
}

func wantNone(t *testing.T, what, text string, unwanted ...string) {
	t.Helper()
	for _, u := range unwanted {
		if strings.Contains(text, u) {
			t.Errorf("%s has %q:\n%s", what, u, text)
		}
	}
}

// apply gives YAML to kubectl apply.
func (l *lab) apply(t *testing.T, yaml string, flags ...string) {
	t.Helper()
	cmd := l.command(filepath.Join(programs, "kubectl"), append([]string{"apply", "-f", "-"}, flags...)...)
	cmd.Stdin = strings.NewReader(yaml)
	if r := finish(t, cmd); r.code != 0 {
		t.Fatalf("kubectl apply: %v", r)
	}
}

// write makes a file for the plugin to read.
func write(t *testing.T, name, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// state is everything in the cluster that an injector may consist of, one line each with its version. Of
// Deployments and budgets it is the generation, since their status is not content.
func (l *lab) state(t *testing.T) []string {
	t.Helper()
	list := func(version string, kinds string) []string {
		out := l.kubectl(t, "get", kinds, "-A", "--no-headers", "--ignore-not-found", "-o",
			"custom-columns=K:.kind,N:.metadata.namespace,M:.metadata.name,U:.metadata.uid,V:.metadata."+version)
		return strings.Split(out, "\n")
	}
	lines := list("resourceVersion", "mutatingwebhookconfigurations,clusterroles,clusterrolebindings,configmaps,secrets,serviceaccounts,services")
	lines = append(lines, list("generation", "deployments,poddisruptionbudgets")...)
	lines = append(lines, list("name", "namespaces")...)
	ending := strings.Fields(l.kubectl(t, "get", "namespaces", "-o", `jsonpath={.items[?(@.status.phase=="Terminating")].metadata.name}`))
	return slices.DeleteFunc(lines, func(line string) bool {
		// The cluster's own bookkeeping goes on meanwhile, and what earlier tests left goes away.
		words := strings.Fields(line)
		return len(words) < 3 || words[1] == "kube-system" || words[2] == "kube-root-ca.crt" ||
			words[1] != "falcon-system" && slices.Contains(ending, words[1]) ||
			words[0] == "Namespace" && words[2] != "falcon-system" && slices.Contains(ending, words[2])
	})
}

// errorsIn counts the errors that a command printed.
func errorsIn(r result) int { return strings.Count("\n"+r.stderr, "\nerror: ") }

// unchanged has the test fail at the end if the cluster is not as it was at the call.
func (l *lab) unchanged(t *testing.T, what string) func() {
	t.Helper()
	// What an earlier test has left to be deleted changes by itself. The injector's namespace is each test's
	// own business.
	eventually(t, "end of earlier tests' namespaces", 90*time.Second, func() (bool, string) {
		phases := l.kubectl(t, "get", "namespaces", "-o", `jsonpath={range .items[*]}{.metadata.name}={.status.phase}{"\n"}{end}`)
		phases = strings.ReplaceAll(phases, "falcon-system=Terminating", "")
		return !strings.Contains(phases, "Terminating"), phases
	})
	before := l.state(t)
	return func() {
		t.Helper()
		after := l.state(t)
		for _, line := range after {
			if !slices.Contains(before, line) {
				t.Errorf("%s: new or changed in the cluster: %s", what, line)
			}
		}
		for _, line := range before {
			if !slices.Contains(after, line) {
				t.Errorf("%s: no longer in the cluster: %s", what, line)
			}
		}
	}
}

// creating makes pods, in dry run, until the returned function is called, which fails the test if any was
// refused.
func (l *lab) creating(t *testing.T, namespace string) (done func()) {
	t.Helper()
	stop, refused := make(chan struct{}), make(chan []string, 1)
	go func() {
		var bad []string
		for {
			select {
			case <-stop:
				refused <- bad
				return
			default:
				if r := l.canCreatePods(t, namespace); r.code != 0 {
					bad = append(bad, r.stderr)
				}
			}
		}
	}()
	return func() {
		t.Helper()
		close(stop)
		if bad := <-refused; len(bad) > 0 {
			t.Errorf("%d pods were refused, first: %s", len(bad), bad[0])
		}
	}
}

// read decodes what a program printed as JSON.
func read[T any](t *testing.T, text string) (value T) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatalf("%v in:\n%s", err, text)
	}
	return value
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}
