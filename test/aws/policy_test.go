package aws_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/aws"
)

// policies are the commands with what has to be so before and what they are run with, for an action of their
// policy: not every run needs every action.
var policies = map[string]struct {
	// partly says that a run without one right may have done something before it is refused.
	partly  bool
	prepare func(s *stage, action string)
	args    func(action string) []string
}{
	"fargate ensure": {
		true,
		func(s *stage, action string) {
			switch action {
			case "iam:ListAttachedRolePolicies":
				s.run("fargate", "ensure").must(0)
				s.run("fargate", "delete", "--keep-role", "--yes").must(0)
			case "eks:DeleteFargateProfile":
				s.Break(fake.Fault{Action: "eks:CreateFargateProfile", Kind: fake.Late, Times: 1})
				s.run("fargate", "ensure").must(1)
				s.Mend()
			}
		},
		func(action string) []string {
			if action == "eks:DeleteFargateProfile" {
				return []string{"--replace-failed"}
			}
			return nil
		},
	},
	"fargate list":     {false, func(s *stage, _ string) { s.run("fargate", "ensure").must(0) }, nil},
	"fargate coverage": {false, covered, nil},
	"fargate delete":   {true, func(s *stage, _ string) { s.run("fargate", "ensure").must(0) }, func(string) []string { return []string{"--yes"} }},
	"irsa ensure": {
		true,
		func(s *stage, action string) {
			switch action {
			case "iam:AddClientIDToOpenIDConnectProvider":
				s.otherAudience()
			case "iam:UpdateAssumeRolePolicy", "iam:GetRolePolicy":
				s.run("irsa", "ensure", "--service-account", "web/app").must(0)
			case "iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicy", "iam:GetPolicyVersion":
				s.theirs()
			case "eks:UpdatePodIdentityAssociation", "eks:DescribePodIdentityAssociation":
				s.onNodes()
				s.run("irsa", "ensure", "--pod-identity", "--role", "first").must(0)
			case "eks:ListAddons", "eks:ListFargateProfiles", "eks:DescribeFargateProfile", "eks:ListPodIdentityAssociations",
				"eks:CreatePodIdentityAssociation", "eks:TagResource", "iam:PassRole":
				s.onNodes()
			}
		},
		named,
	},
	"irsa check": {
		false,
		func(s *stage, action string) {
			switch {
			case strings.HasPrefix(action, "eks:") && action != "eks:DescribeCluster":
				s.onNodes()
				s.run("irsa", "ensure", "--pod-identity").must(0)
			case named(action) != nil:
				s.theirs()
			default:
				s.run("irsa", "ensure").must(0)
			}
		},
		named,
	},
	"irsa delete": {
		true,
		func(s *stage, action string) {
			if strings.HasSuffix(action, "PodIdentityAssociation") {
				s.onNodes()
				s.run("irsa", "ensure", "--pod-identity").must(0)
				return
			}
			s.run("irsa", "ensure").must(0)
			if action == "iam:DetachRolePolicy" {
				s.attach(irsaRole)
			}
		},
		func(string) []string { return []string{"--yes"} },
	},
}

// named is for what is called for a role that somebody else made.
func named(action string) []string {
	if slices.Contains([]string{"iam:ListRolePolicies", "iam:ListAttachedRolePolicies", "iam:GetPolicy", "iam:GetPolicyVersion"}, action) {
		return []string{"--role", "theirs"}
	}
	if podIdentity(action) {
		return []string{"--pod-identity"}
	}
	return nil
}

// podIdentity says whether an action is called for EKS Pod Identity alone.
func podIdentity(action string) bool {
	return strings.HasPrefix(action, "eks:") && action != "eks:DescribeCluster" || action == "iam:PassRole"
}

// onNodes makes the cluster one with nodes that hand out roles, and a Fargate profile for something else.
func (s *stage) onNodes() {
	s.t.Helper()
	s.must(s.AddAddon(s.t.Context(), "shop", "eks-pod-identity-agent"))
	s.run("fargate", "ensure", "--no-injector", "--namespaces", "web").must(0)
}

func covered(s *stage, _ string) {
	s.run("fargate", "ensure").must(0)
	empty := func(kind string) any {
		return map[string]any{"apiVersion": "v1", "kind": kind, "metadata": map[string]any{}, "items": []any{}}
	}
	s.kubernetes(map[string]any{"/api/v1/namespaces": empty("NamespaceList"), "/api/v1/pods": empty("PodList")})
}

const readOnly = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"

func (s *stage) attach(role string) {
	s.t.Helper()
	_, err := iam.NewFromConfig(s.admin()).AttachRolePolicy(s.t.Context(), &iam.AttachRolePolicyInput{RoleName: &role, PolicyArn: sdk.String(readOnly)})
	if err != nil {
		s.t.Fatal(err)
	}
}

