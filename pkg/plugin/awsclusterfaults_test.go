package plugin

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	iampolicy "github.com/kubectl-falcon/kubectl-falcon/pkg/aws/policy"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// clusterScene is a command about a cluster with what there is before it.
type clusterScene struct {
	command string
	prepare func(sc *eksScene)
	args    []string
	// calls are the actions that the command itself calls, in the order in which they come first; what eksctl calls
	// is eksctl's.
	calls []string
}

// clusterScenes are the commands about a cluster that change something.
var clusterScenes = map[string]clusterScene{
	"create, new": {"cluster create", func(*eksScene) {}, []string{"create", "--alias", "shop"}, []string{"eks:DescribeCluster"}},
	"create, stopped before the addons": {"cluster create", func(sc *eksScene) {
		sc.Setenv("STANDIN_STOP", "addons fail")
		sc.run("create", sc.name).must(sc.T, ExitFailed)
		sc.Setenv("STANDIN_STOP", "")
	}, []string{"create"}, []string{"eks:DescribeCluster", "eks:ListFargateProfiles", "eks:ListAddons", "iam:GetOpenIDConnectProvider", "iam:GetRole"}},
	"create, with one profile missing": {"cluster create", func(sc *eksScene) {
		sc.run("create", sc.name, "--no-kubeconfig").must(sc.T, ExitOK)
		falcon(sc.T, "aws", "fargate", "delete", "fp-falcon-system", "--cluster", sc.name, "--yes").must(sc.T, ExitOK)
	}, []string{"create"}, []string{"eks:DescribeCluster", "eks:ListFargateProfiles", "eks:DescribeFargateProfile", "iam:GetOpenIDConnectProvider", "iam:GetRole"}},
	"delete": {"cluster delete", func(sc *eksScene) {
		sc.run("create", sc.name, "--no-kubeconfig").must(sc.T, ExitOK)
		falcon(sc.T, "aws", "fargate", "ensure", "--cluster", sc.name, "--namespaces", "web").must(sc.T, ExitOK)
	}, []string{"delete", "--yes"}, []string{"eks:DescribeCluster", "eks:ListFargateProfiles", "eks:DescribeFargateProfile", "iam:GetRole",
		"eks:DeleteFargateProfile", "iam:ListAttachedRolePolicies", "iam:DetachRolePolicy", "iam:DeleteRole"}},
}

// play sets the scene with a cluster of its own.
func (scene clusterScene) play(t *testing.T) *eksScene {
	t.Helper()
	sc := newEKSScene(t)
	// What eksctl calls is not logged, is refused nothing and meets no fault.
	t.Setenv("STANDIN_KEY", fake.AdminKey)
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	scene.prepare(sc)
	_ = os.Remove(sc.log)
	sc.cloud.ClearLog()
	return sc
}

func (scene clusterScene) run(sc *eksScene) outcome {
	sc.Helper()
	return sc.run(append([]string{scene.args[0], sc.name}, scene.args[1:]...)...)
}

// called are the actions that a command itself called, in the order in which they came first.
func (scene clusterScene) called(sc *eksScene) (actions []string) {
	for _, action := range sc.cloud.Log("eks:*", "iam:*", "ec2:*", "ecr:*", "cloudformation:*") {
		if !slices.Contains(actions, action) {
			actions = append(actions, action)
		}
	}
	return actions
}

// Making and removing a cluster needs of us no more than the policies have, and each of it: that of eksctl is in
// the same policies and is refused to nobody here. What is refused one right goes on when it has that.
func TestThePoliciesForEksctlHaveOurCalls(t *testing.T) {
	for name, scene := range clusterScenes {
		t.Run(name, func(t *testing.T) {
			text, err := iampolicy.For(scene.command, iampolicy.Names{})
			if err != nil {
				t.Fatal(err)
			}
			sc := scene.play(t)
			under := func(policy string) outcome {
				if err := sc.cloud.SetPolicy(policy); err != nil {
					t.Fatal(err)
				}
				o := scene.run(sc)
				if err := sc.cloud.SetPolicy(everythingAllowed); err != nil {
					t.Fatal(err)
				}
				return o
			}
			for _, action := range scene.calls {
				o := under(without(t, text, action))
				o.must(t, ExitNoAccess, "the right "+action+" is missing", "kubectl falcon aws iam-policy "+scene.command)
				if sc.called(); t.Failed() {
					t.Fatalf("without %s", action)
				}
			}
			under(text).must(t, ExitOK)
			sc.called(scene.eksctl()...)
			if called := scene.called(sc); !slices.Equal(called, scene.calls) {
				t.Errorf("it calls %q, want %q", called, scene.calls)
			}
			sc.leftNoRole()
		})
	}
}

// eksctl are the calls that eksctl gets.
func (scene clusterScene) eksctl() []string {
	switch {
	case len(scene.calls) == 1:
		return []string{"create cluster"}
	case scene.command == "cluster delete":
		return []string{"delete cluster"}
	case slices.Contains(scene.calls, "eks:ListAddons"):
		return []string{"create addon", "utils associate-iam-oidc-provider", "create iamserviceaccount", "create fargateprofile"}
	}
	return []string{"create fargateprofile"}
}

