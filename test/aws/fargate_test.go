package aws_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

const fargateRole = "falcon-fargate-shop-eu-west-1"

func TestFargateFromNothingAndBack(t *testing.T) {
	s := set(t)
	before := s.left()
	s.SetTimes(fake.Times{ProfileCreate: 4 * time.Second, ProfileDelete: 4 * time.Second, RoleSeen: time.Second})
	began := time.Now()
	s.run("fargate", "ensure", "-o", "json").must(0, "role/"+fargateRole+" created", "waits: the role is not known to EKS yet",
		"fargateprofile/fp-falcon-system: CREATING").prints(`"name": "fp-falcon-system"`, `"change": "created"`)
	t.Logf("a profile of 4 s after a role of 1 s took %s", time.Since(began).Round(10*time.Millisecond))
	s.ClearLog()
	s.run("fargate", "ensure").must(0).prints("fp-falcon-system  unchanged  ACTIVE  falcon-system")
	for _, call := range s.Calls() {
		if strings.Contains(call.Action, "Create") || strings.Contains(call.Action, "Attach") {
			t.Errorf("the second time it called %s", call.Action)
		}
	}
	s.run("fargate", "list").must(0).prints("fp-falcon-system  ACTIVE  yes   falcon-system", fargateRole)
	s.run("fargate", "delete").must(2, "there is no terminal to ask on", "add --yes")
	s.run("fargate", "delete", "--dry-run").must(0).prints("eks:DeleteFargateProfile", "iam:DetachRolePolicy", "iam:DeleteRole")
	began = time.Now()
	s.run("fargate", "delete", "--yes").must(0).prints("fargateprofile/fp-falcon-system deleted\nrole/" + fargateRole + " deleted\n")
	if took := time.Since(began); took > 5500*time.Millisecond {
		t.Errorf("a deletion of 4 s took %s", took)
	}
	if after := s.left(); after != before {
		t.Errorf("before there was %s, after %s", before, after)
	}
	s.run("fargate", "delete", "--yes").must(0, "there is nothing to delete")
}

// It must be noticed within 1.1 times what it takes, as far as this machine is not held up by others.
func TestAProfileIsNoticedSoon(t *testing.T) {
	s := set(t)
	s.run("fargate", "ensure").must(0)
	for _, real := range []time.Duration{4 * time.Second, 7 * time.Second} {
		s.SetTimes(fake.Times{ProfileCreate: real})
		began := time.Now()
		o := s.run("fargate", "ensure", "--namespaces", "n"+strings.TrimSuffix(real.String(), "s"), "-o", "json").must(0)
		whole := time.Since(began)
		var result struct {
			Profiles []struct {
				Change  string
				Seconds float64
			}
		}
		if err := json.Unmarshal([]byte(o.out), &result); err != nil {
			t.Fatal(err)
		}
		for _, p := range result.Profiles {
			if ratio := p.Seconds / real.Seconds(); p.Change == "created" {
				t.Logf("%s: noticed after %.2f s, %.3f times; the command took %s", real, p.Seconds, ratio, whole.Round(time.Millisecond))
				if ratio > 1.25 {
					t.Errorf("a profile of %s was noticed after %.2f s", real, p.Seconds)
				}
			}
		}
	}
}

func TestFargateWaitsForItsTurn(t *testing.T) {
	s := set(t)
	s.SetTimes(fake.Times{ProfileCreate: 2 * time.Second})
	s.profile("other", "x", nil)
	s.run("fargate", "ensure").must(0, "waits: the Fargate profile other is being created")
	if err := s.BeginUpdate(t.Context(), "shop", 3*time.Second); err != nil {
		t.Fatal(err)
	}
	s.run("fargate", "ensure", "--namespaces", "web").must(0, "fargateprofile/fp-web: waits: ")
	if err := s.BeginUpdate(t.Context(), "shop", time.Hour); err != nil {
		t.Fatal(err)
	}
	s.run("fargate", "ensure", "--namespaces", "late", "--timeout", "2s").must(124, "the time is over", "run the same command again")
}

