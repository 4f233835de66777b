package plugin

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/eksctl"
)

// eksCloud is the local AWS of all tests, with a network and a role.
var eksCloud = sync.OnceValues(func() (made eksScene, err error) {
	ctx := context.Background()
	if made.cloud, err = theCloud(); err != nil {
		return made, err
	}
	if made.network, err = made.cloud.NewNetwork(ctx); err != nil {
		return made, err
	}
	if made.role, err = made.cloud.AddRole(ctx, "eksctl-cluster", "eks.amazonaws.com", "AmazonEKSClusterPolicy"); err != nil {
		return made, err
	}
	made.podRole, err = made.cloud.AddPodExecutionRole(ctx, "eksctl-pods")
	return made, err
})

// eksScene is the local AWS, a stand-in for eksctl on the PATH, a kubeconfig of its own, and the name of a
// cluster that nobody else has.
type eksScene struct {
	*testing.T
	cloud                 *aws.Cloud
	network               aws.Network
	role, podRole         string
	kubeconfig, log, name string
}

// eksScenes are how many there were.
var eksScenes int

func newEKSScene(t *testing.T) *eksScene {
	t.Helper()
	sc, err := eksCloud()
	if err != nil {
		t.Fatal(err)
	}
	sc.cloud.Mend()
	if err := sc.cloud.SetPolicy(everythingAllowed); err != nil {
		t.Fatal(err)
	}
	eksScenes++
	sc.T, sc.name = t, fmt.Sprint("shop-", eksScenes)
	folder := t.TempDir()
	if _, err := eksctl.Put(folder); err != nil {
		t.Fatal(err)
	}
	sc.log, sc.kubeconfig = filepath.Join(folder, "log"), filepath.Join(folder, "kubeconfig")
	for _, pair := range sc.cloud.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	t.Setenv("AWS_PROFILE", "")
	t.Setenv("PATH", folder+":"+os.Getenv("PATH"))
	t.Setenv("STANDIN_LOG", sc.log)
	t.Setenv("STANDIN_SUBNETS", strings.Join(append(append([]string{}, sc.network.Private...), sc.network.Public...), ","))
	t.Setenv("STANDIN_ROLE", sc.role)
	t.Setenv("STANDIN_POD_ROLE", sc.podRole)
	return &sc
}

// run runs aws cluster with the scene's kubeconfig.
func (sc *eksScene) run(args ...string) outcome {
	sc.Helper()
	return falcon(sc.T, append([]string{"aws", "cluster", "--kubeconfig", sc.kubeconfig}, args...)...)
}

// called checks the calls that eksctl got since the last time.
func (sc *eksScene) called(want ...string) {
	sc.Helper()
	var got []string
	content, _ := os.ReadFile(sc.log)
	for line := range strings.Lines(string(content)) {
		for _, verb := range []string{"create ", "delete ", "utils "} {
			if strings.HasPrefix(line, verb) {
				got = append(got, strings.TrimSpace(line))
			}
		}
	}
	_ = os.Remove(sc.log)
	if strings.Join(got, "|") != strings.Join(want, "|") {
		sc.Errorf("eksctl was called %q, want %q", got, want)
	}
}

// contexts are the names of those in the kubeconfig.
func (sc *eksScene) contexts() (names []string, current string) {
	sc.Helper()
	c, err := clientcmd.LoadFromFile(sc.kubeconfig)
	if os.IsNotExist(err) {
		return nil, ""
	}
	if err != nil {
		sc.Fatal(err)
	}
	for name := range c.Contexts {
		names = append(names, name)
	}
	return names, c.CurrentContext
}

func (sc *eksScene) arn() string { return "arn:aws:eks:eu-west-1:123456789012:cluster/" + sc.name }

