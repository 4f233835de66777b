package aws_test

import (
	"testing"
	"time"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

func TestPodIdentity(t *testing.T) {
	s := set(t)
	s.run("irsa", "ensure", "--pod-identity").must(1, "has no add-on eks-pod-identity-agent", "aws eks create-addon --cluster-name shop")
	s.run("fargate", "ensure").must(0)
	s.must(s.AddAddon(t.Context(), "shop", "eks-pod-identity-agent"))
	s.run("irsa", "ensure", "--pod-identity").must(2, "EKS Pod Identity does not work on Fargate", "leave --pod-identity out")
	s.run("fargate", "delete", "--yes").must(0)
	before := s.left()
	s.run("irsa", "ensure", "--pod-identity", "--dry-run").must(0).prints("iam:CreateRole", "eks:CreatePodIdentityAssociation")
	if after := s.left(); after != before {
		t.Errorf("the dry run left %s", after)
	}
	// EKS sees the role a second later.
	s.SetTimes(fake.Times{RoleSeen: time.Second})
	if o := s.run("irsa", "ensure", "--pod-identity").must(0, "podidentityassociation/falcon-system/injector created"); o.out != irsaARN+"\n" {
		t.Errorf("it printed %q", o.out)
	}
	s.run("irsa", "ensure", "--pod-identity", "-o", "yaml").must(0).prints("change: unchanged", "podIdentity: true")
	s.run("irsa", "check", "--pod-identity").must(0).prints("association  ok", "trust        ok", "policy       ok", "pods         unknown")
	s.run("irsa", "delete", "--dry-run").must(0).prints("eks:DeletePodIdentityAssociation", "iam:DeleteRole")
	s.run("irsa", "delete", "--yes").must(0).prints("podidentityassociation/falcon-system/injector deleted\n", "role/"+irsaRole+" deleted\n")
	if after := s.left(); after != before {
		t.Errorf("before there was %s, after %s", before, after)
	}
	s.run("irsa", "check", "--pod-identity").must(1, "association is broken", "kubectl falcon aws irsa ensure --pod-identity")
	// What was made and whose answer was lost is ours.
	t.Setenv("AWS_MAX_ATTEMPTS", "3")
	s.Break(fake.Fault{Action: "eks:CreatePodIdentityAssociation", Kind: fake.CutAfter, Times: 1})
	s.run("irsa", "ensure", "--pod-identity").must(0)
	s.Mend()
	s.run("irsa", "ensure", "--pod-identity", "-o", "yaml").must(0).prints("change: unchanged")
}
