package fargate

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
)

// cloud is EKS, IAM and EC2 in memory, on a clock that only sleeping moves.
type cloud struct {
	t        *testing.T
	now      time.Time
	cluster  types.ClusterStatus
	profiles map[string]*entry
	roles    map[string]*iamtypes.Role
	attached map[string][]string
	subnets  []ec2query.Subnet
	tables   []ec2query.RouteTable

	// takes is how long creations and deletions of profiles take.
	takes time.Duration
	// updating is until when the cluster refuses changes, which its status shows if shown.
	updating time.Time
	shown    bool
	// propagation is how long a new role is unknown to EKS.
	propagation time.Duration
	// fails, if set, is how the next creation or deletion of a profile ends.
	fails *types.FargateProfileIssue
	// refuse answers calls, by name, with an error; the count goes down with each.
	refuse map[string]*refusing
	// calls are the changes that were called.
	calls []string
	// events are what was reported.
	events []string
}

type entry struct {
	profile types.FargateProfile
	until   time.Time
	then    types.FargateProfileStatus
	issue   *types.FargateProfileIssue
}

type refusing struct {
	times int
	err   error
}

const account = "123456789012"

func newCloud(t *testing.T) *cloud {
	return &cloud{t: t, now: time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC), cluster: types.ClusterStatusActive, takes: 70 * time.Second,
		profiles: map[string]*entry{}, roles: map[string]*iamtypes.Role{}, attached: map[string][]string{}, refuse: map[string]*refusing{},
		subnets: []ec2query.Subnet{
			{ID: "subnet-pub", VPC: "vpc-1", Zone: "eu-west-1a", FreeIPs: 100},
			{ID: "subnet-b", VPC: "vpc-1", Zone: "eu-west-1b", FreeIPs: 100},
			{ID: "subnet-a", VPC: "vpc-1", Zone: "eu-west-1a", FreeIPs: 100},
		},
		tables: []ec2query.RouteTable{
			{ID: "rtb-pub", VPC: "vpc-1", Associations: []ec2query.Association{{Subnet: "subnet-pub"}},
				Routes: []ec2query.Route{{Destination: "10.0.0.0/16", Gateway: "local"}, {Destination: "0.0.0.0/0", Gateway: "igw-1", State: "active"}}},
			{ID: "rtb-main", VPC: "vpc-1", Associations: []ec2query.Association{{Main: true}},
				Routes: []ec2query.Route{{Destination: "10.0.0.0/16", Gateway: "local"}, {Destination: "0.0.0.0/0", NAT: "nat-1", State: "active"}}},
		}}
}

func (c *cloud) account() *Account {
	session := aws.Session{Region: "eu-west-1", Command: "fargate ensure"}
	return &Account{EKS: c, IAM: c, Network: c, Region: "eu-west-1", Explain: session.Explain, Tags: aws.Tags("1"), Clock: c,
		Report: func(e aws.Event) {
			text := strings.Join(strings.Fields(strings.Join([]string{e.Object, string(e.Change), e.State, e.Trouble, e.Remark}, " ")), " ")
			if !slices.Contains(c.events, text) {
				c.events = append(c.events, text)
			}
		}}
}

func (c *cloud) Now() time.Time { return c.now }

func (c *cloud) Sleep(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	return ctx.Err()
}

func fault(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...)}
}

// called notes a call and refuses it if it is to be.
func (c *cloud) called(name, on string) error {
	c.now = c.now.Add(20 * time.Millisecond)
	if r := c.refuse[name]; r != nil && r.times > 0 {
		r.times--
		return r.err
	}
	if on != "" {
		c.calls = append(c.calls, name+" "+on)
	}
	return nil
}

// settle lets the profiles become what their time has made of them.
func (c *cloud) settle() {
	for name, e := range c.profiles {
		if e.until.IsZero() || c.now.Before(e.until) {
			continue
		}
		if e.then == "" {
			delete(c.profiles, name)
			continue
		}
		e.profile.Status, e.until = e.then, time.Time{}
		if e.issue != nil {
			e.profile.Health = &types.FargateProfileHealth{Issues: []types.FargateProfileIssue{*e.issue}}
		}
	}
}

func (c *cloud) DescribeCluster(_ context.Context, in *eks.DescribeClusterInput, _ ...func(*eks.Options)) (*eks.DescribeClusterOutput, error) {
	if err := c.called("DescribeCluster", ""); err != nil {
		return nil, err
	}
	if *in.Name != "shop" {
		return nil, fault(codeNotFound, "No cluster found for name: %s.", *in.Name)
	}
	status := c.cluster
	if c.shown && c.now.Before(c.updating) {
		status = types.ClusterStatusUpdating
	}
	return &eks.DescribeClusterOutput{Cluster: &types.Cluster{Name: in.Name, Arn: sdk.String("arn:aws:eks:eu-west-1:" + account + ":cluster/shop"), Status: status,
		ResourcesVpcConfig: &types.VpcConfigResponse{VpcId: sdk.String("vpc-1"), SubnetIds: []string{"subnet-pub", "subnet-a", "subnet-b"}}}}, nil
}