func TestAnEKSClusterIsMadeUsedAndRemoved(t *testing.T) {
	sc := newEKSScene(t)
	plan := sc.run("create", sc.name, "--dry-run")
	plan.must(t, 0)
	if !strings.Contains(plan.out, "eksctl create cluster -f - --write-kubeconfig=false") {
		t.Errorf("it would call\n%s", plan.out)
	}
	sc.called()
	o := sc.run("create", sc.name, "--namespaces", "web", "--alias", "shop")
	o.must(t, 0, "cluster/"+sc.name+": deploying stack \"eksctl-"+sc.name+"-cluster\"\n", "context shop in "+sc.kubeconfig+": created", "aws cluster check "+sc.name+" --region eu-west-1")
	if o.out != "cluster/"+sc.name+" created\n" {
		t.Errorf("it printed\n%s", o.out)
	}
	for _, mark := range []string{"ℹ", "✔", "2 sequential", "eksctl version", "\x1b"} {
		if strings.Contains(o.err, mark) {
			t.Errorf("it shows %q:\n%s", mark, o.err)
		}
	}
	sc.called("create cluster")
	if names, current := sc.contexts(); strings.Join(names, ",") != "shop" || current != "shop" {
		t.Errorf("the contexts are %v, %s is current", names, current)
	}
	// Again, nothing is done.
	o = sc.run("create", sc.name, "--namespaces", "web", "--alias", "shop", "-o", "json")
	o.must(t, 0)
	if !strings.Contains(o.out, `"change": "unchanged"`) || !strings.Contains(o.out, `"owned": true`) {
		t.Errorf("it printed\n%s", o.out)
	}
	sc.called()
}

func TestAnEKSClusterIsRemovedWithWhatBelongsToIt(t *testing.T) {
	sc := newEKSScene(t)
	sc.run("create", sc.name, "--namespaces", "web", "--alias", "shop").must(t, 0)
	sc.called("create cluster")
	plan := sc.run("delete", sc.name, "--dry-run")
	plan.must(t, 0)
	for _, text := range []string{"fp-default", "fp-falcon-system", "fp-web", "eksctl delete cluster --name " + sc.name + " --region eu-west-1 --wait"} {
		if !strings.Contains(plan.out, text) {
			t.Errorf("it would call\n%s", plan.out)
		}
	}
	sc.run("delete", sc.name).must(t, ExitUsage, "there is no terminal to ask on", "--yes")
	sc.called()
	o := sc.run("delete", sc.name, "--yes")
	o.must(t, 0, "removed from the kubeconfig: context shop", "there is no current context now", "fargateprofile/fp-web")
	if !strings.HasSuffix(o.out, "cluster/"+sc.name+" deleted\n") {
		t.Errorf("it printed\n%s", o.out)
	}
	sc.called("delete cluster")
	if names, _ := sc.contexts(); len(names) != 0 {
		t.Errorf("left are the contexts %v", names)
	}
	sc.run("delete", sc.name, "--yes").must(t, 0, "there is no cluster "+sc.name+", and nothing is left of one")
}

func TestAnEKSClusterOfOthersIsLeftAsItIs(t *testing.T) {
	sc := newEKSScene(t)
	if _, err := sc.cloud.AddCluster(t.Context(), aws.ClusterSpec{Name: sc.name, Network: sc.network}); err != nil {
		t.Fatal(err)
	}
	o := sc.run("create", sc.name, "--no-kubeconfig")
	o.must(t, 0, "there is a cluster "+sc.name+" already, which kubectl falcon did not make")
	if o.out != "cluster/"+sc.name+" unchanged\n" {
		t.Errorf("it printed\n%s", o.out)
	}
	sc.run("delete", sc.name).must(t, ExitUsage, "was not made by kubectl falcon, nor by eksctl, so its network stays", "--yes")
	sc.called()
	sc.run("delete", sc.name, "--yes").must(t, 0)
	sc.called("delete cluster")
}

func TestWhyEksctlFailedIsTold(t *testing.T) {
	sc := newEKSScene(t)
	for name, c := range map[string]struct {
		stop, reason string
		code         int
		says         []string
	}{
		"a reason": {"stack fail", "", ExitFailed, []string{"create the cluster " + sc.name + ": eksctl says: AWS::EKS::Cluster/ControlPlane: CREATE_FAILED",
			"kubectl falcon aws cluster delete " + sc.name + " --region eu-west-1", "eksctl warns: 1 error(s) occurred"}},
		"a quota":       {"stack fail", "AWS::EC2::VPC/VPC: The maximum number of VPCs has been reached.", ExitFailed, []string{"Service Quotas"}},
		"no right":      {"stack fail", "User: x is not authorized to perform: cloudformation:CreateStack", ExitNoAccess, []string{"aws iam-policy cluster create"}},
		"expired":       {"stack fail", "ExpiredToken: The security token included in the request is expired", ExitNoAccess, []string{"get new credentials"}},
		"an old stack":  {"stack exists", "", ExitFailed, []string{"already exists", "run this again in some minutes"}},
		"a bad version": {"stack fail", "invalid version, supported values: 1.33, 1.34", ExitUsage, []string{"--kubernetes-version"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("STANDIN_STOP", c.stop)
			t.Setenv("STANDIN_REASON", c.reason)
			sc.run("create", sc.name).must(t, c.code, c.says...)
			if names, _ := sc.contexts(); len(names) != 0 {
				t.Errorf("it wrote the contexts %v", names)
			}
		})
	}
}

