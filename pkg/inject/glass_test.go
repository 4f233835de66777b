package inject

import (
	"testing"

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
	want := "kubectl patch mutatingwebhookconfiguration injector.falcon-system.svc --field-manager=kubectl-falcon --type=strategic -p '" + wantGlass + "'"
	if got := GlassCommand("eve at noon"); got != want {
		t.Errorf("the command is\n%s", got)
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
