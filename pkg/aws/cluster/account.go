package cluster

import (
	"context"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// EKS is what is used of the Kubernetes service.
type EKS interface {
	DescribeCluster(context.Context, *eks.DescribeClusterInput, ...func(*eks.Options)) (*eks.DescribeClusterOutput, error)
	ListFargateProfiles(context.Context, *eks.ListFargateProfilesInput, ...func(*eks.Options)) (*eks.ListFargateProfilesOutput, error)
	DescribeFargateProfile(context.Context, *eks.DescribeFargateProfileInput, ...func(*eks.Options)) (*eks.DescribeFargateProfileOutput, error)
	ListAddons(context.Context, *eks.ListAddonsInput, ...func(*eks.Options)) (*eks.ListAddonsOutput, error)
}

// IAM is what is used of the identity service.
type IAM interface {
	GetRole(context.Context, *iam.GetRoleInput, ...func(*iam.Options)) (*iam.GetRoleOutput, error)
	GetOpenIDConnectProvider(context.Context, *iam.GetOpenIDConnectProviderInput, ...func(*iam.Options)) (*iam.GetOpenIDConnectProviderOutput, error)
}

// Account is where clusters are made, and with what.
type Account struct {
	EKS    EKS
	IAM    IAM
	Region string
	// Eksctl makes and removes them.
	Eksctl Eksctl
	// Explain makes an error for users of one of a call.
	Explain func(ctx context.Context, doing string, err error) error
	// Report gets what happens.
	Report aws.Reporter
	// Clock is what waiting goes by; without one it is the machine's.
	Clock poll.Clock
}

func (a *Account) clock() poll.Clock {
	if a.Clock == nil {
		return poll.System{}
	}
	return a.Clock
}

func (a *Account) report(e aws.Event) {
	if a.Report != nil {
		a.Report(e)
	}
}

// object is how a cluster is called in reports.
func object(name string) string { return "cluster/" + name }

// The codes of what is not there.
const (
	codeNotFound = "ResourceNotFoundException"
	codeNoEntity = "NoSuchEntity"
)

// Describe looks a cluster up, which is nil if there is none.
func (a *Account) Describe(ctx context.Context, name string) (*types.Cluster, error) {
	out, err := a.EKS.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
	if aws.Code(err) == codeNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, a.Explain(ctx, "look up the cluster "+name, err)
	}
	return out.Cluster, nil
}

// Existing looks a cluster up that there must be.
func (a *Account) Existing(ctx context.Context, name string) (*types.Cluster, error) {
	c, err := a.Describe(ctx, name)
	if err == nil && c == nil {
		err = problem.New(problem.BadInput, "aws eks list-clusters shows those that there are; choose with --region and --profile",
			"there is no EKS cluster %s in %s, or not in this account", name, a.Region)
	}
	return c, err
}

// awaitActive waits until a cluster in the making is made.
func (a *Account) awaitActive(ctx context.Context, name string, timeout time.Duration) (*types.Cluster, error) {
	var c *types.Cluster
	err := poll.Until(ctx, a.clock(), timeout, func(ctx context.Context) (bool, error) {
		found, err := a.Existing(ctx, name)
		if err != nil {
			return false, err
		}
		switch c = found; c.Status {
		case types.ClusterStatusActive:
			return true, nil
		case types.ClusterStatusCreating, types.ClusterStatusPending, types.ClusterStatusUpdating:
			a.report(aws.Event{Object: object(name), State: string(c.Status) + ", an earlier run began it; EKS takes about ten minutes"})
			return false, nil
		}
		return false, unusable(c)
	})
	switch {
	case err == poll.ErrTimeout:
		return nil, problem.New(problem.TimedOut, "run the same command again: it goes on from there; --timeout gives it longer",
			"the time is over, and the cluster %s is %s", name, c.Status)
	case err != nil:
		return nil, err
	}
	a.report(aws.Event{Object: object(name)})
	return c, nil
}

// unusable is the error of a cluster that comes to nothing.
func unusable(c *types.Cluster) error {
	name := sdk.ToString(c.Name)
	if c.Status == types.ClusterStatusDeleting {
		return problem.New(problem.Failed, "wait until it is gone, then run this again", "the cluster %s is being deleted", name)
	}
	return problem.New(problem.Failed, "remove it: kubectl falcon aws cluster delete "+name, "the cluster %s is %s", name, c.Status)
}