// theirs makes a role as somebody else would: without our tag, and with one of AWS's policies.
func (s *stage) theirs() {
	s.t.Helper()
	s.run("irsa", "ensure", "--role", "theirs").must(0)
	client, role := iam.NewFromConfig(s.admin()), sdk.String("theirs")
	s.attach("theirs")
	_, err := client.DeleteRolePolicy(s.t.Context(), &iam.DeleteRolePolicyInput{RoleName: role, PolicyName: sdk.String("falcon-injector-reads-images")})
	if err == nil {
		_, err = client.UntagRole(s.t.Context(), &iam.UntagRoleInput{RoleName: role, TagKeys: []string{"kubectl-falcon"}})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// otherAudience makes the cluster's OIDC provider as one for others.
func (s *stage) otherAudience() {
	s.t.Helper()
	c, err := eks.NewFromConfig(s.admin()).DescribeCluster(s.t.Context(), &eks.DescribeClusterInput{Name: sdk.String("shop")})
	if err == nil {
		_, err = iam.NewFromConfig(s.admin()).CreateOpenIDConnectProvider(s.t.Context(), &iam.CreateOpenIDConnectProviderInput{
			Url: c.Cluster.Identity.Oidc.Issuer, ClientIDList: []string{"other"}, Tags: []types.Tag{{Key: sdk.String("kubectl-falcon"), Value: sdk.String("owned")}}})
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

// actionsOf are those that a policy allows.
func actionsOf(t *testing.T, text string) (all []string) {
	t.Helper()
	var document struct{ Statement []struct{ Action []string } }
	if err := json.Unmarshal([]byte(text), &document); err != nil {
		t.Fatal(err)
	}
	for _, s := range document.Statement {
		all = append(all, s.Action...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Each command works under the policy that iam-policy prints, and says which action is missing if any one is.
func TestThePoliciesAreLeast(t *testing.T) {
	for _, command := range []string{"fargate ensure", "fargate list", "fargate coverage", "fargate delete", "irsa ensure", "irsa check", "irsa delete"} {
		t.Run(command, func(t *testing.T) {
			s := set(t)
			one := policies[command]
			words := strings.Fields(command)
			text := s.run(append([]string{"iam-policy"}, words...)...).must(0).out
			run := func(action, policy string) outcome {
				if err := s.SetPolicy(policy); err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.SetPolicy() }()
				args := words
				if one.args != nil {
					args = append(args[:len(args):len(args)], one.args(action)...)
				}
				return s.run(args...)
			}
			ready := func(action string) {
				s.clean(action)
				one.prepare(s, action)
			}
			// Actions of the same scene are taken away one after the other, and then it is played with all.
			byScene := map[string][]string{}
			for _, action := range actionsOf(t, text) {
				byScene[sceneOf(command, action)] = append(byScene[sceneOf(command, action)], action)
			}
			for _, actions := range byScene {
				for n, action := range actions {
					if n == 0 || one.partly {
						ready(action)
					}
					without := strings.NewReplacer(`"`+action+`",`, "", `"`+action+`"`, `"none:None"`).Replace(text)
					run(action, without).must(3, action, "kubectl falcon aws iam-policy "+command)
				}
				if actions[0] == "iam:AddClientIDToOpenIDConnectProvider" {
					// moto lacks it.
					continue
				}
				if one.partly {
					ready(actions[0])
				}
				run(actions[0], text).must(0)
			}
		})
	}
}

// sceneOf tells apart the actions for which something else has to be so before.
func sceneOf(command, action string) string {
	special := map[string][]string{
		"fargate ensure": {"iam:ListAttachedRolePolicies", "eks:DeleteFargateProfile", "iam:CreateServiceLinkedRole"},
		"irsa ensure":    {"iam:AddClientIDToOpenIDConnectProvider", "iam:UpdateAssumeRolePolicy", "iam:GetRolePolicy"},
		"irsa delete":    {"iam:DetachRolePolicy"},
	}
	switch {
	case command == "irsa ensure" && strings.HasSuffix(action, "tePodIdentityAssociation") || command == "irsa ensure" && action == "eks:DescribePodIdentityAssociation":
		return action
	case command == "irsa delete" && strings.HasSuffix(action, "PodIdentityAssociation"):
		return "EKS Pod Identity"
	case strings.HasPrefix(command, "irsa") && command != "irsa delete" && podIdentity(action):
		return "EKS Pod Identity"
	case strings.HasPrefix(command, "irsa") && command != "irsa delete" && named(action) != nil:
		return "a role of somebody else"
	case slices.Contains(special[command], action):
		return action
	}
	return ""
}

// clean leaves what set made; only what a command cannot delete needs a new account.
func (s *stage) clean(action string) {
	s.t.Helper()
	if action == "iam:CreateServiceLinkedRole" {
		*s = *set(s.t)
		return
	}
	s.run("fargate", "delete", "--yes").must(0)
	s.run("irsa", "delete", "--yes").must(0)
	for _, name := range []string{"theirs", "first"} {
		if slices.Contains(s.roles(), name) {
			s.run("irsa", "delete", "--role", name, "--yes").must(0)
		}
	}
}
