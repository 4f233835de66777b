package irsa

import (
	"context"
	"slices"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/document"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The codes of EKS and of IAM for something that is not there, and of IAM for something that is.
const (
	codeNotFound = "ResourceNotFoundException"
	codeNoEntity = "NoSuchEntity"
	codeExists   = "EntityAlreadyExists"
)

// provider is an OIDC provider as it is.
type provider struct {
	audiences []string
	owned     bool
}

// role is a role as it is.
type role struct {
	arn   string
	trust document.Document
	// unread is why the trust policy could not be read.
	unread error
	owned  bool
}

func (a *Account) cluster(ctx context.Context, name string) (*cluster, error) {
	out, err := a.EKS.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if aws.Code(err) == codeNotFound {
		return nil, problem.New(problem.BadInput, "aws eks list-clusters shows those that there are; choose with --cluster and --region",
			"there is no EKS cluster %s in %s, or not in this account", name, a.Region)
	}
	if err != nil {
		return nil, a.Explain(ctx, "look up the cluster "+name, err)
	}
	c := &cluster{name: name, arn: sdk.ToString(out.Cluster.Arn)}
	c.auto = out.Cluster.ComputeConfig != nil && sdk.ToBool(out.Cluster.ComputeConfig.Enabled)
	if id := out.Cluster.Identity; id != nil && id.Oidc != nil {
		c.issuer = sdk.ToString(id.Oidc.Issuer)
	}
	if a.Owner != "" && c.part(4) != a.Owner {
		return nil, problem.New(problem.BadInput, "choose other credentials with --profile, or another cluster with --context or --cluster",
			"the kubeconfig's cluster %s is in the account %s, and the credentials are for %s", name, a.Owner, c.part(4))
	}
	return c, nil
}

// provider looks the cluster's OIDC provider up; without one it returns nil.
func (a *Account) provider(ctx context.Context, c *cluster) (*provider, error) {
	out, err := a.IAM.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: sdk.String(c.provider())})
	if aws.Code(err) == codeNoEntity {
		return nil, nil
	}
	if err != nil {
		return nil, a.Explain(ctx, "look up the OIDC provider of "+c.name, err)
	}
	return &provider{audiences: out.ClientIDList, owned: aws.Owned(tagsOf(out.Tags))}, nil
}

func (p *provider) serves() bool { return slices.Contains(p.audiences, audience) }

// role looks a role up; without such a role it returns nil.
func (a *Account) role(ctx context.Context, name string) (*role, error) {
	out, err := a.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if aws.Code(err) == codeNoEntity {
		return nil, nil
	}
	if err != nil {
		return nil, a.Explain(ctx, "look up the role "+name, err)
	}
	r := &role{arn: sdk.ToString(out.Role.Arn), owned: aws.Owned(tagsOf(out.Role.Tags))}
	r.trust, r.unread = document.Parse(sdk.ToString(out.Role.AssumeRolePolicyDocument))
	return r, nil
}

// inline is one of a role's own policies; without it, it returns nil.
func (a *Account) inline(ctx context.Context, role, name string) (*document.Document, error) {
	out, err := a.IAM.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: &role, PolicyName: &name})
	if aws.Code(err) == codeNoEntity {
		return nil, nil
	}
	if err != nil {
		return nil, a.Explain(ctx, "read the policy "+name+" of the role "+role, err)
	}
	d, err := document.Parse(sdk.ToString(out.PolicyDocument))
	if err != nil {
		// What cannot be read is written anew.
		return &document.Document{}, nil
	}
	return &d, nil
}

func tagsOf(tags []types.Tag) map[string]string {
	all := map[string]string{}
	for _, t := range tags {
		all[sdk.ToString(t.Key)] = sdk.ToString(t.Value)
	}
	return all
}

func tagsFor(tags map[string]string) []types.Tag {
	all := make([]types.Tag, 0, len(tags))
	for key, value := range tags {
		all = append(all, types.Tag{Key: sdk.String(key), Value: sdk.String(value)})
	}
	slices.SortFunc(all, func(a, b types.Tag) int {
		if *a.Key < *b.Key {
			return -1
		}
		return 1
	})
	return all
}