func TestACreationThatWasStoppedGoesOn(t *testing.T) {
	for place, rest := range map[string][]string{
		"stack":    {"create cluster"},
		"addons":   {"create addon", "utils associate-iam-oidc-provider", "create iamserviceaccount", "create fargateprofile"},
		"oidc":     {"utils associate-iam-oidc-provider", "create iamserviceaccount", "create fargateprofile"},
		"role":     {"create iamserviceaccount", "create fargateprofile"},
		"profiles": {"create fargateprofile"},
	} {
		t.Run(place, func(t *testing.T) {
			sc := newEKSScene(t)
			t.Setenv("STANDIN_STOP", place+" hang")
			ctx, cancel := context.WithCancelCause(t.Context())
			stopped := make(chan time.Time, 1)
			go func() {
				for range 1000 {
					if _, err := os.Stat(sc.log + ".hangs"); err == nil {
						break
					}
					time.Sleep(20 * time.Millisecond)
				}
				stopped <- time.Now()
				cancel(Interrupted{Signal: os.Interrupt})
			}()
			o := falconWith(t, ctx, "aws", "cluster", "--kubeconfig", sc.kubeconfig, "create", sc.name)
			o.must(t, 130, "waiting for CloudFormation stack", "AWS goes on with what was begun", "stopped by interrupt; the same command goes on")
			if took := time.Since(<-stopped); took > 5*time.Second {
				t.Errorf("it took %s to end", took)
			}
			t.Setenv("STANDIN_STOP", "")
			sc.called("create cluster")
			sc.run("create", sc.name).must(t, 0)
			sc.called(rest...)
			sc.run("create", sc.name).must(t, 0)
			sc.called()
			profiles, err := sc.cloud.Profiles(t.Context(), sc.name)
			if err != nil || strings.Join(profiles, ",") != "fp-default ACTIVE,fp-falcon-system ACTIVE" {
				t.Errorf("the profiles are %v: %v", profiles, err)
			}
		})
	}
}

func TestTheConfigForEksctlNeedsNobody(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	t.Setenv("AWS_REGION", "")
	t.Setenv("AWS_DEFAULT_REGION", "")
	falcon(t, "aws", "cluster", "create", "shop", "--print-config").must(t, ExitUsage, "no AWS region is set")
	o := falcon(t, "aws", "cluster", "create", "shop", "--print-config", "--region", "cn-north-1", "--kubernetes-version", "1.34", "--selector", "web:app=a")
	o.must(t, 0)
	for _, text := range []string{"kind: ClusterConfig\n", "  name: shop\n", "  region: cn-north-1\n", `  version: "1.34"`, "withOIDC: true", "roleOnly: true",
		"roleName: falcon-injector-shop-cn-north-1", "arn:aws-cn:ecr:*:*:repository/*", "name: fp-falcon-system", "kubectl-falcon: owned"} {
		if !strings.Contains(o.out, text) {
			t.Errorf("there is no %q in\n%s", text, o.out)
		}
	}
	if o.err != "" {
		t.Errorf("it said %s", o.err)
	}
	falcon(t, "aws", "cluster", "create", "a_b", "--print-config", "--region", "eu-west-1").must(t, ExitUsage, "CloudFormation would refuse")
}

func TestWithoutEksctlItIsSaidHowToGetIt(t *testing.T) {
	sc := newEKSScene(t)
	t.Setenv("PATH", t.TempDir())
	sc.run("create", sc.name).must(t, ExitUsage, "eksctl is not installed", "installation.html", "--print-config")
	sc.run("delete", sc.name, "--yes").must(t, ExitUsage, "eksctl is not installed")
	sc.run("create", sc.name, "--eksctl", "/nonexistent").must(t, ExitUsage, "/nonexistent cannot be run")
}
