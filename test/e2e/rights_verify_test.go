//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// judgeAll asks for every part of a snapshot of an installed injector. How quickly things answer is another
// matter, and differs from run to run.
var judgeAll = []string{"verify", "-A", "--deep", "--aids", "--leftovers", "-o", "json", "--skip", "FC609,FC107"}

// spare are rights that this run does without: watching is for --watch, one namespace is read by whoever may
// not list them, and this version of the API server asks for create alone before a stream over SPDY.
var spare = []grant{{"", "pods", "watch"}, {"", "namespaces", "get"}, {"", "pods/exec", "get"}, {"", "pods/portforward", "get"}}

// TestRightsOfVerify judges a cluster with exactly the rights that rbac prints, and then with each right
// less: what needs that one is skipped because of it, and nothing else changes its verdict.
func TestRightsOfVerify(t *testing.T) {
	l := shared()
	l.uninstallAtEnd(t)
	ns := l.staleOfEachKind(t)
	l.mustFalcon(t, good("--pull-secret-file", write(t, "docker.json", dockerConfig))...)
	l.pod(t, ns, "carrier")
	l.refusedOfEachKind(t)
	l.kubectl(t, "wait", "pod/carrier", "-n", ns, "--for=condition=Ready", "--timeout=60s")

	grants := l.give(t, "verify", "verify", "--deep", "--aids", "--leftovers")
	var mu sync.Mutex
	used := map[grant]bool{}
	through := *l
	through.kubeconfig = proxied(t, l.kubeconfig, func(r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		used[asked(r)] = true
	})
	whole := through.falcon(t, append(judgeAll[:len(judgeAll):len(judgeAll)], "--as", "e2e-verify")...)
	full := read[verdict](t, whole.stdout)
	if access := full.check(t, "FC104"); access.Verdict != "pass" {
		t.Fatalf("with the printed role FC104 is %+v", access)
	}
	for n, r := range l.each(t, "verify", len(grants), judgeAll...) {
		g := grants[n]
		t.Run(g.verb+" "+g.resource, func(t *testing.T) {
			less := read[verdict](t, r.stdout)
			if slices.Contains(spare, g) {
				less.differsBy(t, full, g, false)
				return
			}
			// Over WebSocket the request is a get, and the server asks for create besides.
			if stream := strings.HasPrefix(g.resource, "pods/"); !used[g] && !stream {
				t.Error("nothing asked for it with the whole role")
			}
			less.differsBy(t, full, g, true)
		})
	}
}

// TestRolesOfReaders holds that the commands which read, and restart, work with the rights that rbac prints,
// and that restart names the one that it lacks.
func TestRolesOfReaders(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "rights-restart")
	l.deployment(t, ns, "web", "1")
	l.install(t)
	grants := l.give(t, "restart", "restart")
	l.give(t, "explain", "explain")
	l.give(t, "bundle", "bundle")

	explained := l.mustFalcon(t, "explain", "deploy/web", "-n", ns, "--as", "e2e-explain")
	wantContains(t, "explain", unfolded(explained.stdout), "gets the sensor")
	// What the namespace holds besides is nobody's business.
	l.kubectl(t, "create", "secret", "generic", "falcon-api", "-n", "falcon-system", "--from-literal=falcon-client-secret="+apiPassword)
	file := filepath.Join(t.TempDir(), "bundle.tar.gz")
	packed := l.mustFalcon(t, "bundle", "-f", file, "--as", "e2e-bundle")
	wantNone(t, "bundle", packed.stderr, "may not")
	unpacked := finish(t, exec.Command("tar", "-xzOf", file))
	wantContains(t, "the bundle", unpacked.stdout, "injector")
	wantNone(t, "the bundle", unpacked.stdout, base64.StdEncoding.EncodeToString([]byte(apiPassword)))

	n := slices.Index(grants, grant{"apps", "deployments", "patch"})
	lacks := l.falcon(t, "restart", "-n", ns, "--yes", "--as", without("restart", n))
	wantCode(t, lacks, 3)
	wantContains(t, "restart without patch", unfolded(lacks.stderr), "patch", "deployments")
	if got := l.kubectl(t, "get", "deployment", "web", "-n", ns, "-o", stamp); got != "" {
		t.Errorf("web was restarted at %s", got)
	}
	l.mustFalcon(t, "restart", "-n", ns, "--yes", "--as", "e2e-restart")
	if with, plain := l.carrying(t, ns); with != 1 || plain != 0 {
		t.Errorf("%d pods carry the sensor, %d do not", with, plain)
	}
}

// right is how verify names it.
func (g grant) right() string {
	if g.group == "" {
		return g.verb + " " + g.resource
	}
	return g.verb + " " + g.resource + "." + g.group
}

