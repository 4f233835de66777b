package plugin

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"

	iampolicy "github.com/kubectl-falcon/kubectl-falcon/pkg/aws/policy"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

func TestTheKubeconfigLeadsToTheToken(t *testing.T) {
	sc := newEKSScene(t)
	sc.run("kubeconfig", sc.name).must(t, ExitUsage, "there is no EKS cluster "+sc.name+" in eu-west-1")
	if _, err := sc.cloud.AddCluster(t.Context(), aws.ClusterSpec{Name: sc.name, Network: sc.network}); err != nil {
		t.Fatal(err)
	}
	o := sc.run("kubeconfig", sc.name, "--print")
	o.must(t, 0)
	c, err := clientcmd.Load([]byte(o.out))
	if err != nil || c.CurrentContext != sc.arn() {
		t.Fatalf("it printed %s: %v", o.out, err)
	}
	sc.run("kubeconfig", sc.name, "--dry-run").must(t, 0, "created (dry run)")
	if names, _ := sc.contexts(); len(names) != 0 {
		t.Errorf("a dry run wrote the contexts %v", names)
	}
	o = sc.run("kubeconfig", sc.name, "--set-current=false", "-o", "json")
	o.must(t, 0)
	var written struct {
		Context, File, Change string
		Current               bool
	}
	if err := json.Unmarshal([]byte(o.out), &written); err != nil || written.Context != sc.arn() || written.Current || written.Change != "created" {
		t.Errorf("it printed %s: %v", o.out, err)
	}
	if c, err = clientcmd.LoadFromFile(sc.kubeconfig); err != nil {
		t.Fatal(err)
	}
	exec := c.AuthInfos[c.Contexts[sc.arn()].AuthInfo].Exec
	// What the kubeconfig says is what this program takes.
	token := falcon(t, exec.Args...)
	token.must(t, 0)
	var credential struct {
		Kind   string
		Status struct{ Token, ExpirationTimestamp string }
	}
	if err := json.Unmarshal([]byte(token.out), &credential); err != nil || credential.Kind != "ExecCredential" || !strings.HasPrefix(credential.Status.Token, "k8s-aws-v1.") {
		t.Errorf("it printed %s: %v", token.out, err)
	}
	if end, err := time.Parse(time.RFC3339, credential.Status.ExpirationTimestamp); err != nil || time.Until(end) < 13*time.Minute || time.Until(end) > 14*time.Minute {
		t.Errorf("it expires at %s", credential.Status.ExpirationTimestamp)
	}
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	falcon(t, exec.Args...).must(t, ExitNoAccess, "there are no AWS credentials")
}

func TestClusterCheckJudgesTheCluster(t *testing.T) {
	sc := newEKSScene(t)
	sc.run("check").must(t, ExitUsage, "no EKS cluster is named")
	sc.run("create", sc.name, "--no-kubeconfig").must(t, 0)
	o := sc.run("check", sc.name, "-o", "json")
	var report struct {
		Verdict string
		Checks  []struct{ Check, Verdict, Reason, Next string }
	}
	if err := json.Unmarshal([]byte(o.out), &report); err != nil {
		t.Fatalf("%v: %s%s", err, o.out, o.err)
	}
	verdicts := map[string]string{}
	for _, c := range report.Checks {
		verdicts[c.Check] = c.Verdict
	}
	for check, want := range map[string]string{"active": "ok", "version": "ok", "health": "ok", "injector-profile": "ok", "coredns-profile": "ok",
		"private-subnets": "ok", "oidc-provider": "ok", "endpoint": "ok", "coredns-compute": "unknown", "egress": "ok", "free-addresses": "ok"} {
		if verdicts[check] != want {
			t.Errorf("%s is %s, want %s in\n%s", check, verdicts[check], want, o.out)
		}
	}
	// Nobody can look inside, so that is not known; the rest stands for it.
	if o.code != 0 {
		t.Errorf("the exit code is %d", o.code)
	}
	sc.run("check", sc.name).must(t, 0, "but 1 check could not be made")
	falcon(t, "aws", "fargate", "delete", "fp-falcon-system", "--cluster", sc.name, "--yes").must(t, 0)
	if o = sc.run("check", sc.name); o.code != ExitFailed || !strings.Contains(o.err, "injector-profile:\n  next: kubectl falcon aws fargate ensure --cluster "+sc.name) ||
		!strings.HasPrefix(o.out, "CHECK") || !strings.Contains(o.err, "cannot run the sensor as it is: 1 fault") {
		t.Errorf("%d\n%s%s", o.code, o.out, o.err)
	}
}

func TestClusterPoliciesAreLeast(t *testing.T) {
	sc := newEKSScene(t)
	sc.run("create", sc.name, "--no-kubeconfig").must(t, 0)
	// Whether there are nodes matters only where no profile does.
	falcon(t, "aws", "fargate", "delete", "fp-falcon-system", "--cluster", sc.name, "--yes").must(t, 0)
	for command, args := range map[string][]string{"cluster kubeconfig": {"kubeconfig", sc.name, "--print"}, "cluster check": {"check", sc.name, "-o", "json"}} {
		text, err := iampolicy.For(command, iampolicy.Names{Cluster: sc.name})
		if err != nil {
			t.Fatal(err)
		}
		run := func(policy string) outcome {
			t.Helper()
			if err := sc.cloud.SetPolicy(policy); err != nil {
				t.Fatal(err)
			}
			o := sc.run(args...)
			if err := sc.cloud.SetPolicy(everythingAllowed); err != nil {
				t.Fatal(err)
			}
			return o
		}
		if o := run(text); o.err != "" || o.out == "" || strings.Contains(o.out, "the right ") {
			t.Errorf("%s does not run under its policy: %s%s", command, o.out, o.err)
		}
		for _, action := range actionsOf(t, text) {
			// What check cannot ask it says.
			o := run(without(t, text, action))
			if said := o.out + o.err; !strings.Contains(said, action) || !strings.Contains(said, "aws iam-policy "+command) && action != "eks:DescribeClusterVersions" {
				t.Errorf("%s without %s says\n%s", command, action, said)
			}
		}
	}
}
