package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

func TestDemoRefusesWhatCannotBeMeant(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		says string
	}{
		"a command that is not":  {[]string{"lst"}, "did you mean: kubectl falcon demo list"},
		"a scenario that is not": {[]string{"run", "moon"}, "demo list shows which there are"},
		"a network":              {[]string{"run", "vulnapp"}, "--allow-network"},
		"two images":             {[]string{"--image", "a", "--registry", "b"}, "--registry only where it is"},
		"no image":               {[]string{"--image", "::"}, "is not an image"},
		"no registry":            {[]string{"--registry", "https://a"}, "is no registry"},
		"no time":                {[]string{"--detection-timeout", "0s"}, "more than 0"},
		"a secret for a source":  {[]string{"--falcon-credentials", apiPassword}, "never itself"},
		"a dry run on the moon":  {[]string{"--dry-run=moon"}, "use none or client"},
	} {
		t.Run(name, func(t *testing.T) {
			o := falcon(t, append([]string{"demo"}, test.args...)...)
			o.must(t, 2, test.says)
			if strings.Contains(o.err, apiPassword) {
				t.Errorf("it shows the secret:\n%s", o.err)
			}
		})
	}
}

func TestDemoList(t *testing.T) {
	for file, args := range map[string][]string{"demo-list.txt": nil, "demo-list.json": {"-o", "json"}} {
		o := falcon(t, append([]string{"demo", "list"}, args...)...)
		o.must(t, 0)
		golden.Check(t, file, []byte(o.out))
	}
}

// The objects are shown without a cluster; what of them is a time is another each time.
func TestDemoDryRun(t *testing.T) {
	o := falcon(t, "demo", "--dry-run", "-o", "yaml")
	o.must(t, 0)
	for _, want := range []string{"kind: Namespace\n", "---\napiVersion: v1\nkind: ResourceQuota\n", "kind: Deployment\n", "namespace: falcon-demo\n", "image: ubuntu:latest\n"} {
		if !strings.Contains(o.out, want) {
			t.Errorf("it lacks %q:\n%s", want, o.out)
		}
	}
	o = falcon(t, "demo", "run", "rootkit", "-n", "team-a", "--dry-run")
	o.must(t, 0)
	if o.out != "deployment/rootkit created (client dry run)\n" {
		t.Errorf("it printed %q", o.out)
	}
	falcon(t, "demo", "--dry-run", "-o", "json").must(t, 0)
}

// shown is a result with and without its detection.
func shown(detected bool) demo.Result {
	at := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	r := demo.Result{Scenario: demo.Default, Namespace: demo.Namespace, Pod: "detection-single-x", AID: strings.Repeat("ab", 16),
		Removed: detected}
	for n, stage := range []demo.Stage{{Name: demo.Created, Detail: "deployment/detection-single in namespace falcon-demo"},
		{Name: demo.Injected, Detail: "pod/detection-single-x has the container crowdstrike-falcon-container"},
		{Name: demo.Ready, Detail: "pod/detection-single-x is 2/2 Running: the sensor is beside it"},
		{Name: demo.Logged, Detail: "the injector's line: Found registry"}, {Name: demo.Registered, Detail: "agent id " + r.AID},
		{Name: demo.Detected, Detail: "Critical: RootkitInstall (Defense Evasion, Rootkit)"}} {
		stage.Shown, stage.Seconds = true, float64(n*n*5)
		stage.Time = at.Add(time.Duration(stage.Seconds) * time.Second)
		if stage.Name == demo.Detected && !detected {
			stage.Shown, stage.Detail = false, "not looked up: there are no credentials of the Falcon API"
		}
		r.Stages = append(r.Stages, stage)
	}
	if detected {
		r.Detection = &demo.Detection{ID: "a:ind:b:1", Name: "RootkitInstall", Severity: 90, SeverityName: "Critical", Tactic: "Defense Evasion",
			Technique: "Rootkit", TechniqueID: "T1014", Created: at, Seconds: 42.4, Link: "https://falcon.crowdstrike.com/x"}
	}
	return r
}

func TestDemoGolden(t *testing.T) {
	var data, people strings.Builder
	s := &session{}
	s.Out, s.Err = &data, &people
	guide, err := demo.Chosen([]string{demo.Default}, false)
	if err != nil {
		t.Fatal(err)
	}
	for _, detected := range []bool{true, false} {
		r := shown(detected)
		for _, stage := range r.Stages {
			s.sayStage(stage)
		}
		if err := printDemo(&people, &r); err != nil {
			t.Fatal(err)
		}
		s.sayProved(&r, &guide[0], true)
		people.WriteString("\n")
	}
	golden.Check(t, "demo.txt", []byte(people.String()))
	if err := term.Structured(&data, term.JSON, shown(true)); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "demo.json", []byte(data.String()))
}

func TestDemoStatusGolden(t *testing.T) {
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	all := []demo.Running{
		{Namespace: "falcon-demo", Scenario: "rootkit", Pod: "rootkit-x", Ready: true, State: "2/2 running", Created: now.Add(-time.Hour), Expires: now.Add(23 * time.Hour)},
		{Namespace: "team-a", Scenario: demo.Default, State: "waiting for its pod", Created: now.Add(-48 * time.Hour), Expires: now.Add(-24 * time.Hour), Expired: true}}
	var b strings.Builder
	if err := printRunning(&b, term.Table, all, now); err != nil {
		t.Fatal(err)
	}
	if err := printRunning(&b, term.JSON, all, now); err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "demo-status.txt", []byte(b.String()))
}
