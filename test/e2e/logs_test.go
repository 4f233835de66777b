//go:build e2e

package e2e

import (
	"bufio"
	"encoding/json"
	"strings"
	"syscall"
	"testing"
	"time"
)

// logLine is one line as logs -o json prints it.
type logLine struct {
	Namespace, Pod, Container, Message, About string
	Time                                      time.Time
	Fields                                    struct{ Namespace, Pod, Image, Error, Request string }
}

func logLines(t *testing.T, text string) (all []logLine) {
	t.Helper()
	for line := range strings.Lines(text) {
		all = append(all, read[logLine](t, line))
	}
	return all
}

// TestLogs reads the injector's replicas as one log, in both forms that there are of it.
func TestLogs(t *testing.T) {
	l := shared()
	none := l.falcon(t, "logs")
	wantCode(t, none, 1)
	wantContains(t, "logs without an injector", none.stderr, "there is no injector in the cluster", "kubectl falcon install")
	l.install(t)
	ns := l.namespace(t, "logs")
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage, "--replicas=4")
	l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=90s")
	l.pod(t, ns, "one")

	all := logLines(t, l.mustFalcon(t, "logs", "-o", "json").stdout)
	pods := map[string]bool{}
	for n, line := range all {
		pods[line.Pod] = true
		if n > 0 && line.Time.Before(all[n-1].Time) {
			t.Errorf("line %d is earlier than the one before it: %+v", n, line)
		}
	}
	if len(pods) != 2 {
		t.Errorf("the lines are of %d replicas", len(pods))
	}
	about := l.mustFalcon(t, "logs", "--for", "one", "-n", ns)
	wantContains(t, "the lines about a pod", about.stdout, "in namespace logs handled successfully!")
	wantContains(t, "how sure they are", about.stderr, "name only the namespace logs")
	wantContains(t, "a short name", about.stdout, "[")
	wantNone(t, "the lines about a pod", about.stdout, "injector server starting")
	var sensor result
	eventually(t, "the sensor's log", 20*time.Second, func() (bool, string) {
		sensor = l.mustFalcon(t, "logs", "--sidecar", "one", "-n", ns)
		return strings.Contains(sensor.stdout, "sensor: registered, agent id"), sensor.stdout
	})
	wantNone(t, "the sensor's log", sensor.stdout, "injector", "[")
	if tail := l.mustFalcon(t, "logs", "--sidecar", "one", "-n", ns, "--tail=1").stdout; strings.Count(tail, "\n") != 1 {
		t.Errorf("--tail=1 printed %q", tail)
	}
	l.user(t, "e2e-logs", "logs")
	wantContains(t, "with the printed rights", l.mustFalcon(t, "logs", "--for", "one", "-n", ns, "--as", "e2e-logs").stdout, "in namespace logs")
	forbidden := l.falcon(t, "logs", "--as", "e2e-nobody")
	wantCode(t, forbidden, 3)
	wantContains(t, "without rights", forbidden.stderr, `cannot list resource "mutatingwebhookconfigurations"`)
	previous := l.falcon(t, "logs", "--previous")
	wantCode(t, previous, 1)
	wantContains(t, "no run before", previous.stderr, "has no log of a previous run", "leave out --previous")

	t.Run("the later form", func(t *testing.T) {
		l.kubectl(t, "set", "env", "deployment/injector", "-n", "falcon-system", "FALCON_STANDIN_LOG=logrus")
		l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=60s")
		denied := registry + "/no-such-image:1"
		eventually(t, "a denial by a new replica", 20*time.Second, func() (bool, string) {
			r := l.tryKubectl(t, "run", "two", "-n", ns, "--image="+denied)
			if r.code == 0 {
				t.Fatal("a pod was made that has to be denied")
			}
			lines := l.mustFalcon(t, "logs", "--for", "two", "-n", ns, "-o", "json").stdout
			for _, line := range logLines(t, lines) {
				if line.About == "pod" && line.Fields.Pod == "two" && line.Fields.Image == denied && line.Fields.Error != "" {
					return true, ""
				}
			}
			return false, lines
		})
		// A pod of a template has no name when the injector sees it, but the image is its own.
		l.kubectl(t, "rollout", "restart", "deployment/web", "-n", ns)
		l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=90s")
		found := l.mustFalcon(t, "logs", "--for", "deploy/web", "-n", ns, "-o", "json").stdout
		wantContains(t, "the lines about a deployment", found, `"about":"pod"`, pauseImage)
		wantNone(t, "the lines about a deployment", found, denied)
	})
}

// TestLogsFollow goes on while the replicas are replaced, and ends at once.
func TestLogsFollow(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "logs-follow")
	cmd := l.command(bin("kubectl-falcon"), "logs", "-f", "-o", "json", "--since", "1s")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := make(chan logLine, 1000)
	go func() {
		defer close(lines)
		for in := bufio.NewScanner(out); in.Scan(); {
			var line logLine
			if json.Unmarshal(in.Bytes(), &line) == nil {
				lines <- line
			}
		}
	}()
	seen := map[string]int{}
	await := func(what string, want func(logLine) bool) {
		t.Helper()
		limit := time.After(60 * time.Second)
		for {
			select {
			case line, more := <-lines:
				if !more {
					t.Fatalf("%s: it ended and said %s", what, said.String())
				}
				if seen[line.Pod+line.Time.String()+line.Message]++; seen[line.Pod+line.Time.String()+line.Message] > 1 {
					t.Errorf("a line came twice: %+v", line)
				}
				if want(line) {
					return
				}
			case <-limit:
				t.Fatalf("%s: not after a minute; it said %s", what, said.String())
			}
		}
	}
	old := l.kubectl(t, "get", "pods", "-n", "falcon-system", "-o", "name")
	l.pod(t, ns, "before")
	await("a line of an old replica", func(line logLine) bool {
		return strings.Contains(old, line.Pod) && line.Fields.Namespace == ns
	})
	l.kubectl(t, "rollout", "restart", "deployment/injector", "-n", "falcon-system")
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=90s")
	l.pod(t, ns, "after")
	await("a line of a new replica", func(line logLine) bool {
		return !strings.Contains(old, line.Pod) && line.Fields.Namespace == ns
	})
	begin := time.Now()
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	for range lines {
	}
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || time.Since(begin) > 2*time.Second {
		t.Errorf("after Ctrl-C it ended with %d after %s", code, time.Since(begin))
	}
}