// leftNoRole holds that no pod execution role of ours is left of a cluster.
func (sc *eksScene) leftNoRole() {
	sc.Helper()
	all, err := sc.cloud.Inventory(sc.Context())
	if err != nil {
		sc.Fatal(err)
	}
	for at := range all {
		if strings.HasPrefix(at, "iam role falcon-fargate-"+sc.name) {
			sc.Fatalf("left is %s", at)
		}
	}
}

// The stand-in for eksctl too runs with what the policies have, of the calls that it makes.
func TestThePoliciesForEksctlHaveItsCalls(t *testing.T) {
	sc := newEKSScene(t)
	for _, args := range [][]string{{"create", sc.name}, {"delete", sc.name, "--yes"}} {
		text, err := iampolicy.For("cluster "+args[0], iampolicy.Names{})
		if err != nil {
			t.Fatal(err)
		}
		if err := sc.cloud.SetPolicy(text); err != nil {
			t.Fatal(err)
		}
		sc.run(args...).must(t, ExitOK)
		sc.called(args[0] + " cluster")
	}
	if err := sc.cloud.SetPolicy(everythingAllowed); err != nil {
		t.Fatal(err)
	}
}

// Whatever goes wrong at whichever of our calls, the command says why, and runs eksctl only if it is its turn; the
// same command again goes on to the end, and leaves nothing.
func TestClusterFaultsAtEveryCall(t *testing.T) {
	scenes := map[string]clusterScene{
		"kubeconfig": {"cluster kubeconfig", existing, []string{"kubeconfig"}, []string{"eks:DescribeCluster"}},
		"check":      {"cluster check", existing, []string{"check", "-o", "json"}, []string{"eks:DescribeCluster"}},
	}
	for name, scene := range clusterScenes {
		scenes[name] = scene
	}
	for name, scene := range scenes {
		t.Run(name, func(t *testing.T) {
			sc := scene.play(t)
			for n, action := range scene.calls {
				// What a call is refused with is the same for all. After an answer that is lost, which comes last, it is done.
				kinds := everywhere
				if n == 0 {
					kinds = slices.Sorted(maps.Keys(refusals))
				}
				for _, kind := range kinds {
					want := refusals[kind]
					sc.cloud.Break(fake.Fault{Action: action, Kind: kind})
					o := scene.run(sc)
					sc.cloud.Mend()
					refusedWith(t, o, want.code, want.says)
					sc.called()
					if names, _ := sc.contexts(); len(names) != 0 {
						t.Errorf("it wrote the contexts %v", names)
					}
					if t.Failed() {
						t.Fatalf("%s at %s", kind, action)
					}
				}
			}
			if o := scene.run(sc); o.code != ExitOK && scene.command != "cluster check" || o.out+o.err == "" {
				t.Errorf("without a fault: exit code %d: %s", o.code, o.err)
			}
			sc.leftNoRole()
		})
	}
}

// What check cannot ask it says, and it judges the rest.
func TestClusterCheckWithFaults(t *testing.T) {
	sc := clusterScenes["delete"].play(t)
	sc.run("check", sc.name, "-o", "json").must(t, ExitOK)
	for _, action := range slices.Compact(sc.cloud.Log("eks:*", "iam:*", "ec2:*"))[1:] {
		for kind := range refusals {
			sc.cloud.Break(fake.Fault{Action: action, Kind: kind})
			o := sc.run("check", sc.name, "-o", "json")
			sc.cloud.Mend()
			if !strings.Contains(o.out, `"unknown"`) || !strings.Contains(o.out, `"active"`) {
				t.Errorf("%s at %s: it says nothing of it:\n%s%s", kind, action, o.out, o.err)
			}
		}
	}
}

// A cluster that was made, and whose description was lost, gets into the kubeconfig by the same command.
func TestAClusterThatWasMadeUnseen(t *testing.T) {
	for after := 1; after <= 2; after++ {
		sc := clusterScenes["create, new"].play(t)
		sc.cloud.Break(fake.Fault{Action: "eks:DescribeCluster", Kind: fake.Throttled, After: after})
		if o := sc.run("create", sc.name); o.code != ExitFailed || !strings.Contains(o.err, "AWS limits how often") {
			t.Errorf("exit code %d: %s", o.code, o.err)
		}
		sc.cloud.Mend()
		sc.called("create cluster")
		sc.run("create", sc.name).must(t, ExitOK, "context "+sc.arn())
		sc.called()
	}
}

// existing is a cluster of somebody else's.
func existing(sc *eksScene) {
	if _, err := sc.cloud.AddCluster(sc.Context(), fake.ClusterSpec{Name: sc.name, Network: sc.network}); err != nil {
		sc.Fatal(err)
	}
}
