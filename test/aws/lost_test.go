package aws_test

import (
	"testing"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// A call that was done, and whose answer was lost, is made again: nothing may be made twice or left.
func TestAnswersThatAreLost(t *testing.T) {
	s := set(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "3")
	before := s.left()
	for _, action := range []string{"iam:CreateRole", "iam:AttachRolePolicy", "eks:CreateFargateProfile"} {
		s.Break(fake.Fault{Action: action, Kind: fake.CutAfter, Times: 1})
		s.run("fargate", "ensure").must(0)
		s.Mend()
		if got := s.left(); got != "[fp-falcon-system ACTIVE] ["+fargateRole+"] []" {
			t.Errorf("after %s there is %s", action, got)
		}
		s.run("fargate", "delete", "--yes").must(0)
		s.Mend()
	}
	for _, action := range []string{"iam:CreateOpenIDConnectProvider", "iam:CreateRole", "iam:PutRolePolicy"} {
		s.Break(fake.Fault{Action: action, Kind: fake.CutAfter, Times: 1})
		s.run("irsa", "ensure").must(0)
		s.Mend()
		for _, one := range []string{"iam:DeleteRolePolicy", "iam:DeleteRole", "iam:DeleteOpenIDConnectProvider"} {
			s.Break(fake.Fault{Action: one, Kind: fake.CutAfter, Times: 1})
		}
		s.run("irsa", "delete", "--yes").must(0)
		s.Mend()
	}
	for _, action := range []string{"eks:DeleteFargateProfile", "iam:DetachRolePolicy", "iam:DeleteRole"} {
		s.run("fargate", "ensure").must(0)
		s.Break(fake.Fault{Action: action, Kind: fake.CutAfter, Times: 1})
		s.run("fargate", "delete", "--yes").must(0)
		s.Mend()
	}
	if after := s.left(); after != before {
		t.Errorf("before there was %s, after %s", before, after)
	}
}
