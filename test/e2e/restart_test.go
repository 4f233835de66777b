//go:build e2e

package e2e

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

const stamp = `jsonpath={.spec.template.metadata.annotations.kubectl\.kubernetes\.io/restartedAt}`

// deployment makes one that is up, by the lab's kubectl.
func (l *lab) deployment(t *testing.T, namespace, name string, replicas string) {
	t.Helper()
	l.kubectl(t, "create", "deployment", name, "-n", namespace, "--image="+pauseImage, "--replicas="+replicas)
	l.kubectl(t, "rollout", "status", "deployment/"+name, "-n", namespace, "--timeout=90s")
}

// carrying says how many running pods of a namespace have the sensor, and how many have not.
func (l *lab) carrying(t *testing.T, namespace string) (with, without int) {
	t.Helper()
	out := l.kubectl(t, "get", "pods", "-n", namespace, "-o",
		`jsonpath={range .items[?(@.status.phase=="Running")]}{.metadata.deletionTimestamp}|{.spec.containers[*].name}{"\n"}{end}`)
	for line := range strings.Lines(out) {
		switch {
		case !strings.HasPrefix(line, "|"):
		case strings.Contains(line, "falcon-container"):
			with++
		default:
			without++
		}
	}
	return with, without
}

// TestRestart has workloads of each kind from before the injector, and restarts what can be restarted.
func TestRestart(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "restart")
	l.deployment(t, ns, "web", "2")
	l.deployment(t, ns, "paused", "1")
	l.deployment(t, ns, "out", "1")
	l.kubectl(t, "rollout", "pause", "deployment/paused", "-n", ns)
	l.kubectl(t, "patch", "deployment", "out", "-n", ns, "-p", `{"spec":{"template":{"metadata":{"annotations":{"`+injectionKey+`":"disabled"}}}}}`)
	l.kubectl(t, "rollout", "status", "deployment/out", "-n", ns, "--timeout=90s")
	l.pod(t, ns, "bare")
	l.apply(t, strings.NewReplacer("NS", ns, "IMAGE", pauseImage).Replace(`apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: NS}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {terminationGracePeriodSeconds: 1, containers: [{name: db, image: "IMAGE"}]}
`))
	l.kubectl(t, "rollout", "status", "statefulset/db", "-n", ns, "--timeout=90s")

	// Without an injector a restart helps nobody.
	none := l.falcon(t, "restart", "-n", ns, "--yes")
	wantContains(t, "restart without an injector", none.stderr, "nothing needs a restart")
	l.install(t)

	plan := l.falcon(t, "restart", "--plan", "-n", ns)
	wantCode(t, plan, 0)
	wantOrder(t, plan.stdout, "wave 1", "deployment/web (restart): 2 pods, stale: older than the webhook", "each pod stays until its successor is ready",
		"wave 2", "statefulset/db (restart): 1 pod", "its one pod goes before the next comes", "left alone")
	wantContains(t, "the plan", plan.stdout, "deployment/paused (restart)", "it is paused", "pod/bare (restart)",
		"bare pods are not restarted: delete and create it yourself")
	wantNone(t, "the plan", plan.stdout, "deployment/out")
	// Neither the plan nor the dry run nor a no on the way changes anything.
	dry := l.falcon(t, "restart", "--dry-run", "-n", ns)
	wantCode(t, dry, 0)
	wantContains(t, "the dry run", dry.stdout, "deployment/web (restart) restarted (dry run)")
	asks := l.falcon(t, "restart", "-n", ns)
	wantCode(t, asks, 2)
	wantContains(t, "restart without a terminal", asks.stderr, "--yes")
	if got := l.kubectl(t, "get", "deployment", "web", "-n", ns, "-o", stamp); got != "" {
		t.Errorf("web was restarted at %s", got)
	}

	r := l.mustFalcon(t, "restart", "-n", ns, "--yes")
	wantOrder(t, r.stdout, "deployment/web (restart) restarted", "statefulset/db (restart) restarted")
	wantContains(t, "restart", r.stderr, "came through: deployment/web (restart), statefulset/db (restart)")
	// Two of web and one of db have it; paused, out and bare have not.
	if with, without := l.carrying(t, ns); with != 3 || without != 3 {
		t.Errorf("%d pods carry the sensor, %d do not", with, without)
	}
	for _, name := range []string{"paused", "out"} {
		if got := l.kubectl(t, "get", "deployment", name, "-n", ns, "-o", stamp); got != "" {
			t.Errorf("%s was restarted at %s", name, got)
		}
	}
	// Nothing but the annotation, under this program's name.
	fields := l.kubectl(t, "get", "deployment", "web", "-n", ns, "--show-managed-fields", "-o", `jsonpath={.metadata.managedFields[?(@.manager=="kubectl-falcon")].fieldsV1}`)
	if want := `{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{".":{},"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`; fields != want {
		t.Errorf("it set %s", fields)
	}
	generation := l.kubectl(t, "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.metadata.generation}")
	again := l.mustFalcon(t, "restart", "-n", ns, "--yes")
	if again.stdout != "" || l.kubectl(t, "get", "deployment", "web", "-n", ns, "-o", "jsonpath={.metadata.generation}") != generation {
		t.Errorf("a second run did something: %v", again)
	}
}