func TestFargateStoppedInTheMiddleGoesOn(t *testing.T) {
	s := set(t)
	s.SetTimes(fake.Times{ProfileCreate: 3 * time.Second})
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Second)
	defer stop()
	if o := s.runWith(ctx, "fargate", "ensure"); o.code == 0 {
		t.Errorf("it was not stopped: %+v", o)
	}
	s.run("fargate", "ensure").must(0).prints("fp-falcon-system  unchanged  ACTIVE")
	if got := s.left(); got != "[fp-falcon-system ACTIVE] ["+fargateRole+"] []" {
		t.Errorf("there is %s", got)
	}
}

func TestFargateTellsWhyAProfileFailed(t *testing.T) {
	s := set(t)
	s.Break(fake.Fault{Action: "eks:CreateFargateProfile", Kind: fake.Late, Code: "AccessDenied", Message: "the role was taken away"})
	s.run("fargate", "ensure").must(1, "EKS could not create the Fargate profile fp-falcon-system: AccessDenied: the role was taken away", "--replace-failed")
	s.run("fargate", "list").must(0, "fp-falcon-system: AccessDenied").prints("CREATE_FAILED")
	s.run("fargate", "ensure").must(1, "fp-falcon-system is CREATE_FAILED: AccessDenied")
	s.Mend()
	s.run("fargate", "ensure", "--replace-failed").must(0, "fargateprofile/fp-falcon-system")
	s.Break(fake.Fault{Action: "eks:DeleteFargateProfile", Kind: fake.Late, Code: "InternalFailure", Message: "stuck"})
	s.run("fargate", "delete", "--yes").must(1, "EKS could not delete the Fargate profile fp-falcon-system: InternalFailure: stuck")
	s.Mend()
	s.run("fargate", "delete", "--yes").must(0)
}

// Whatever goes wrong is told with its reason, and nothing is left half made.
func TestFargateFaults(t *testing.T) {
	changes := []string{"iam:CreateRole", "iam:AttachRolePolicy", "eks:CreateFargateProfile"}
	looks := []string{"eks:DescribeCluster", "eks:ListFargateProfiles", "ec2:DescribeSubnets", "ec2:DescribeRouteTables", "iam:GetRole"}
	for _, fault := range []struct {
		kind fake.Kind
		code int
		says string
	}{
		{fake.AccessDenied, 3, "the right ACTION is missing"},
		{fake.Throttled, 1, "wait a minute"},
		{fake.ExpiredToken, 3, "xpired"},
		{fake.UnrecognizedClient, 3, "check the credentials"},
		{fake.ServerError, 1, "try again later"},
		{fake.Cut, 3, "AWS cannot be reached"},
	} {
		t.Run(string(fault.kind), func(t *testing.T) {
			s := set(t)
			before := s.left()
			actions := append(looks, changes...)
			if fault.kind != fake.AccessDenied {
				// The way of an error is the same for all; what is left differs.
				actions = append(looks[:1:1], changes...)
			}
			for _, action := range actions {
				s.Break(fake.Fault{Action: action, Kind: fault.kind})
				s.run("fargate", "ensure").must(fault.code, strings.ReplaceAll(fault.says, "ACTION", action))
				s.Mend()
				if after := s.left(); after != before {
					t.Errorf("%s left %s", action, after)
				}
			}
			s.run("fargate", "ensure").must(0)
		})
	}
	s := set(t)
	s.Break(fake.Fault{Action: "eks:CreateFargateProfile", Kind: fake.LimitExceeded})
	s.run("fargate", "ensure").must(1, "Service Quotas")
	s.Mend()
	s.Break(fake.Fault{Action: "eks:CreateFargateProfile", Kind: fake.CutAfter, Times: 1})
	t.Setenv("AWS_MAX_ATTEMPTS", "3")
	s.run("fargate", "ensure").must(0)
	// EKS looks at its own role with the caller's rights, and says it in its own way if it may not.
	s.Break(fake.Fault{Action: "eks:CreateFargateProfile", Kind: fake.Other, Status: 400, Code: "InvalidRequestException",
		Message: "Failed to validate if SLR: X already exists due to missing permissions for 'iam:GetRole'"})
	s.run("fargate", "ensure", "--namespaces", "late").must(3, "the right iam:GetRole is missing", "aws iam-policy fargate ensure")
	s.Mend()
	// What passes is waited out.
	s.SetTimes(fake.Times{ProfileCreate: 2 * time.Second})
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s.Break(fake.Fault{Action: "eks:DescribeFargateProfile", Kind: fake.Throttled, After: 3, Times: 3})
	s.run("fargate", "ensure", "--namespaces", "web").must(0)
}

