package aws_test

import (
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

const (
	irsaRole = "falcon-injector-shop-eu-west-1"
	irsaARN  = "arn:aws:iam::" + fake.Account + ":role/" + irsaRole
)

func TestIRSAFromNothingAndBack(t *testing.T) {
	s := set(t)
	before := s.left()
	s.run("irsa", "ensure", "--dry-run").must(0).prints("iam:CreateOpenIDConnectProvider", "iam:CreateRole", "iam:PutRolePolicy")
	if after := s.left(); after != before {
		t.Errorf("the dry run left %s", after)
	}
	if o := s.run("irsa", "ensure").must(0, "role/"+irsaRole+" created"); o.out != "eks.amazonaws.com/role-arn="+irsaARN+"\n" {
		t.Errorf("it printed %q", o.out)
	}
	s.run("irsa", "ensure", "-o", "yaml").must(0).prints("change: unchanged", "annotation: eks.amazonaws.com/role-arn="+irsaARN)
	s.run("irsa", "ensure", "--repositories", "shop/web").must(0, "role/"+irsaRole+"/falcon-injector-reads-images configured")
	s.run("irsa", "delete").must(2, "there is no terminal to ask on")
	s.run("irsa", "delete", "--dry-run").must(0).prints("iam:DeleteRolePolicy", "iam:DeleteRole", "iam:DeleteOpenIDConnectProvider")
	s.run("irsa", "delete", "--yes").must(0).prints("role/"+irsaRole+" deleted\n", "oidc-provider/")
	if after := s.left(); after != before {
		t.Errorf("before there was %s, after %s", before, after)
	}
	s.run("irsa", "delete", "--yes").must(0, "there is nothing to delete")
}

// A provider that another role needs stays, and so does one that was there before.
func TestIRSALeavesWhatOthersNeed(t *testing.T) {
	s := set(t)
	s.run("irsa", "ensure").must(0)
	s.run("irsa", "ensure", "--role", "other", "--service-account", "web/app").must(0)
	s.run("irsa", "delete", "--yes").must(0, "stays: the role other needs it")
	s.run("irsa", "delete", "--role", "other", "--yes").must(0)
	if got := s.left(); got != "[] [] []" {
		t.Errorf("there is %s", got)
	}
}

func TestIRSACheck(t *testing.T) {
	s := set(t)
	s.run("irsa", "check").must(1, "provider is broken", "role is broken", "next: kubectl falcon aws irsa ensure")
	s.run("irsa", "ensure").must(0)
	// Without the cluster the rest is known all the same.
	s.run("irsa", "check").must(0).prints("policy      ok", "annotation  unknown")
	const base = "/api/v1/namespaces/falcon-system/"
	account := func(annotations map[string]string) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "ServiceAccount", "metadata": map[string]any{"name": "injector", "namespace": "falcon-system", "annotations": annotations}}
	}
	pods := func(role string) map[string]any {
		return map[string]any{"apiVersion": "v1", "kind": "PodList", "metadata": map[string]any{}, "items": []any{map[string]any{"metadata": map[string]any{"name": "injector-1", "namespace": "falcon-system"},
			"spec": map[string]any{"serviceAccountName": "injector", "containers": []any{map[string]any{"name": "injector", "env": []any{map[string]any{"name": "AWS_ROLE_ARN", "value": role}}}}}}}}
	}
	annotated := map[string]string{"eks.amazonaws.com/role-arn": irsaARN}
	s.kubernetes(map[string]any{})
	s.run("irsa", "check").must(1, "annotation is broken").prints("there is no ServiceAccount falcon-system/injector in the cluster")
	s.kubernetes(map[string]any{base + "serviceaccounts/injector": account(nil), base + "pods": pods("")})
	s.run("irsa", "check").must(1, "kubectl falcon install --service-account-annotation eks.amazonaws.com/role-arn="+irsaARN).prints("has no annotation")
	s.kubernetes(map[string]any{base + "serviceaccounts/injector": account(annotated), base + "pods": pods("")})
	s.run("irsa", "check").must(1, "next: kubectl rollout restart -n falcon-system deployment/injector").prints("the pod injector-1 was created with no role")
	s.kubernetes(map[string]any{base + "serviceaccounts/injector": account(annotated), base + "pods": pods(irsaARN)})
	s.run("irsa", "check", "-o", "json").must(0).prints(`"name": "pods"`, `"role": "`+irsaARN+`"`)
	// The role's policy goes.
	_, err := iam.NewFromConfig(s.admin()).DeleteRolePolicy(t.Context(), &iam.DeleteRolePolicyInput{RoleName: sdk.String(irsaRole), PolicyName: sdk.String("falcon-injector-reads-images")})
	if err != nil {
		t.Fatal(err)
	}
	s.run("irsa", "check").must(1, "policy is broken").prints("it lacks ecr:GetAuthorizationToken")
	s.run("irsa", "ensure").must(0)
	s.run("irsa", "check").must(0)
}

func TestIRSAFaults(t *testing.T) {
	for _, fault := range []struct {
		kind fake.Kind
		code int
		says string
	}{
		{fake.AccessDenied, 3, "the right ACTION is missing"},
		{fake.Throttled, 1, "wait a minute"},
		{fake.ExpiredToken, 3, "xpired"},
		{fake.ServerError, 1, "try again later"},
		{fake.Cut, 3, "AWS cannot be reached"},
	} {
		s := set(t)
		for _, action := range []string{"eks:DescribeCluster", "iam:GetOpenIDConnectProvider", "iam:GetRole", "iam:CreateOpenIDConnectProvider", "iam:CreateRole", "iam:PutRolePolicy"} {
			s.Break(fake.Fault{Action: action, Kind: fault.kind})
			s.run("irsa", "ensure").must(fault.code, strings.ReplaceAll(fault.says, "ACTION", action))
			s.Mend()
			// The provider is good by itself, and is what the next run goes on from; a role without its policy is not.
			if roles := s.roles(); len(roles) > 0 {
				t.Errorf("%s of %s left %v", fault.kind, action, roles)
			}
		}
		s.run("irsa", "ensure").must(0)
		s.run("irsa", "delete", "--yes").must(0)
		if got := s.left(); got != "[] [] []" {
			t.Errorf("there is %s", got)
		}
	}
}

func TestIRSARefusesBadInput(t *testing.T) {
	s := set(t)
	before := s.left()
	for says, args := range map[string][]string{
		"cannot be meant":                      {"--service-account", "injector"},
		"is not the name of a role":            {"--role", irsaARN},
		"is not the name of a repository":      {"--repositories", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/web"},
		"there is no EKS cluster absent":       {"--cluster", "absent"},
		`"nowhere" is not the name of an AWS `: {"--region", "nowhere"},
	} {
		s.run(append([]string{"irsa", "ensure"}, args...)...).must(2, says)
	}
	if after := s.left(); after != before {
		t.Errorf("it left %s", after)
	}
}
