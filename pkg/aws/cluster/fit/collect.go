package fit

import (
	"context"
	"errors"
	"slices"
	"strings"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// EKS is what is used of the Kubernetes service.
type EKS interface {
	fargate.EKS
	DescribeClusterVersions(context.Context, *eks.DescribeClusterVersionsInput, ...func(*eks.Options)) (*eks.DescribeClusterVersionsOutput, error)
	ListNodegroups(context.Context, *eks.ListNodegroupsInput, ...func(*eks.Options)) (*eks.ListNodegroupsOutput, error)
}

// IAM is what is used of the identity service.
type IAM interface {
	GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error)
}

// Source is where the snapshot comes from.
type Source struct {
	EKS      EKS
	IAM      IAM
	Network  fargate.Network
	Profiles func(ctx context.Context, cluster string) ([]fargate.Profile, error)
	Region   string
	// Explain makes an error for users of one of a call.
	Explain func(ctx context.Context, doing string, err error) error
	// Inside asks Kubernetes.
	Inside func(context.Context, *types.Cluster) (*Inside, error)
	// Parts are those that are asked for; without any it is all.
	Parts []Part
}

// ErrNoCluster is in the error of a cluster that EKS does not have.
var ErrNoCluster = errors.New("there is no EKS cluster")

// Collect asks for everything, or for the parts that are wanted. Only a cluster that cannot be described is an
// error.
func (f *Source) Collect(ctx context.Context, name string) (*Snapshot, error) {
	out, err := f.EKS.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if aws.Code(err) == "ResourceNotFoundException" {
		return nil, problem.New(problem.BadInput, "aws eks list-clusters shows those that there are; choose with --region and --profile",
			"%w %s in %s, or not in this account", ErrNoCluster, name, f.Region)
	}
	if err != nil {
		return nil, f.Explain(ctx, "look up the cluster "+name, err)
	}
	s := &Snapshot{Cluster: described(out.Cluster, f.Region), Unknown: map[Part]error{}}
	for _, part := range []struct {
		name Part
		ask  func(context.Context, *Snapshot) error
	}{
		{PartVersions, f.versions},
		{PartProfiles, f.profiles},
		{PartGroups, f.groups},
		{PartNetwork, f.network},
		{PartProvider, f.provider},
		{PartInside, func(ctx context.Context, s *Snapshot) error {
			if s.Cluster.Status != string(types.ClusterStatusActive) && s.Cluster.Status != string(types.ClusterStatusUpdating) {
				return errors.New("the cluster is " + s.Cluster.Status)
			}
			s.Inside, err = f.Inside(ctx, out.Cluster)
			return err
		}},
	} {
		if len(f.Parts) > 0 && !slices.Contains(f.Parts, part.name) {
			continue
		}
		if err := part.ask(ctx, s); err != nil {
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			s.Unknown[part.name] = err
		}
	}
	return s, nil
}

func described(in *types.Cluster, region string) Cluster {
	c := Cluster{Name: sdk.ToString(in.Name), Region: region, ARN: sdk.ToString(in.Arn), Status: string(in.Status), Version: sdk.ToString(in.Version),
		Endpoint: sdk.ToString(in.Endpoint)}
	if v := in.ResourcesVpcConfig; v != nil {
		c.Group = sdk.ToString(v.ClusterSecurityGroupId)
		c.VPC, c.Subnets, c.Public, c.Private, c.CIDRs = sdk.ToString(v.VpcId), v.SubnetIds, v.EndpointPublicAccess, v.EndpointPrivateAccess, v.PublicAccessCidrs
	}
	if in.Identity != nil && in.Identity.Oidc != nil {
		c.Issuer = sdk.ToString(in.Identity.Oidc.Issuer)
	}
	if in.Health != nil {
		for _, i := range in.Health.Issues {
			c.Issues = append(c.Issues, string(i.Code)+": "+sdk.ToString(i.Message))
		}
	}
	c.AutoMode = in.ComputeConfig != nil && sdk.ToBool(in.ComputeConfig.Enabled)
	return c
}