// differsBy holds that a run with a right less says of each check what the full one does, or skips it for
// want of that right. If it is missed, one check accuses it and those that need it are skipped.
func (v verdict) differsBy(t *testing.T, full verdict, g grant, missed bool) {
	t.Helper()
	accused := false
	for _, check := range verify.Catalogue() {
		// These runs leave out the first two, and do not ask for the checks of AWS: no right changes that.
		if check.ID == "FC609" || check.ID == "FC107" || check.Part != nil && check.Part.Flag == "--aws" {
			continue
		}
		c, before := v.check(t, check.ID), full.check(t, check.ID)
		switch {
		case c.ID == "FC104" || c.ID == "FC105":
			accused = accused || strings.Contains(fmt.Sprint(c.Findings), "you may not "+g.right())
		case c.Verdict == "skip" && (strings.Contains(c.Reason, "you may not "+g.right()) || c.Cause != ""):
		case c.Verdict != before.Verdict || missed && slices.Contains(check.Needs, g.right()):
			t.Errorf("%s is %s (%s) and was %s (%s): %+v", c.ID, c.Verdict, c.Reason, before.Verdict, before.Reason, c.Findings)
		}
	}
	if accused != missed {
		t.Errorf("that it is missing is told: %v", accused)
	}
}

// check returns what came of one.
func (v verdict) check(t *testing.T, id string) checkResult {
	t.Helper()
	for _, c := range v.Clusters[0].Checks {
		if c.ID == id {
			return c
		}
	}
	t.Errorf("there is no %s", id)
	return checkResult{}
}

// ofEachKind is a workload of every kind that has pods, but for a Deployment.
const ofEachKind = `apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: NS}
spec: {serviceName: db, selector: {matchLabels: {app: db}}, template: {metadata: {labels: {app: db}}, spec: SPEC}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent, namespace: NS}
spec: {selector: {matchLabels: {app: agent}}, template: {metadata: {labels: {app: agent}}, spec: SPEC}}
---
apiVersion: apps/v1
kind: ReplicaSet
metadata: {name: set, namespace: NS}
spec: {selector: {matchLabels: {app: set}}, template: {metadata: {labels: {app: set}}, spec: SPEC}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: once, namespace: NS}
spec: {template: {spec: JOB}}
`

func (l *lab) workloads(t *testing.T, ns string) {
	t.Helper()
	spec := `{terminationGracePeriodSeconds: 1, containers: [{name: one, image: "` + pauseImage + `"}]}`
	l.apply(t, strings.NewReplacer("NS", ns, "SPEC", spec, "JOB", "{restartPolicy: Never, "+spec[1:]).Replace(ofEachKind))
}

// staleOfEachKind makes a namespace with a pod of every kind of owner, from before an injector.
func (l *lab) staleOfEachKind(t *testing.T) (namespace string) {
	t.Helper()
	ns := l.namespace(t, "rights-verify")
	l.deployment(t, ns, "web", "1")
	l.workloads(t, ns)
	for _, what := range []string{"statefulset/db", "daemonset/agent"} {
		l.kubectl(t, "rollout", "status", what, "-n", ns, "--timeout=90s")
	}
	for _, label := range []string{"job-name=once", "app=set"} {
		l.kubectl(t, "wait", "pod", "-n", ns, "-l", label, "--for=condition=Ready", "--timeout=60s")
	}
	return ns
}

// refusedOfEachKind makes a namespace in which no pod fits beside the sensor.
func (l *lab) refusedOfEachKind(t *testing.T) {
	t.Helper()
	ns := l.namespace(t, "rights-refused")
	l.apply(t, strings.ReplaceAll(`apiVersion: v1
kind: LimitRange
metadata: {name: tight, namespace: NS}
spec: {limits: [{type: Container, default: {cpu: 10m}, defaultRequest: {cpu: 10m}}]}
---
apiVersion: v1
kind: ResourceQuota
metadata: {name: tight, namespace: NS}
spec: {hard: {requests.cpu: 5m}}
`, "NS", ns))
	l.kubectl(t, "wait", "resourcequota/tight", "-n", ns, "--for=jsonpath={.status.hard}", "--timeout=30s")
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
	l.workloads(t, ns)
	for _, kind := range []string{"StatefulSet", "DaemonSet", "ReplicaSet", "Job"} {
		eventually(t, "the refusal of the "+kind, 30*time.Second, func() (bool, string) {
			out := l.kubectl(t, "get", "events", "-n", ns, "--field-selector", "reason=FailedCreate,involvedObject.kind="+kind, "-o", "name")
			return out != "", out
		})
	}
}
