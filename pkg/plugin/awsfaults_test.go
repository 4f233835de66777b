package plugin

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	iampolicy "github.com/kubectl-falcon/kubectl-falcon/pkg/aws/policy"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// ecrScene is a command with what there is before it.
type ecrScene struct {
	// command is how its policy is called.
	command string
	// prepare makes what there is.
	prepare func(t *testing.T, c *fake.Cloud, repository string)
	args    func(c *fake.Cloud, repository string) []string
}

// ecrScenes are all commands that call ECR.
func ecrScenes(t *testing.T) map[string]ecrScene {
	t.Helper()
	file := imageFile(t)
	none := func(*testing.T, *fake.Cloud, string) {}
	made := func(t *testing.T, _ *fake.Cloud, repository string) {
		falcon(t, "aws", "ecr", "ensure", repository, "--mutable-tags", "--no-scan").must(t, ExitOK)
	}
	full := func(t *testing.T, c *fake.Cloud, repository string) {
		made(t, c, repository)
		falcon(t, "sensor", "push", file, c.Registry+"/"+repository+":7", "--any-image").must(t, ExitOK)
	}
	args := func(parts ...string) func(*fake.Cloud, string) []string {
		return func(c *fake.Cloud, repository string) (all []string) {
			for _, part := range parts {
				all = append(all, strings.NewReplacer("REPO", repository, "HOST", c.Registry).Replace(part))
			}
			return all
		}
	}
	ensure := args("aws", "ecr", "ensure", "REPO", "--keep", "10", "--allow-account", "210987654321")
	return map[string]ecrScene{
		"ensure, new":   {"ecr ensure", none, ensure},
		"ensure, there": {"ecr ensure", made, ensure},
		"login-check":   {"ecr login-check", none, args("aws", "ecr", "login-check")},
		"images":        {"ecr images", full, args("aws", "ecr", "images", "REPO")},
		"delete-image":  {"ecr delete-image", full, args("aws", "ecr", "delete-image", "REPO", "7", "--yes")},
		"delete":        {"ecr delete", full, args("aws", "ecr", "delete", "REPO", "--yes", "--force")},
		"push":          {"sensor push", made, args("sensor", "push", file, "HOST/REPO:7", "--any-image")},
	}
}

func TestECRPoliciesAreLeast(t *testing.T) {
	c, _ := inAWS(t)
	missed := map[string][]string{}
	for name, scene := range ecrScenes(t) {
		text, err := iampolicy.For(scene.command, iampolicy.Names{})
		if err != nil {
			t.Fatal(err)
		}
		run := func(policy string) outcome {
			t.Helper()
			repository := nextRepository()
			scene.prepare(t, c, repository)
			if err := c.SetPolicy(policy); err != nil {
				t.Fatal(err)
			}
			o := falcon(t, scene.args(c, repository)...)
			if err := c.SetPolicy(everythingAllowed); err != nil {
				t.Fatal(err)
			}
			return o
		}
		if o := run(text); o.code != ExitOK {
			t.Errorf("%s does not run under its policy: %s", name, o.err)
		}
		for _, action := range actionsOf(t, text) {
			o := run(without(t, text, action))
			key := scene.command + " " + action
			if _, known := missed[key]; !known {
				missed[key] = nil
			}
			if o.code == ExitOK {
				continue
			}
			missed[key] = append(missed[key], name)
			o.must(t, ExitNoAccess, action, "kubectl falcon aws iam-policy "+scene.command)
		}
	}
	for key, by := range missed {
		if len(by) == 0 {
			t.Errorf("nothing needs %s", key)
		}
	}
}

type policyForm struct {
	Version   string
	Statement []struct {
		Effect   string
		Action   []string
		Resource any
	}
}

func actionsOf(t *testing.T, text string) (all []string) {
	t.Helper()
	var p policyForm
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	for _, s := range p.Statement {
		all = append(all, s.Action...)
	}
	return all
}

// without is a policy without an action.
func without(t *testing.T, text, action string) string {
	t.Helper()
	var p policyForm
	if err := json.Unmarshal([]byte(text), &p); err != nil {
		t.Fatal(err)
	}
	for n := range p.Statement {
		p.Statement[n].Action = slices.DeleteFunc(p.Statement[n].Action, func(a string) bool { return a == action })
	}
	p.Statement = append(p.Statement, p.Statement[0])
	p.Statement[len(p.Statement)-1].Action = []string{"none:None"}
	rest, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	return string(rest)
}

// changing are the calls of ECR that change something.
var changing = []string{"ecr:Create*", "ecr:Put*", "ecr:Set*", "ecr:BatchDelete*", "ecr:Delete*"}

