//go:build e2e

package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// shownStages is what up and down print with -o json.
type shownStages struct {
	Stages []struct {
		Name, State, What string
		Seconds           float64
	}
	Image string
	Demo  shownDemo
	Left  []shownLeft
}

// shownLeft is one thing that down says it left.
type shownLeft struct{ Object, Why, Command string }

// fits holds that a text needs no more than 80 columns.
func fits(t *testing.T, text string) {
	t.Helper()
	for line := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > screenWidth {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
}

func (s *shownStages) states() string {
	var all []string
	for _, one := range s.Stages {
		all = append(all, one.Name+"="+one.State)
	}
	return strings.Join(all, " ")
}

// upArgs are those of up here: the demo's own image cannot be had.
func upArgs(more ...string) []string {
	return append([]string{"up", "--cluster", cloudCluster, "--demo-image", shellImage}, more...)
}

func downArgs(more ...string) []string {
	return append([]string{"down", "--cluster", cloudCluster, "--yes"}, more...)
}

// TestUpAndDown is the whole guide, from nothing to a detection and back to nothing: against the local AWS, the
// stand-ins of the vendor's API and registry, and a lab like EKS Fargate.
func TestUpAndDown(t *testing.T) {
	g := newGuide(t)
	before := g.settled(t)
	awsBefore := g.byCLI(t)

	t.Run("plan", func(t *testing.T) {
		r := g.run(t, upArgs("--plan")...)
		wantCode(t, r, 0)
		wantContains(t, "the plan", r.stdout, "fargate profile  planned", "repository       planned", "image            planned",
			"customer id      present", "role             planned", "injector         planned", "demo             planned")
		g.nothingLeft(t, before)
		t.Logf("the plan:\n%s%s", r.stdout, r.stderr)
		fits(t, r.stdout)
	})
	policyOf := func(command string) string { return g.mustFalcon(t, "aws", "iam-policy", command).stdout }
	t.Run("up, with the printed policy", func(t *testing.T) {
		if err := g.cloud.SetPolicy(policyOf("up")); err != nil {
			t.Fatal(err)
		}
		defer g.cloud.SetPolicy()
		r := g.run(t, upArgs("-o", "json")...)
		wantCode(t, r, 0)
		shown := read[shownStages](t, r.stdout)
		if got := shown.states(); got != "fargate profile=made repository=made image=made customer id=present role=made injector=made demo=made" {
			t.Errorf("the stages are %s", got)
		}
		if !strings.HasPrefix(shown.Image, registry+"/falcon-sensor@sha256:") {
			t.Errorf("the image is %s", shown.Image)
		}
		d := shown.Demo
		if !aidForm.MatchString(d.AID) || d.Detection.SeverityName != "Critical" || !strings.Contains(d.Detection.Link, d.AID) {
			t.Errorf("the demo showed %+v", d)
		}
		running := g.kubectl(t, "get", "deployment", "injector", "-n", "falcon-system", "-o", "jsonpath={.spec.template.spec.containers[0].image} "+
			"{.status.availableReplicas}")
		wantContains(t, "the injector", running, shown.Image)
		account := g.kubectl(t, "get", "serviceaccount", "injector", "-n", "falcon-system", "-o", "yaml")
		wantContains(t, "the account", account, "eks.amazonaws.com/role-arn: arn:aws:iam::123456789012:role/")
	})
	t.Run("again", func(t *testing.T) {
		r := g.run(t, upArgs("--no-demo")...)
		wantCode(t, r, 0)
		for _, stage := range []string{"fargate profile", "repository", "image", "role", "injector"} {
			if !strings.Contains(r.stdout, fmt.Sprintf("%-15s  present", stage)) {
				t.Errorf("%s was not there: %s", stage, r.stdout)
			}
		}
		t.Logf("the second run:\n%s", r.stdout)
		fits(t, r.stdout)
		if n := g.api.Tokens(); n != 0 {
			t.Errorf("%d tokens of the Falcon API are good after the end", n)
		}
	})
	t.Run("down", func(t *testing.T) {
		// A pod of somebody's that gets the sensor, and keeps it.
		g.kubectl(t, "create", "namespace", "shop")
		g.kubectl(t, "create", "deployment", "web", "-n", "shop", "--image="+pauseImage)
		eventually(t, "a pod with the sensor", 60*time.Second, func() (bool, string) {
			said := g.kubectl(t, "get", "pods", "-n", "shop", "-o", "jsonpath={.items[*].spec.containers[*].name}")
			return strings.Contains(said, "crowdstrike-falcon-container"), said
		})
		r := g.run(t, "down", "--cluster", cloudCluster)
		wantCode(t, r, 2)
		wantContains(t, "without a terminal", r.stderr, "--yes")
		if err := g.cloud.SetPolicy(policyOf("down")); err != nil {
			t.Fatal(err)
		}
		r = g.run(t, downArgs("-o", "json")...)
		if err := g.cloud.SetPolicy(); err != nil {
			t.Fatal(err)
		}
		wantCode(t, r, 0)
		shown := read[shownStages](t, r.stdout)
		if got := shown.states(); got != "demo=present injector=made role=made fargate profile=made cluster=present repository=made" {
			t.Errorf("the stages are %s", got)
		}
		want := []shownLeft{{"cluster/" + cloudCluster, "it was not made by kubectl falcon", ""},
			{"deployment/web in namespace shop", "the sensor stays in 1 pod of it until made anew", "kubectl rollout restart -n shop deployment/web"}}
		if !slices.Equal(shown.Left, want) {
			t.Errorf("left is %+v, want %+v", shown.Left, want)
		}
		g.kubectl(t, "delete", "namespace", "shop")
		g.nothingLeft(t, before)
		if now := g.byCLI(t); now != awsBefore {
			t.Errorf("the aws CLI says that AWS was\n%s\nand is\n%s", awsBefore, now)
		}
	})
	t.Run("down again", func(t *testing.T) {
		r := g.run(t, downArgs("-o", "json")...)
		wantCode(t, r, 0)
		shown := read[shownStages](t, r.stdout)
		if strings.Contains(shown.states(), "made") || len(shown.Left) != 1 || shown.Left[0].Object != "cluster/"+cloudCluster {
			t.Errorf("the stages are %s, and left is %+v", shown.states(), shown.Left)
		}
		r = g.run(t, downArgs()...)
		wantContains(t, "the summary", r.stdout, "STAGE", "left:\n  - cluster/"+cloudCluster+": it was not made by kubectl falcon\n")
		t.Logf("down again:\n%s", r.stdout)
		fits(t, r.stdout)
	})
	t.Run("killed anywhere", func(t *testing.T) { g.killedAnywhere(t, before) })
}
