package irsa

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
)

// EKS is what is used of the Kubernetes service.
type EKS interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
	Associations
}

// Providers are what is used of the identity service for OIDC providers.
type Providers interface {
	GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error)
	CreateOpenIDConnectProvider(context.Context, *iam.CreateOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.CreateOpenIDConnectProviderOutput, error)
	AddClientIDToOpenIDConnectProvider(context.Context, *iam.AddClientIDToOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.AddClientIDToOpenIDConnectProviderOutput, error)
	DeleteOpenIDConnectProvider(context.Context, *iam.DeleteOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.DeleteOpenIDConnectProviderOutput, error)
}

// Roles are what is used of the identity service for roles and their policies.
type Roles interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	ListRoles(context.Context, *iam.ListRolesInput, ...func(*iam.Options)) (*iam.ListRolesOutput, error)
	CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	UpdateAssumeRolePolicy(context.Context, *iam.UpdateAssumeRolePolicyInput, ...func(*iam.Options)) (*iam.UpdateAssumeRolePolicyOutput, error)
	DeleteRole(context.Context, *iam.DeleteRoleInput, ...func(*iam.Options)) (*iam.DeleteRoleOutput, error)
	ListRolePolicies(context.Context, *iam.ListRolePoliciesInput, ...func(*iam.Options)) (*iam.ListRolePoliciesOutput, error)
	GetRolePolicy(context.Context, *iam.GetRolePolicyInput, ...func(*iam.Options)) (*iam.GetRolePolicyOutput, error)
	PutRolePolicy(context.Context, *iam.PutRolePolicyInput, ...func(*iam.Options)) (*iam.PutRolePolicyOutput, error)
	DeleteRolePolicy(context.Context, *iam.DeleteRolePolicyInput, ...func(*iam.Options)) (*iam.DeleteRolePolicyOutput, error)
	ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error)
	DetachRolePolicy(context.Context, *iam.DetachRolePolicyInput, ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error)
	GetPolicy(context.Context, *iam.GetPolicyInput, ...func(*iam.Options)) (*iam.GetPolicyOutput, error)
	GetPolicyVersion(context.Context, *iam.GetPolicyVersionInput, ...func(*iam.Options)) (*iam.GetPolicyVersionOutput, error)
}

// IAM is what is used of the identity service.
type IAM interface {
	Providers
	Roles
}

// Account is where the cluster and the role are, and how to get at it.
type Account struct {
	EKS EKS
	IAM IAM
	// Profiles lists the Fargate profiles of a cluster, where EKS Pod Identity does not work.
	Profiles func(ctx context.Context, cluster string) ([]fargate.Profile, error)
	// Region is the cluster's.
	Region string
	// Owner, if set, is the account that the cluster must be in.
	Owner string
	// Explain makes an error for users of one of a call.
	Explain func(ctx context.Context, doing string, err error) error
	// Tags are put on what is made.
	Tags map[string]string
	// Report, if set, gets what happens.
	Report aws.Reporter
	// Clock is what waiting goes by; without one it is the machine's.
	Clock poll.Clock
}

func (a *Account) report(e aws.Event) {
	if a.Report != nil {
		a.Report(e)
	}
}

// Binding is which ServiceAccount gets which role.
type Binding struct {
	Cluster string
	// Namespace and Name are the ServiceAccount's.
	Namespace, Name string
	// Role is the role's name; empty, it is ours for the cluster.
	Role string
	// Repositories are those whose images are read, by name, in the cluster's account and region, or by ARN; empty,
	// they are all of the account.
	Repositories []string
	// PodIdentity has the role given by EKS Pod Identity, which needs no OIDC provider and no annotation.
	PodIdentity bool
}

// subject is how the cluster's tokens call the ServiceAccount.
func (b *Binding) subject() string { return "system:serviceaccount:" + b.Namespace + ":" + b.Name }