// TestRestartRefuses holds that nothing is restarted where new pods would not come up with the sensor.
func TestRestartRefuses(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "restart-refuses")
	l.deployment(t, ns, "web", "1")
	l.install(t)
	l.kubectl(t, "scale", "deployment/injector", "-n", "falcon-system", "--replicas=0")
	l.kubectl(t, "wait", "--for=delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--timeout=60s")
	r := l.falcon(t, "restart", "-n", ns, "--yes")
	wantCode(t, r, 1)
	wantContains(t, "restart", r.stderr, "the API server would refuse its pods")
	if got := l.kubectl(t, "get", "deployment", "web", "-n", ns, "-o", stamp); got != "" {
		t.Errorf("web was restarted at %s", got)
	}
	if with, without := l.carrying(t, ns); with != 0 || without != 1 {
		t.Errorf("%d pods carry the sensor, %d do not", with, without)
	}
	l.mustFalcon(t, good()...)
}

// TestRestartBudget holds that a disruption budget is kept unless one is told not to.
func TestRestartBudget(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "restart-budget")
	l.deployment(t, ns, "web", "2")
	l.kubectl(t, "patch", "deployment", "web", "-n", ns, "-p", `{"spec":{"strategy":{"rollingUpdate":{"maxUnavailable":1,"maxSurge":0}}}}`)
	l.kubectl(t, "create", "poddisruptionbudget", "web", "-n", ns, "--selector=app=web", "--min-available=2")
	l.install(t)
	r := l.falcon(t, "restart", "-n", ns, "--yes")
	wantCode(t, r, 1)
	wantContains(t, "restart", r.stderr, "disruption budget web allows 0", "--over-budget")
	if with, _ := l.carrying(t, ns); with != 0 {
		t.Errorf("%d pods carry the sensor", with)
	}
	wantCode(t, l.falcon(t, "restart", "-n", ns, "--yes", "--over-budget"), 0)
	if with, without := l.carrying(t, ns); with != 2 || without != 0 {
		t.Errorf("%d pods carry the sensor, %d do not", with, without)
	}
}

// TestRestartStops has a workload that never becomes ready again, and one after it.
func TestRestartStops(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "restart-stops")
	l.deployment(t, ns, "a", "1")
	l.deployment(t, ns, "b", "1")
	l.install(t)
	// The new pod finds no node, while the old one stays.
	l.kubectl(t, "taint", "nodes", "--all", "restart-test=x:NoSchedule")
	t.Cleanup(func() { l.kubectl(t, "taint", "nodes", "--all", "restart-test-") })
	r := l.falcon(t, "restart", "-n", ns, "--yes", "--timeout=5s")
	wantCode(t, r, 124)
	wantContains(t, "restart", r.stderr, "did not come through: deployment/a (restart-stops)", "not touched: deployment/b (restart-stops)",
		"cannot be scheduled", "kubectl rollout undo deployment/a -n restart-stops")
	if got := l.kubectl(t, "get", "deployment", "b", "-n", ns, "-o", stamp); got != "" {
		t.Errorf("b was restarted at %s", got)
	}

	// Ctrl-C while it waits for the same one again says what state that leaves.
	cmd := l.command(bin("kubectl-falcon"), "restart", "-n", ns, "--yes")
	var out strings.Builder
	cmd.Stderr = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	time.Sleep(4 * time.Second)
	if err := cmd.Process.Signal(syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	stopped := time.Now()
	_ = cmd.Wait()
	if code := cmd.ProcessState.ExitCode(); code != 130 || time.Since(stopped) > time.Second {
		t.Errorf("exit code %d after %s", code, time.Since(stopped))
	}
	wantContains(t, "after Ctrl-C", out.String(), "not touched: deployment/a (restart-stops), deployment/b (restart-stops)", "stopped by interrupt")

	l.kubectl(t, "taint", "nodes", "--all", "restart-test-")
	l.mustFalcon(t, "restart", "-n", ns, "--yes")
	l.kubectl(t, "taint", "nodes", "--all", "restart-test=x:NoSchedule")
	if with, without := l.carrying(t, ns); with != 2 || without != 0 {
		t.Errorf("%d pods carry the sensor, %d do not", with, without)
	}
}

// TestRestartOnATerminal answers the question with no and with yes.
func TestRestartOnATerminal(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "restart-asks")
	l.deployment(t, ns, "web", "1")
	l.install(t)
	ask := func(answer string) result {
		// script(1) is the terminal.
		cmd := l.command("script", "-qec", bin("kubectl-falcon")+" restart -n "+ns, filepath.Join(t.TempDir(), "typescript"))
		cmd.Stdin = strings.NewReader(answer + "\n")
		return finish(t, cmd)
	}
	no := ask("n")
	wantContains(t, "the question", no.stdout, "wave 1", "restart 1 workload now? [y/N]", "you did not say yes")
	if with, _ := l.carrying(t, ns); with != 0 {
		t.Error("it restarted after a no")
	}
	wantContains(t, "after a yes", ask("y").stdout, "came through: deployment/web")
	if with, without := l.carrying(t, ns); with != 1 || without != 0 {
		t.Errorf("%d pods carry the sensor, %d do not", with, without)
	}
}