// refusals are what may become of a call of any service, with how a command ends then and what it says.
var refusals = map[fake.Kind]struct {
	code int
	says string
}{
	fake.AccessDenied:       {ExitNoAccess, "is not authorized to perform"},
	fake.ExpiredToken:       {ExitNoAccess, "expired"},
	fake.UnrecognizedClient: {ExitNoAccess, "get new credentials|check the credentials"},
	fake.WrongRegion:        {ExitNoAccess, "valid region|was not able to validate"},
	fake.Throttled:          {ExitFailed, "AWS limits how often"},
	fake.LimitExceeded:      {ExitFailed, "quota"},
	fake.ServerError:        {ExitFailed, "try again later"},
	fake.Cut:                {ExitNoAccess, "AWS cannot be reached"},
	fake.CutAfter:           {ExitNoAccess, "AWS cannot be reached"},
}

// everywhere are those that are tried at each call; the others differ by nothing but the first.
var everywhere = []fake.Kind{fake.AccessDenied, fake.Throttled, fake.CutAfter}

// Whatever goes wrong at whichever call, the command says why, and the same command again leads to where it
// would have led.
func TestECRFaultsAtEveryCall(t *testing.T) {
	c, _ := inAWS(t)
	for name, scene := range ecrScenes(t) {
		repository := nextRepository()
		scene.prepare(t, c, repository)
		c.ClearLog()
		falcon(t, scene.args(c, repository)...).must(t, ExitOK)
		calls := c.Log("ecr:*")
		goal := stateOf(t, repository)
		for kind, want := range refusals {
			for n := range calls {
				// The registry's own requests are pushed again, which the tests of cut connections hold.
				if scene.command == pushCommand && n > 0 {
					break
				}
				// What calls are refused with is the same for all.
				if n > 0 && !slices.Contains(everywhere, kind) {
					break
				}
				t.Run(fmt.Sprintf("%s, %s at %s", name, kind, calls[n]), func(t *testing.T) {
					faultAt(t, c, scene, fake.Fault{Action: "ecr:*", Kind: kind, After: n}, want.code, want.says, goal)
				})
			}
		}
	}
}

func faultAt(t *testing.T, c *fake.Cloud, scene ecrScene, f fake.Fault, code int, says, goal string) {
	t.Helper()
	repository := nextRepository()
	scene.prepare(t, c, repository)
	before := stateOf(t, repository)
	c.ClearLog()
	c.Break(f)
	o := falcon(t, scene.args(c, repository)...)
	c.Mend()
	refusedWith(t, o, code, says)
	// What is not called yet is not done: but for the one that failed there was nothing that changes.
	if called := c.Log(changing...); len(called) == 0 && stateOf(t, repository) != before {
		t.Errorf("it changed something:\n%s\nwas\n%s", stateOf(t, repository), before)
	}
	falcon(t, scene.args(c, repository)...).must(t, ExitOK)
	if after := stateOf(t, repository); after != goal {
		t.Errorf("after another run it is\n%s\nwant\n%s", after, goal)
	}
}

// An answer that is lost on its way back costs nothing: the call is made again, and what it did the first time
// is no error.
func TestECRAnswersThatAreLost(t *testing.T) {
	c, _ := inAWS(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "3")
	for name, scene := range ecrScenes(t) {
		repository := nextRepository()
		scene.prepare(t, c, repository)
		c.ClearLog()
		falcon(t, scene.args(c, repository)...).must(t, ExitOK)
		called, goal := c.Log(changing...), stateOf(t, repository)
		slices.Sort(called)
		for _, action := range slices.Compact(called) {
			repository := nextRepository()
			scene.prepare(t, c, repository)
			c.Break(fake.Fault{Action: action, Kind: fake.CutAfter, Times: 1})
			o := falcon(t, scene.args(c, repository)...)
			c.Mend()
			if after := stateOf(t, repository); o.code != ExitOK || after != goal {
				t.Errorf("%s, %s: exit code %d, %s\n%s\nwant\n%s", name, action, o.code, o.err, after, goal)
			}
		}
	}
}

// refusedWith checks the end of a command that was refused something: what it says is one of several, with | between
// them, and what to do.
func refusedWith(t *testing.T, o outcome, code int, says string) {
	t.Helper()
	o.must(t, code)
	if !slices.ContainsFunc(strings.Split(says, "|"), func(one string) bool { return strings.Contains(o.err, one) }) {
		t.Errorf("it did not say %q but\n%s", says, o.err)
	}
	if !strings.Contains(o.err, "\n  next: ") {
		t.Errorf("it says not what to do: %s", o.err)
	}
}
