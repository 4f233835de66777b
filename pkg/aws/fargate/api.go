package fargate

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ec2query"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
)

// EKS is what is used of the Kubernetes service.
type EKS interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
	ListFargateProfiles(context.Context, *eks.ListFargateProfilesInput, ...func(*eks.Options)) (*eks.ListFargateProfilesOutput, error)
	DescribeFargateProfile(context.Context, *eks.DescribeFargateProfileInput, ...func(*eks.Options)) (*eks.DescribeFargateProfileOutput, error)
	CreateFargateProfile(context.Context, *eks.CreateFargateProfileInput, ...func(*eks.Options)) (*eks.CreateFargateProfileOutput, error)
	DeleteFargateProfile(context.Context, *eks.DeleteFargateProfileInput, ...func(*eks.Options)) (*eks.DeleteFargateProfileOutput, error)
}

// IAM is what is used of the identity service.
type IAM interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	CreateRole(context.Context, *iam.CreateRoleInput, ...func(*iam.Options)) (*iam.CreateRoleOutput, error)
	DeleteRole(context.Context, *iam.DeleteRoleInput, ...func(*iam.Options)) (*iam.DeleteRoleOutput, error)
	ListAttachedRolePolicies(context.Context, *iam.ListAttachedRolePoliciesInput, ...func(*iam.Options)) (*iam.ListAttachedRolePoliciesOutput, error)
	AttachRolePolicy(context.Context, *iam.AttachRolePolicyInput, ...func(*iam.Options)) (*iam.AttachRolePolicyOutput, error)
	DetachRolePolicy(context.Context, *iam.DetachRolePolicyInput, ...func(*iam.Options)) (*iam.DetachRolePolicyOutput, error)
}

// Network is what is used of EC2.
type Network interface {
	DescribeSubnets(ctx context.Context, ids []string, filters ...ec2query.Filter) ([]ec2query.Subnet, error)
	DescribeRouteTables(ctx context.Context, ids []string, filters ...ec2query.Filter) ([]ec2query.RouteTable, error)
}

// Account is where the profiles are, and how to get at it.
type Account struct {
	EKS     EKS
	IAM     IAM
	Network Network
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

// run is one of the operations on the profiles of a cluster.
type run struct {
	Account
	cluster  *Cluster
	deadline time.Time
	// busy is the profile that was last seen in the making or the going.
	busy string
}

// start begins an operation, which has timeout for all its waits.
func (a *Account) start(timeout time.Duration) *run {
	r := &run{Account: *a}
	if r.Clock == nil {
		r.Clock = poll.System{}
	}
	if r.Report == nil {
		r.Report = func(aws.Event) {}
	}
	r.deadline = r.Clock.Now().Add(timeout)
	return r
}

func (r *run) state(object, text string)   { r.Report(aws.Event{Object: object, State: text}) }
func (r *run) trouble(object, text string) { r.Report(aws.Event{Object: object, Trouble: text}) }
func (r *run) remark(text string)          { r.Report(aws.Event{Remark: text}) }
func (r *run) done(object string, c aws.Change) {
	r.Report(aws.Event{Object: object, Change: c})
}

// object is how a profile is called in reports.
func object(profile string) string { return "fargateprofile/" + profile }
