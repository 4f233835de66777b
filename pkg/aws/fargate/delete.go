package fargate

import (
	"context"
	"fmt"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
)

// Unwanted is what Delete is to remove.
type Unwanted struct {
	Cluster string
	// Names are profiles; without any, all that kubectl falcon made go.
	Names []string
	// KeepRole leaves our pod execution role, which goes with the last profile that has it otherwise.
	KeepRole bool
	// DryRun changes nothing and says what would be called.
	DryRun bool
	// Timeout is how long everything may take.
	Timeout time.Duration
	// Agree is asked before anything is removed; a no ends it without an error.
	Agree func(Doomed) (bool, error)
}

// Doomed is what will be removed.
type Doomed struct {
	Profiles []Profile `json:"profiles"`
	// Role is the name of the pod execution role that goes too, if any.
	Role string `json:"podExecutionRole,omitempty"`
}

// Removed is what Delete led to.
type Removed struct {
	Cluster string `json:"cluster"`
	// Profiles and Role are those that are gone now because of it.
	Profiles []string `json:"profiles"`
	Role     string   `json:"podExecutionRole,omitempty"`
	// Absent are names that no profile has.
	Absent []string `json:"absent,omitempty"`
	// Plan are the calls of a dry run.
	Plan []aws.Step `json:"plan,omitempty"`
}

// Delete removes profiles, one after the other, and then the role that nothing needs any more.
func (a *Account) Delete(ctx context.Context, u Unwanted) (*Removed, error) {
	r := a.start(u.Timeout)
	var err error
	if r.cluster, err = r.describeCluster(ctx, u.Cluster); err != nil {
		return nil, err
	}
	there, err := r.profiles(ctx)
	if err != nil {
		return nil, err
	}
	result := &Removed{Cluster: u.Cluster, Profiles: []string{}}
	doomed := Doomed{Profiles: []Profile{}}
	for n := range there {
		if named := slices.Contains(u.Names, there[n].Name); named || len(u.Names) == 0 && there[n].Owned {
			doomed.Profiles = append(doomed.Profiles, there[n])
		}
	}
	for _, name := range u.Names {
		if !slices.ContainsFunc(there, func(p Profile) bool { return p.Name == name }) {
			result.Absent = append(result.Absent, name)
		}
	}
	if !u.KeepRole {
		if doomed.Role, err = r.needlessRole(ctx, there, doomed.Profiles); err != nil {
			return nil, err
		}
	}
	if u.DryRun {
		result.Plan, err = r.removal(ctx, doomed)
		return result, err
	}
	if len(doomed.Profiles) == 0 && doomed.Role == "" {
		return result, nil
	}
	if u.Agree != nil {
		if yes, err := u.Agree(doomed); err != nil || !yes {
			return result, err
		}
	}
	return result, r.removeAll(ctx, doomed, result)
}

func (r *run) removeAll(ctx context.Context, doomed Doomed, result *Removed) error {
	for _, p := range doomed.Profiles {
		if err := r.remove(ctx, p.Name); err != nil {
			return err
		}
		result.Profiles = append(result.Profiles, p.Name)
	}
	if doomed.Role != "" {
		if err := r.removeRole(ctx, doomed.Role); err != nil {
			return err
		}
		r.done("role/"+doomed.Role, aws.Deleted)
		result.Role = doomed.Role
	}
	return nil
}

// removal is what would be called.
func (r *run) removal(ctx context.Context, doomed Doomed) (steps []aws.Step, err error) {
	for _, p := range doomed.Profiles {
		steps = append(steps, aws.Step{Action: "eks:DeleteFargateProfile", On: p.Name, Why: "for " + describe(p.Selectors)})
	}
	if doomed.Role == "" {
		return steps, nil
	}
	policies, err := r.attached(ctx, doomed.Role)
	for range policies {
		steps = append(steps, aws.Step{Action: "iam:DetachRolePolicy", On: doomed.Role})
	}
	return append(steps, aws.Step{Action: "iam:DeleteRole", On: doomed.Role, Why: "no profile has it any more"}), err
}

// needlessRole is our pod execution role if it is there and no profile that stays has it.
func (r *run) needlessRole(ctx context.Context, there, doomed []Profile) (string, error) {
	name := RoleName(r.cluster.Name, r.Region)
	arn := fmt.Sprintf("arn:%s:iam::%s:role/%s", r.cluster.partition(), r.cluster.part(4), name)
	for _, p := range there {
		stays := !slices.ContainsFunc(doomed, func(d Profile) bool { return d.Name == p.Name })
		if stays && p.Role == arn {
			return "", nil
		}
	}
	out, err := r.IAM.GetRole(ctx, &iam.GetRoleInput{RoleName: &name})
	if aws.Code(err) == codeNoEntity {
		return "", nil
	}
	if err != nil {
		return "", r.Explain(ctx, "look up the role "+name, err)
	}
	if !aws.Owned(roleTags(out.Role.Tags)) {
		return "", nil
	}
	return name, nil
}

// remove removes one profile, in its turn, and waits until it is gone.
func (r *run) remove(ctx context.Context, name string) error {
	key := object(name)
	p, err := r.describe(ctx, name)
	if err != nil || p == nil {
		return err
	}
	if p.Status != string(types.FargateProfileStatusDeleting) {
		err := r.inLine(ctx, key, conflicting{
			change: func(ctx context.Context) error {
				_, err := r.EKS.DeleteFargateProfile(ctx, &eks.DeleteFargateProfileInput{ClusterName: &r.cluster.Name, FargateProfileName: sdk.String(name)})
				if aws.Code(err) == codeNotFound {
					return nil
				}
				return r.Explain(ctx, "delete the Fargate profile "+name, err)
			},
			over: func(ctx context.Context) (bool, error) {
				p, err := r.describe(ctx, name)
				return err == nil && (p == nil || p.Status == string(types.FargateProfileStatusDeleting)), err
			},
			propagating: func(error) bool { return false },
		})
		if err != nil {
			return err
		}
	}
	if _, err := r.settled(ctx, name, true); err != nil {
		return err
	}
	r.state(key, "")
	r.done(key, aws.Deleted)
	return nil
}