func (f *Source) versions(ctx context.Context, s *Snapshot) error {
	in := &eks.DescribeClusterVersionsInput{IncludeAll: sdk.Bool(true)}
	for {
		out, err := f.EKS.DescribeClusterVersions(ctx, in)
		if err != nil {
			s.Versions = nil
			return f.Explain(ctx, "ask which versions EKS supports", err)
		}
		for _, v := range out.ClusterVersions {
			s.Versions = append(s.Versions, Version{Version: sdk.ToString(v.ClusterVersion), Status: string(v.VersionStatus),
				StandardEnd: sdk.ToTime(v.EndOfStandardSupportDate), ExtendedEnd: sdk.ToTime(v.EndOfExtendedSupportDate)})
		}
		if in.NextToken = out.NextToken; sdk.ToString(in.NextToken) == "" {
			return nil
		}
	}
}

func (f *Source) profiles(ctx context.Context, s *Snapshot) (err error) {
	s.Profiles, err = f.Profiles(ctx, s.Cluster.Name)
	return err
}

func (f *Source) groups(ctx context.Context, s *Snapshot) error {
	groups := []string{}
	in := &eks.ListNodegroupsInput{ClusterName: &s.Cluster.Name}
	for {
		out, err := f.EKS.ListNodegroups(ctx, in)
		if err != nil {
			return f.Explain(ctx, "list the node groups of "+s.Cluster.Name, err)
		}
		groups = append(groups, out.Nodegroups...)
		if in.NextToken = out.NextToken; sdk.ToString(in.NextToken) == "" {
			s.Groups = groups
			return nil
		}
	}
}

func (f *Source) network(ctx context.Context, s *Snapshot) error {
	var ids []string
	seen := map[string]bool{}
	for n := range s.Profiles {
		for _, id := range s.Profiles[n].Subnets {
			if !seen[id] {
				seen[id] = true
				ids = append(ids, id)
			}
		}
	}
	if len(ids) == 0 {
		ids = s.Cluster.Subnets
	}
	if len(ids) == 0 {
		s.Subnets = []ec2query.Subnet{}
		return nil
	}
	subnets, err := f.Network.DescribeSubnets(ctx, ids)
	if err != nil {
		return f.Explain(ctx, "look up the subnets of "+s.Cluster.Name, err)
	}
	vpc := s.Cluster.VPC
	if vpc == "" && len(subnets) > 0 {
		vpc = subnets[0].VPC
	}
	if s.Tables, err = f.Network.DescribeRouteTables(ctx, nil, ec2query.Filter{Name: "vpc-id", Values: []string{vpc}}); err != nil {
		return f.Explain(ctx, "look up the route tables of "+vpc, err)
	}
	s.Subnets = subnets
	return nil
}

// provider looks the cluster's OIDC provider up, whose ARN follows from the account and the issuer (IAM user
// guide, "Create an OpenID Connect identity provider").
func (f *Source) provider(ctx context.Context, s *Snapshot) error {
	part := strings.Split(s.Cluster.ARN, ":")
	issuer := strings.TrimPrefix(s.Cluster.Issuer, "https://")
	if issuer == "" || len(part) < 5 {
		s.Provider = sdk.Bool(false)
		return nil
	}
	arn := "arn:" + part[1] + ":iam::" + part[4] + ":oidc-provider/" + issuer
	_, err := f.IAM.GetOpenIDConnectProvider(ctx, &iam.GetOpenIDConnectProviderInput{OpenIDConnectProviderArn: &arn})
	if err != nil && aws.Code(err) != "NoSuchEntity" && aws.Code(err) != "NoSuchEntityException" {
		return f.Explain(ctx, "look up the OIDC provider", err)
	}
	s.Provider = sdk.Bool(err == nil)
	return nil
}