func TestFargateRefusesBadInputBeforeItChangesAnything(t *testing.T) {
	s := set(t)
	s.profile("fp-web", "elsewhere", aws.Tags("1"))
	before := s.left()
	s.ClearLog()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--name", "eks-falcon"}, 2, "keeps names that begin with eks-"},
		{[]string{"--name", "a b"}, 2, "letters, digits"},
		{[]string{"--selector", "Shop"}, 2, `"Shop" cannot be a namespace`},
		{[]string{"--selector", "a:b"}, 2, `"b" is no label`},
		{[]string{"--namespaces", "web", "--no-injector"}, 2, "there is a Fargate profile fp-web already, for other pods: elsewhere instead of web"},
		{[]string{"--subnet", s.network.Public[0]}, 2, "the subnet " + s.network.Public[0] + " is public: its route table"},
		{[]string{"--subnet", "subnet-0"}, 2, "has no subnet subnet-0"},
		{[]string{"--role", "absent"}, 2, "there is no IAM role absent"},
		{[]string{"--cluster", "absent"}, 2, "there is no EKS cluster absent in eu-west-1"},
		{[]string{"--timeout", "0s"}, 2, "it must be more than 0"},
	} {
		s.run(append([]string{"fargate", "ensure"}, c.args...)...).must(c.code, c.says)
	}
	t.Setenv("KUBECONFIG", "/dev/null")
	s.run("fargate", "list").must(2, "no EKS cluster is named")
	for _, call := range s.Calls() {
		if strings.Contains(call.Action, "Create") {
			t.Errorf("it called %s", call.Action)
		}
	}
	if after := s.left(); after != before {
		t.Errorf("before there was %s, after %s", before, after)
	}
}

// A cluster of the same name in another account is another cluster.
func TestTheKubeconfigsAccountMustBeThatOfTheCredentials(t *testing.T) {
	s := set(t)
	s.kubernetes(nil)
	t.Setenv("AWS_REGION", "us-east-1")
	s.run("fargate", "list").must(0, "the cluster shop has no Fargate profiles")
	s.run("fargate", "list", "--region", "us-east-1").must(2, "there is no EKS cluster shop in us-east-1")
}

func TestFargateCoverage(t *testing.T) {
	s := set(t)
	s.profile("fp-web", "web", nil)
	meta := func(namespace, name string) map[string]any {
		return map[string]any{"namespace": namespace, "name": name}
	}
	list := func(kind string, items ...any) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{}, "items": items}
	}
	s.kubernetes(map[string]any{
		"/api/v1/namespaces": list("NamespaceList", map[string]any{"metadata": meta("", "web")}, map[string]any{"metadata": meta("", "shop")}),
		"/api/v1/pods": list("PodList",
			map[string]any{"metadata": meta("web", "old"), "spec": map[string]any{"schedulerName": "default-scheduler"}},
			map[string]any{"metadata": meta("web", "new"), "spec": map[string]any{"schedulerName": "fargate-scheduler", "nodeName": "fargate-ip-1"}},
			map[string]any{"metadata": meta("shop", "p"), "spec": map[string]any{"schedulerName": "default-scheduler"}}),
	})
	s.run("fargate", "coverage").must(1, "next: kubectl falcon aws fargate ensure --namespaces falcon-system,shop").
		prints("shop       none     -         1     0           1", "web        all      fp-web    2     1           1",
			"it was made before the profile fp-web was active", "no profile selects it")
	s.run("fargate", "coverage", "-o", "json", "--cluster", "shop").must(1).
		prints(`"command": "kubectl falcon aws fargate ensure --namespaces falcon-system,shop --cluster shop --region eu-west-1"`)
}
