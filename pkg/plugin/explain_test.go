package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/explain"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/restart"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// slipped is a pod about which the two sides disagree.
func slipped() *explain.Explanation {
	return &explain.Explanation{Namespace: "team-a", Kind: "Deployment", Name: "web", File: "web.yaml", About: "a pod of its template",
		Outcome: explain.Plain, Agreement: explain.Disagree, Rules: explain.Injected, Server: explain.Server{Outcome: explain.Plain},
		Why:   "by the rules it is injected, and the server's answer is made without the sensor: the injector does not answer, and the webhook's failure policy is Ignore",
		Next:  "kubectl falcon verify says what is wrong with the injector",
		Notes: []string{"it is on the node's network, which a sensor in a sidecar does not cover"},
		Injectors: []explain.Injector{{Name: "deployment injector in namespace falcon-system, made by kubectl-falcon", FailurePolicy: "Ignore",
			Called: match.Decision{Answer: match.Unknown, Steps: []match.Step{{Rule: "rules", Answer: match.Yes, Why: "a rule is for CREATE of pods"},
				{Rule: "namespace selector", Answer: match.Yes, Why: "the namespace meets it"},
				{Rule: "match condition no-system-accounts", Answer: match.Unknown, Why: "only the API server can evaluate it: !request.userInfo.username.startsWith('system:serviceaccount:kube-system:')"}}},
			Injects: match.Decision{Answer: match.No, Steps: []match.Step{{Rule: "injection annotation", Answer: match.Yes, Why: "the pod has no injection annotation"},
				{Rule: "injector's default", Answer: match.No, Why: "the injector injects only pods annotated sensor.falcon-system.crowdstrike.com/injection=enabled"}}}}}}
}

func TestExplanationGolden(t *testing.T) {
	var b strings.Builder
	if err := printExplanation(&b, term.Painter{}, slipped()); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "explain.txt", []byte(b.String()))
}

// Colour must not change a word, and what a cluster says must not colour anything.
func TestExplanationInColourIsTheSameText(t *testing.T) {
	e := slipped()
	e.Server = explain.Server{Outcome: explain.Refused, Class: "unclassified", Message: "no \x1b[31m\x1b]0;title\x07 way\u202e"}
	var plain, coloured strings.Builder
	if err := printExplanation(&plain, term.Painter{}, e); err != nil {
		t.Fatal(err)
	}
	if err := printExplanation(&coloured, term.Painter{On: true}, e); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(plain.String(), "\x1b\x07\u202e") {
		t.Errorf("a message from the cluster reaches the terminal: %q", plain.String())
	}
	text := coloured.String()
	for _, code := range []string{"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[2m", "\x1b[0m"} {
		text = strings.ReplaceAll(text, code, "")
	}
	if text != plain.String() {
		t.Errorf("got\n%s\nwithout colour\n%s", text, plain.String())
	}
}

func TestPlanGolden(t *testing.T) {
	name := func(kind, name string) restart.Name {
		return restart.Name{Namespace: "team-a", Kind: kind, Name: name}
	}
	p := &restart.Plan{
		Blocked: []restart.Blocked{{Namespace: "team-b", Why: "new pods are made without the sensor"}},
		Waves: [][]restart.Step{
			{{Name: name("Deployment", "web"), Pods: 2, Replicas: 3, Why: "stale: older than the webhook", Effect: "each pod stays until its successor is ready",
				Notes: []string{"disruption budget web is kept"}}},
			{{Name: name("StatefulSet", "db"), Pods: 1, Replicas: 1, Why: "drifted: its sensor image is not the configured falcon-sensor:7.40.0",
				Effect: "it is down for a moment: its one pod goes before the next comes"}}},
		Left: []restart.Left{{Name: name("Job", "import"), Pods: 1, Why: "stale: older than the webhook", Reason: restart.IsJob,
			Text: "a Job is not restarted: its next run gets the sensor"}},
	}
	var b strings.Builder
	if err := (&session{}).printPlan(&b, p); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "plan.txt", []byte(b.String()))
}

func TestExplainAndRestartRefuseWhatCannotBeMeant(t *testing.T) {
	for line, says := range map[string]string{
		"explain":                   "name either pods and workloads",
		"explain pod/x -f y":        "name either pods and workloads",
		"explain web":               `"web" is not TYPE/NAME`,
		"explain service/web":       `"service/web" is no TYPE`,
		"restart deploy/web -A":     "do not go together",
		"restart deploy/web -l a=b": "do not go together",
		"restart -l a=b=c":          "--selector",
		"restart --max-parallel 0":  "must be 1 or more",
		"restart --timeout 0":       "must be more than 0",
		"restart --plan --dry-run":  "do not go together",
		"restart deployment":        "TYPE/NAME",
	} {
		o := falcon(t, strings.Fields(line)...)
		if o.code != ExitUsage || !strings.Contains(o.err, says) || o.out != "" {
			t.Errorf("%s: exit code %d: %s", line, o.code, o.err)
		}
	}
	falcon(t, "explain", "-f", "/absent/x.yaml", "--server", bare(t)).must(t, 2, "/absent/x.yaml cannot be read: no such file or directory")
}

// A misspelt name is not a workload with which nothing is wrong.
func TestVerifyAndRestartRefuseWhatIsNotThere(t *testing.T) {
	for _, line := range []string{"verify deploy/web", "verify pod/gone -o json", "restart deploy/web --plan", "restart sts/web --yes"} {
		o := falcon(t, append(strings.Fields(line), "-n", "team-a", "--server", bare(t))...)
		o.must(t, 2, " in namespace team-a", "there is no ", "next: kubectl get ")
		if o.out != "" {
			t.Errorf("%s printed %s", line, o.out)
		}
	}
}

// Without an injector the rules say no, and so does the server.
func TestExplainPrintsTheAnswerFirst(t *testing.T) {
	o := falcon(t, "explain", "deploy/web", "-n", "team-a", "--server", bare(t))
	o.must(t, 2, "there is no deployment/web in namespace team-a")
	file := `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"x"},"spec":{"containers":[{"name":"c","image":"i"}]}}`
	path := filepath.Join(t.TempDir(), "pod.json")
	if err := os.WriteFile(path, []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	o = falcon(t, "explain", "-f", path, "-n", "team-a", "--server", bare(t))
	o.must(t, 0)
	if !strings.HasPrefix(o.out, "pod/x in namespace team-a: does not get the sensor\n") || !strings.Contains(o.out, "the two agree") {
		t.Errorf("got\n%s", o.out)
	}
}