func (c *cloud) ListFargateProfiles(context.Context, *eks.ListFargateProfilesInput, ...func(*eks.Options)) (*eks.ListFargateProfilesOutput, error) {
	if err := c.called("ListFargateProfiles", ""); err != nil {
		return nil, err
	}
	c.settle()
	return &eks.ListFargateProfilesOutput{FargateProfileNames: slices.Sorted(maps.Keys(c.profiles))}, nil
}

func (c *cloud) DescribeFargateProfile(_ context.Context, in *eks.DescribeFargateProfileInput, _ ...func(*eks.Options)) (*eks.DescribeFargateProfileOutput, error) {
	if err := c.called("DescribeFargateProfile", ""); err != nil {
		return nil, err
	}
	c.settle()
	e := c.profiles[*in.FargateProfileName]
	if e == nil {
		return nil, fault(codeNotFound, "No Fargate Profile found with name: %s.", *in.FargateProfileName)
	}
	p := e.profile
	return &eks.DescribeFargateProfileOutput{FargateProfile: &p}, nil
}

// conflict is EKS's refusal while something else goes on.
func (c *cloud) conflict(what, name string) error {
	c.settle()
	for _, other := range slices.Sorted(maps.Keys(c.profiles)) {
		if e := c.profiles[other]; !e.until.IsZero() {
			return fault(codeInUse, "Cannot %s Fargate Profile %s because cluster shop currently has Fargate profile %s in status %s", what, name, other, e.profile.Status)
		}
	}
	if c.now.Before(c.updating) {
		return fault(codeInUse, "Cannot %s Fargate Profile %s because cluster shop currently has an update in progress", what, name)
	}
	return nil
}

func (c *cloud) CreateFargateProfile(_ context.Context, in *eks.CreateFargateProfileInput, _ ...func(*eks.Options)) (*eks.CreateFargateProfileOutput, error) {
	if err := c.called("CreateFargateProfile", *in.FargateProfileName); err != nil {
		return nil, err
	}
	if err := c.conflict("create", *in.FargateProfileName); err != nil {
		return nil, err
	}
	if c.profiles[*in.FargateProfileName] != nil {
		return nil, fault(codeInUse, "Fargate Profile already exists with this name: %s", *in.FargateProfileName)
	}
	role := c.roles[RoleName("shop", "eu-west-1")]
	if role != nil && c.now.Before(role.CreateDate.Add(c.propagation)) {
		return nil, fault("InvalidParameterException", "Misconfigured PodExecutionRole Trust Policy; Please add the eks-fargate-pods.amazonaws.com Service Principal")
	}
	e := &entry{until: c.now.Add(c.takes), then: types.FargateProfileStatusActive, profile: types.FargateProfile{FargateProfileName: in.FargateProfileName,
		Status: types.FargateProfileStatusCreating, Selectors: in.Selectors, Subnets: in.Subnets, Tags: in.Tags, PodExecutionRoleArn: in.PodExecutionRoleArn}}
	if c.fails != nil {
		e.issue, c.fails = c.fails, nil
		e.then = types.FargateProfileStatusCreateFailed
	}
	c.profiles[*in.FargateProfileName] = e
	return &eks.CreateFargateProfileOutput{FargateProfile: &e.profile}, nil
}

func (c *cloud) DeleteFargateProfile(_ context.Context, in *eks.DeleteFargateProfileInput, _ ...func(*eks.Options)) (*eks.DeleteFargateProfileOutput, error) {
	if err := c.called("DeleteFargateProfile", *in.FargateProfileName); err != nil {
		return nil, err
	}
	if err := c.conflict("delete", *in.FargateProfileName); err != nil {
		return nil, err
	}
	e := c.profiles[*in.FargateProfileName]
	if e == nil {
		return nil, fault(codeNotFound, "No Fargate Profile found with name: %s.", *in.FargateProfileName)
	}
	e.until, e.then, e.profile.Status = c.now.Add(c.takes), "", types.FargateProfileStatusDeleting
	if c.fails != nil {
		e.issue, c.fails = c.fails, nil
		e.then = types.FargateProfileStatusDeleteFailed
	}
	return &eks.DeleteFargateProfileOutput{FargateProfile: &e.profile}, nil
}

// there puts a profile into the cluster that is active.
func (c *cloud) there(name string, owned bool, selectors ...Selector) *entry {
	e := &entry{profile: types.FargateProfile{FargateProfileName: sdk.String(name), Status: types.FargateProfileStatusActive,
		PodExecutionRoleArn: sdk.String("arn:aws:iam::" + account + ":role/other"), Tags: map[string]string{}}}
	for _, s := range selectors {
		e.profile.Selectors = append(e.profile.Selectors, types.FargateProfileSelector{Namespace: sdk.String(s.Namespace), Labels: s.Labels})
	}
	if owned {
		e.profile.Tags = aws.Tags("1")
	}
	c.profiles[name] = e
	return e
}

func (c *cloud) DescribeSubnets(context.Context, []string, ...ec2query.Filter) ([]ec2query.Subnet, error) {
	return c.subnets, c.called("DescribeSubnets", "")
}

func (c *cloud) DescribeRouteTables(context.Context, []string, ...ec2query.Filter) ([]ec2query.RouteTable, error) {
	return c.tables, c.called("DescribeRouteTables", "")
}
