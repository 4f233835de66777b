package fargate

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Profile is a Fargate profile as it is.
type Profile struct {
	Name string `json:"name"`
	ARN  string `json:"arn"`
	// Status is EKS's: CREATING, ACTIVE, DELETING, CREATE_FAILED or DELETE_FAILED.
	Status    string     `json:"status"`
	Selectors []Selector `json:"selectors"`
	Subnets   []string   `json:"subnets"`
	// Role is the ARN of the pod execution role.
	Role string `json:"podExecutionRole"`
	// Owned says that kubectl falcon made it.
	Owned   bool      `json:"owned"`
	Created time.Time `json:"created,omitzero"`
	// Issues are what EKS says is wrong with it.
	Issues []Issue `json:"issues,omitempty"`
}

// Issue is something that EKS says is wrong.
type Issue struct {
	Code      string   `json:"code"`
	Message   string   `json:"message"`
	Resources []string `json:"resources,omitempty"`
}

// Usable says whether pods can go to the profile, now or soon.
func (p *Profile) Usable() bool {
	return p.Status == string(types.FargateProfileStatusActive) || p.Status == string(types.FargateProfileStatusCreating)
}

// Failed says whether EKS gave up on it.
func (p *Profile) Failed() bool {
	return p.Status == string(types.FargateProfileStatusCreateFailed) || p.Status == string(types.FargateProfileStatusDeleteFailed)
}

// changing says whether EKS is at work on it.
func (p *Profile) changing() bool {
	return p.Status == string(types.FargateProfileStatusCreating) || p.Status == string(types.FargateProfileStatusDeleting)
}

// Why is what EKS says is wrong, in one line.
func (p *Profile) Why() string {
	if len(p.Issues) == 0 {
		return "EKS gives no reason"
	}
	said := make([]string, 0, len(p.Issues))
	for _, i := range p.Issues {
		text := i.Code + ": " + strings.TrimSuffix(i.Message, ".")
		if len(i.Resources) > 0 {
			text += " (" + strings.Join(i.Resources, ", ") + ")"
		}
		said = append(said, text)
	}
	return strings.Join(said, "; ")
}

// covers says whether the profile is for all pods that a selector means.
func (p *Profile) covers(s Selector) bool {
	return slices.ContainsFunc(p.Selectors, func(own Selector) bool { return own.Contains(s) })
}

func fromSDK(in *types.FargateProfile) Profile {
	p := Profile{Name: sdk.ToString(in.FargateProfileName), ARN: sdk.ToString(in.FargateProfileArn), Status: string(in.Status),
		Subnets: in.Subnets, Role: sdk.ToString(in.PodExecutionRoleArn), Owned: aws.Owned(in.Tags), Created: sdk.ToTime(in.CreatedAt)}
	for _, s := range in.Selectors {
		p.Selectors = append(p.Selectors, Selector{Namespace: sdk.ToString(s.Namespace), Labels: s.Labels})
	}
	if in.Health != nil {
		for _, i := range in.Health.Issues {
			p.Issues = append(p.Issues, Issue{Code: string(i.Code), Message: sdk.ToString(i.Message), Resources: i.ResourceIds})
		}
	}
	return p
}

// Cluster is what has to be known of the cluster.
type Cluster struct {
	Name, ARN, Status, VPC string
	Subnets                []string
}

// part is a part of the cluster's ARN, arn:PARTITION:eks:REGION:ACCOUNT:cluster/NAME.
func (c *Cluster) part(n int) string {
	parts := strings.SplitN(c.ARN, ":", 6)
	if n >= len(parts) {
		return ""
	}
	return parts[n]
}

func (c *Cluster) partition() string { return c.part(1) }

// profiles is the ARN of the cluster's profiles whose name begins so.
func (c *Cluster) profiles(name string) string {
	return fmt.Sprintf("arn:%s:eks:%s:%s:fargateprofile/%s/%s", c.partition(), c.part(3), c.part(4), c.Name, name)
}

const codeNotFound = "ResourceNotFoundException"

// describeCluster looks the cluster up.
func (r *run) describeCluster(ctx context.Context, name string) (*Cluster, error) {
	out, err := r.EKS.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if aws.Code(err) == codeNotFound {
		return nil, problem.New(problem.BadInput, "aws eks list-clusters shows those that there are; choose with --cluster and --region",
			"there is no EKS cluster %s in %s, or not in this account", name, r.Region)
	}
	if err != nil {
		return nil, r.Explain(ctx, "look up the cluster "+name, err)
	}
	c := &Cluster{Name: name, ARN: sdk.ToString(out.Cluster.Arn), Status: string(out.Cluster.Status)}
	if v := out.Cluster.ResourcesVpcConfig; v != nil {
		c.VPC, c.Subnets = sdk.ToString(v.VpcId), v.SubnetIds
	}
	if r.Owner != "" && c.part(4) != r.Owner {
		return nil, problem.New(problem.BadInput, "choose other credentials with --profile, or another cluster with --context or --cluster",
			"the kubeconfig's cluster %s is in the account %s, and the credentials are for %s", name, r.Owner, c.part(4))
	}
	return c, nil
}

// describe looks a profile up; without one of that name it returns nil.
func (r *run) describe(ctx context.Context, name string) (*Profile, error) {
	out, err := r.EKS.DescribeFargateProfile(ctx, &eks.DescribeFargateProfileInput{ClusterName: &r.cluster.Name, FargateProfileName: &name})
	if aws.Code(err) == codeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, r.Explain(ctx, "look up the Fargate profile "+name, err)
	}
	p := fromSDK(out.FargateProfile)
	return &p, nil
}

// profiles are all that the cluster has, by name.
func (r *run) profiles(ctx context.Context) ([]Profile, error) {
	all := []Profile{}
	in := &eks.ListFargateProfilesInput{ClusterName: &r.cluster.Name}
	for {
		out, err := r.EKS.ListFargateProfiles(ctx, in)
		if err != nil {
			return nil, r.Explain(ctx, "list the Fargate profiles of "+r.cluster.Name, err)
		}
		for _, name := range out.FargateProfileNames {
			// One that is gone meanwhile is left out.
			p, err := r.describe(ctx, name)
			if err != nil {
				return nil, err
			}
			if p != nil {
				all = append(all, *p)
			}
		}
		if in.NextToken = out.NextToken; sdk.ToString(in.NextToken) == "" {
			break
		}
	}
	slices.SortFunc(all, func(a, b Profile) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// List are the Fargate profiles of a cluster.
func (a *Account) List(ctx context.Context, cluster string) ([]Profile, error) {
	r := a.start(0)
	r.cluster = &Cluster{Name: cluster}
	all, err := r.profiles(ctx)
	if aws.Code(err) == codeNotFound {
		return nil, problem.New(problem.BadInput, "aws eks list-clusters shows those that there are; choose with --cluster and --region",
			"there is no EKS cluster %s in %s, or not in this account", cluster, a.Region)
	}
	return all, err
}
