package cluster

import (
	"context"
	"fmt"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// eksctlTag is what eksctl puts on clusters that it makes (eksctl-io/eksctl, pkg/apis, ClusterNameTag).
const eksctlTag = "alpha.eksctl.io/cluster-name"

// Unwanted is what Delete is to remove.
type Unwanted struct {
	Name string
	// DryRun changes nothing and says what would be called.
	DryRun  bool
	Timeout time.Duration
	// Agree is asked before anything is removed; a no ends it without an error.
	Agree func(Doomed) (bool, error)
	// Profiles removes Fargate profiles, one after the other, and then the role of ours that none has any more.
	// There may be no profile left.
	Profiles func(ctx context.Context, cluster string, names []string) error
}

// Doomed is what will be removed.
type Doomed struct {
	Cluster string `json:"cluster"`
	ARN     string `json:"arn,omitempty"`
	// Absent says that there is no cluster, so that only what a failed creation has left may go.
	Absent bool `json:"absent"`
	// Owned says that kubectl falcon made it, ByEksctl that eksctl did, so that its network goes with it.
	Owned    bool     `json:"owned"`
	ByEksctl bool     `json:"byEksctl"`
	Profiles []string `json:"fargateProfiles"`
}

// Removed is what Delete led to.
type Removed struct {
	Doomed
	// Change is deleted, or unchanged if there was nothing or nobody agreed.
	Change aws.Change `json:"change"`
	// Plan are the calls of a dry run.
	Plan []aws.Step `json:"plan,omitempty"`
}

// Delete removes a cluster: its Fargate profiles one by one, then all that eksctl made for it.
func (a *Account) Delete(ctx context.Context, u Unwanted) (*Removed, error) {
	if err := CheckName(u.Name); err != nil {
		return nil, err
	}
	there, err := a.Describe(ctx, u.Name)
	if err != nil {
		return nil, err
	}
	result := &Removed{Doomed: Doomed{Cluster: u.Name, Absent: there == nil, Profiles: []string{}}, Change: aws.Unchanged}
	if there != nil {
		if err := result.describe(ctx, a, there); err != nil {
			return nil, err
		}
	}
	args := a.deletion(&u)
	if u.DryRun {
		for _, name := range result.Profiles {
			result.Plan = append(result.Plan, aws.Step{Action: "eks:DeleteFargateProfile", On: "fargateprofile/" + name})
		}
		result.Plan = append(result.Plan, aws.Step{Action: a.Eksctl.command(args), On: object(u.Name), Why: "with CloudFormation's stacks, so that its network goes too"})
		return result, nil
	}
	if u.Agree != nil {
		if yes, err := u.Agree(result.Doomed); err != nil || !yes {
			return result, err
		}
	}
	// Also without profiles: a run that was stopped after the last of them left their role.
	if there != nil && !going(there) {
		if err := u.Profiles(ctx, u.Name, result.Profiles); err != nil {
			return nil, err
		}
	}
	return result, a.remove(ctx, &u, args, result)
}

// describe fills what is known of a cluster that there is, and refuses one that is protected.
func (r *Removed) describe(ctx context.Context, a *Account, there *types.Cluster) (err error) {
	r.ARN, r.Owned, r.ByEksctl = sdk.ToString(there.Arn), aws.Owned(there.Tags), there.Tags[eksctlTag] != ""
	if sdk.ToBool(there.DeletionProtection) {
		return problem.New(problem.Failed, fmt.Sprintf("if it is to go: aws eks update-cluster-config --name %s --region %s --no-deletion-protection", r.Cluster, a.Region),
			"the cluster %s is protected against deletion", r.Cluster)
	}
	if going(there) {
		return nil
	}
	names, err := a.profileNames(ctx, r.Cluster)
	if err == nil && names != nil {
		r.Profiles = names
	}
	return err
}

// going says of a cluster that it failed or is going: EKS does not let profiles of it be removed.
func going(c *types.Cluster) bool {
	return c.Status == types.ClusterStatusFailed || c.Status == types.ClusterStatusDeleting
}

// deletion is the call of eksctl that waits until the stacks are gone: without that it says nothing of what
// CloudFormation cannot remove.
func (a *Account) deletion(u *Unwanted) []string {
	args := []string{"delete", "cluster", "--name", u.Name, "--region", a.Region, "--wait"}
	args = append(args, a.Eksctl.profileFlag()...)
	if u.Timeout > 0 {
		args = append(args, "--timeout", u.Timeout.String())
	}
	return args
}

func (a *Account) remove(ctx context.Context, u *Unwanted, args []string, result *Removed) error {
	key := object(u.Name)
	said, err := a.Eksctl.run(ctx, args, nil, a.shower(key))
	a.report(aws.Event{Object: key})
	if ctx.Err() != nil {
		a.report(aws.Event{Remark: fmt.Sprintf("what was begun goes on in AWS: CloudFormation's stack %s in %s", stack(u.Name), a.Region)})
		return ctx.Err()
	}
	if err != nil && result.Absent && nothingThere(said) {
		return nil
	}
	if err != nil {
		return a.Eksctl.failure("delete the cluster "+u.Name, u.Name, "cluster delete", said, err,
			"mend that and run it again; CloudFormation's console says more of the stack "+stack(u.Name))
	}
	result.Change = aws.Deleted
	a.report(aws.Event{Object: key, Change: aws.Deleted})
	return nil
}

// nothingThere says whether eksctl ended because there is neither a cluster nor a stack of it.
func nothingThere(said *transcript) bool {
	return said.says(codeNotFound) || said.says("No cluster found") || strings.Contains(said.something, "no cluster resources were found")
}
