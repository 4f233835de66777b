package inject

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const wantGlass = `{"metadata":{"annotations":{"kubectl-falcon.github.io/break-glass":"eve at noon"}},` +
	`"webhooks":[{"failurePolicy":"Ignore","name":"injector.falcon-system.svc"}]}`

// In an outage these bytes must be right at the first attempt.
func TestGlass(t *testing.T) {
	if got := string(glass("eve at noon")); got != wantGlass {
		t.Errorf("the patch is\n%s", got)
	}
}

// typedGlass is what kubectl makes of the command's last word: it takes YAML and turns it into JSON.
func typedGlass(t *testing.T, by string) (word, patch string) {
	t.Helper()
	const before = `kubectl patch mutatingwebhookconfiguration injector.falcon-system.svc --field-manager=kubectl-falcon --type=strategic -p "`
	command := GlassCommand(by)
	word, ok := strings.CutPrefix(strings.TrimSuffix(command, `"`), before)
	if !ok || word+`"` == command[len(before)-1:] {
		t.Fatalf("the command is\n%s", command)
	}
	json, err := yaml.ToJSON([]byte(word))
	if err != nil {
		t.Fatalf("kubectl does not understand %s: %v", word, err)
	}
	return word, string(json)
}

func TestGlassCommandDoesTheSame(t *testing.T) {
	if _, patch := typedGlass(t, "eve at noon"); patch != wantGlass {
		t.Errorf("the patch is\n%s", patch)
	}
}

// Whoever it is, the word ends where it should, in a shell, in PowerShell and in cmd, and the rest of the patch stays.
func TestGlassCommandCanBePasted(t *testing.T) {
	const when = " at 2026-11-26T13:15:05Z"
	for by, want := range map[string]string{
		"eve":                "eve" + when,
		"o'brien":            "obrien" + when,
		`CORP\eve`:           "CORP/eve" + when,
		`a"; rm -rf / "`:     "a rm -rf / " + when,
		"$HOME`id`%PATH%!x!": "HOMEidPATHx" + when,
		"{a: b}, [c] #":      "a b c " + when,
		"- x: y":             "x y" + when,
		"@me:":               "me" + when,
		"Jörg Müller":        "Jörg Müller" + when,
	} {
		word, patch := typedGlass(t, by+when)
		if wanted := strings.Replace(wantGlass, "eve at noon", want, 1); patch != wanted {
			t.Errorf("%s: the patch is\n%s\nwant\n%s", by, patch, wanted)
		}
		if at := strings.IndexAny(word, "\"'`$%!\\&|<>^"); at >= 0 {
			t.Errorf("%s: a shell makes something else of %q", by, word[at:])
		}
	}
}

func TestBreakGlassIsOneRequestThatLetsPodsStart(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	before := c.trusted()
	if err := BreakGlass(t.Context(), client, "eve at noon"); err != nil {
		t.Fatal(err)
	}
	wantLines(t, "it asked", c.asked, "patch mutatingwebhookconfigurations")
	s, err := Status(t.Context(), client)
	if err != nil || s.FailurePolicy != "Ignore" || s.GlassBroken != "eve at noon" || string(c.trusted()) != string(before) || len(s.Covered) != 2 {
		t.Errorf("the state is %+v, %v", s, err)
	}
}

func TestBreakGlassWithoutAWebhookSaysWhoseItMayBe(t *testing.T) {
	c, client := newCluster(t)
	wantProblem(t, BreakGlass(t.Context(), client, "eve"), problem.Failed, "there is no webhook injector.falcon-system.svc",
		"kubectl get mutatingwebhookconfigurations")
	helm := manifest.Render(goodOptions(), manifest.Given{}).Webhook
	helm.Name = "falcon-sensor-injector"
	c.put(helm)
	wantProblem(t, BreakGlass(t.Context(), client, "eve"), problem.Failed, "another injector",
		"kubectl delete mutatingwebhookconfiguration falcon-sensor-injector")
	if deeds := c.did(); len(deeds) != 2 {
		t.Errorf("it did %q", deeds)
	}
}

// The server counts the fields that were set by patch as another manager's.
func TestInstallMendsBrokenGlass(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	if err := BreakGlass(t.Context(), client, "eve at noon"); err != nil {
		t.Fatal(err)
	}
	mustInstall(t, client, goodOptions())
	s, err := Status(t.Context(), client)
	if err != nil || s.FailurePolicy != "Fail" || s.GlassBroken != "" || len(s.Faults) > 0 {
		t.Errorf("the state is %+v, %v", s, err)
	}
}
