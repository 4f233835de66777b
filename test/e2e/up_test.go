//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"maps"
	"os/exec"
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
	ctx := t.Context()
	before, err := g.state(ctx)
	if err != nil {
		t.Fatal(err)
	}
	awsBefore := g.inAWS(t)

	t.Run("plan", func(t *testing.T) {
		r := g.run(t, upArgs("--plan")...)
		wantCode(t, r, 0)
		wantContains(t, "the plan", r.stdout, "fargate profile  planned", "repository       planned", "image            planned",
			"customer id      present", "role             planned", "injector         planned", "demo             planned")
		if now := g.inAWS(t); now != awsBefore {
			t.Errorf("a plan changed AWS: %s", now)
		}
		t.Logf("the plan:\n%s%s", r.stdout, r.stderr)
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
		if n := g.api.Tokens(); n != 0 {
			t.Errorf("%d tokens of the Falcon API are good after the end", n)
		}
	})
	t.Run("down", func(t *testing.T) {
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
		g.nothingLeft(t, before, awsBefore)
	})
	t.Run("down again", func(t *testing.T) {
		r := g.run(t, downArgs("-o", "json")...)
		wantCode(t, r, 0)
		if shown := read[shownStages](t, r.stdout); strings.Contains(shown.states(), "made") {
			t.Errorf("the stages are %s", shown.states())
		}
	})
	t.Run("killed anywhere", func(t *testing.T) { g.killedAnywhere(t, before, awsBefore) })
}

// nothingLeft compares everything with what was there before.
func (g *guideRig) nothingLeft(t *testing.T, before map[string]string, awsBefore string) {
	t.Helper()
	if now := g.inAWS(t); now != awsBefore {
		t.Errorf("AWS was\n%s\nand is\n%s", awsBefore, now)
	}
	eventually(t, "the cluster to be as before", 60*time.Second, func() (bool, string) {
		now, err := g.state(t.Context())
		if err != nil {
			return false, err.Error()
		}
		var bad []string
		for path := range now {
			if _, was := before[path]; !was && !strings.Contains(path, "fargate-profiles") {
				bad = append(bad, path)
			}
		}
		return len(bad) == 0, strings.Join(bad, "\n")
	})
}

// fewPoints are the places at which up is killed in every run of the suite; make crash has all.
var fewPoints = []string{"ecr:PutImage", "eks:CreateFargateProfile"}

// killedAnywhere kills up at each of its changes in AWS, before the answer comes, and while it works on the
// injector; the same command again reaches the same end, and makes nothing twice.
func (g *guideRig) killedAnywhere(t *testing.T, before map[string]string, awsBefore string) {
	g.cloud.ClearLog()
	r := g.run(t, upArgs("--no-demo", "-o", "json")...)
	wantCode(t, r, 0)
	image := read[shownStages](t, r.stdout).Image
	wanted, err := g.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	awsWanted := g.inAWS(t)
	points := map[string]int{}
	for _, call := range g.cloud.Calls() {
		if changesAWS(call.Action) {
			points[call.Action]++
		}
	}
	if len(points) < 6 {
		t.Fatalf("up changes AWS by %v alone", points)
	}
	wantCode(t, g.run(t, downArgs()...), 0)
	g.nothingLeft(t, before, awsBefore)
	tried := 0
	for _, action := range slices.Sorted(maps.Keys(points)) {
		if !full() && !slices.Contains(fewPoints, action) {
			continue
		}
		t.Run(action, func(t *testing.T) {
			g.cloud.ClearLog()
			ctx, kill := context.WithCancel(t.Context())
			defer kill()
			cmd := exec.CommandContext(ctx, bin("kubectl-falcon"), upArgs("--no-demo")...)
			cmd.Env = append(g.command(bin("kubectl-falcon")).Env, g.env...)
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			eventually(t, "the call of "+action, 90*time.Second, func() (bool, string) {
				for _, call := range g.cloud.Calls() {
					if call.Action == action {
						return true, ""
					}
				}
				return false, "not yet"
			})
			kill()
			_ = cmd.Wait()
			tried++
			g.upAgain(t, image, wanted, awsWanted)
			wantCode(t, g.run(t, downArgs()...), 0)
			g.nothingLeft(t, before, awsBefore)
		})
	}
	t.Run("at the injector", func(t *testing.T) {
		cmd := g.withEnv(g.env, upArgs("--no-demo")...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the injector's Deployment", 90*time.Second, func() (bool, string) {
			r := g.tryKubectl(t, "get", "deployment", "injector", "-n", "falcon-system")
			return r.code == 0, r.stderr
		})
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		tried++
		g.upAgain(t, image, wanted, awsWanted)
		wantCode(t, g.run(t, downArgs()...), 0)
		g.nothingLeft(t, before, awsBefore)
	})
	t.Logf("up was killed at %d places", tried)
}

// changesAWS says whether an action of AWS changes something.
func changesAWS(action string) bool {
	_, what, _ := strings.Cut(action, ":")
	for _, word := range []string{"Get", "List", "Describe", "Batch"} {
		if strings.HasPrefix(what, word) {
			return false
		}
	}
	return true
}

// upAgain runs up to its end and compares that with the end of a run that nobody disturbed.
func (g *guideRig) upAgain(t *testing.T, image string, wanted map[string]string, awsWanted string) {
	t.Helper()
	r := g.run(t, upArgs("--no-demo", "-o", "json")...)
	wantCode(t, r, 0)
	if got := read[shownStages](t, r.stdout).Image; got != image {
		t.Errorf("the image is %s, and was %s", got, image)
	}
	if now := g.inAWS(t); now != awsWanted {
		t.Errorf("AWS is\n%s\nand should be\n%s", now, awsWanted)
	}
	now, err := g.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for path := range now {
		if _, ok := wanted[path]; !ok {
			t.Errorf("not there after an undisturbed run: %s", path)
		}
	}
	for path := range wanted {
		if _, ok := now[path]; !ok {
			t.Errorf("missing: %s", path)
		}
	}
}
