package plugin

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/ecr"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
)

func newDown(s *session) *cobra.Command {
	f := &upFlags{inject: newInstallFlags()}
	keep := keeps{}
	cmd := &cobra.Command{
		Use:   "down",
		Short: "Take away what up made, the injector first",
		Long: "Take away what kubectl falcon up made, in an order in which no pod is refused:\n" +
			"the demo, the injector, then its IAM role, the Fargate profiles, the cluster and\n" +
			"the repository with its images. What others made stays, and is named. It shows a\n" +
			"plan and asks.\n\n" +
			"Pods that carry the sensor keep it until they are restarted; it says which.",
		Args: arguments(),
	}
	f.eks = eksFlagsOf(cmd, "down")
	flags := cmd.Flags()
	flags.StringVar(&f.repository, "repository", defaultRepository, "the `NAME` of the repository in ECR")
	flags.BoolVar(&keep.cluster, "keep-cluster", false, "leave the cluster, also if up made it")
	flags.BoolVar(&keep.repository, "keep-repository", false, "leave the repository and its images")
	flags.BoolVar(&f.plan, "plan", false, "only show what would be taken away")
	flags.BoolVarP(&f.eks.yes, "yes", "y", false, "do not ask before it begins")
	timeoutFlag(cmd, &f.inject.how.Timeout, "how long to wait for each thing to be gone")
	cmd.PreRunE = func(*cobra.Command, []string) error { return ecr.CheckName(f.repository) }
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.down(cmd.Context(), f, keep) }
	return cmd
}

// down shows the plan, asks and does it.
func (s *session) down(ctx context.Context, f *upFlags, keep keeps) error {
	u, err := s.undertake(ctx, f)
	if err != nil {
		return err
	}
	stages := u.downStages(keep)
	planned, takes, err := stage.Plan(ctx, stages)
	if shown := s.showPlan(f, planned, takes); shown != nil || err != nil || f.plan {
		return errors.Join(shown, err)
	}
	if left := leftToDo(planned); left != "" {
		if yes, err := s.agree(ctx, f.eks, "what stands under "+left); err != nil || !yes {
			return err
		}
	}
	s.resumes = true
	outcomes, err := u.run(ctx, stages)
	return s.summariseDown(f, u, outcomes, err)
}

// keeps is what down leaves although up made it.
type keeps struct{ cluster, repository bool }

func (u *undertaking) downStages(keep keeps) []stage.Stage {
	all := []stage.Stage{u.demoGone(), u.injectorGone(), u.roleGone(), u.profilesGone(), u.clusterGoneStage(keep.cluster),
		u.repositoryGone(keep.repository)}
	all[1].Needs = []string{"demo"}
	all[2].Needs, all[3].Needs = []string{"injector"}, []string{"injector"}
	all[4].Needs, all[5].Needs = []string{"role", "fargate profile"}, []string{"injector"}
	return all
}

// inside is the cluster, or nil if AWS says that there is none any more.
func (u *undertaking) inside(ctx context.Context) (*kube.Cluster, error) {
	_, err := u.account.EKS().DescribeCluster(ctx, &eks.DescribeClusterInput{Name: sdk.String(u.f.eks.cluster)})
	if aws.Code(err) == "ResourceNotFoundException" {
		return nil, nil
	}
	if err != nil {
		return nil, u.account.Explain(ctx, "look at the cluster "+u.f.eks.cluster, err)
	}
	return u.s.cluster()
}

// clusterGone is what is seen of everything in a cluster that is not there.
var clusterGone = stage.Seen{Done: true, What: "the cluster is gone"}

func (u *undertaking) demoGone() stage.Stage {
	where := func(c *kube.Cluster) demo.Where {
		return demo.Where{Otherwise: []string{demo.Namespace, c.Namespace}}
	}
	return stage.Stage{Name: "demo", Takes: 10 * time.Second, Will: "remove the demo",
		Look: func(ctx context.Context) (stage.Seen, error) {
			c, err := u.inside(ctx)
			if err != nil || c == nil {
				return clusterGone, err
			}
			there, _, err := demo.List(ctx, c, where(c), time.Now())
			if err != nil || len(there) == 0 {
				return stage.Seen{Done: true, What: "there is none"}, err
			}
			return stage.Seen{What: fmt.Sprintf("remove %d scenarios", len(there))}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			c, err := u.s.cluster()
			if err != nil {
				return "", err
			}
			_, err = demo.Clean(ctx, c, where(c), func(o kube.Object) { tell(kube.Describe(o) + " deleted") })
			return "removed", err
		}}
}

func (u *undertaking) injectorGone() stage.Stage {
	how := inject.Removal{Timeout: u.f.inject.how.Timeout}
	return stage.Stage{Name: "injector", Takes: 20 * time.Second, Will: "uninstall the injector",
		Look: func(ctx context.Context) (stage.Seen, error) {
			c, err := u.inside(ctx)
			if err != nil || c == nil {
				return clusterGone, err
			}
			objects, dry := 0, how
			dry.DryRun = true
			if _, err := inject.Uninstall(ctx, c, dry, func(e inject.Event) {
				if e.Change != "" {
					objects++
				}
				u.leaveKept(e)
			}); err != nil {
				return stage.Seen{}, err
			}
			if objects == 0 {
				left, err := inject.Left(ctx, c)
				if err != nil {
					return stage.Seen{}, err
				}
				u.leaveInside(left)
				return stage.Seen{Done: true, What: "there is none of ours"}, nil
			}
			return stage.Seen{What: fmt.Sprintf("remove %d objects, the webhook first", objects)}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			c, err := u.s.cluster()
			if err != nil {
				return "", err
			}
			left, err := inject.Uninstall(ctx, c, how, func(e inject.Event) {
				u.leaveKept(e)
				tell(injectText(e))
			})
			if err != nil {
				return "", err
			}
			u.leaveInside(left)
			return "uninstalled", nil
		}}
}

// yesTo agrees to all: it was asked before.
func yesTo[T any](T) (bool, error) { return true, nil }

func (u *undertaking) roleGone() stage.Stage {
	remove := func(ctx context.Context, tell func(string), dry bool) (*irsa.Removed, error) {
		return u.roles(tell).Delete(ctx, u.binding(), dry, yesTo)
	}
	return stage.Stage{Name: "role", Takes: 3 * time.Second, Will: "delete the injector's IAM role",
		Look: func(ctx context.Context) (stage.Seen, error) {
			done, err := remove(ctx, nil, true)
			if err == nil && done.Kept != "" {
				u.leave("OIDC provider of "+u.f.eks.cluster, done.Kept, "")
			}
			return u.goneSeen(err, "role/"+irsa.RoleName(u.f.eks.cluster, u.account.Region), func() (int, string) {
				return len(done.Plan), "the injector's role and its OIDC provider"
			})
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			done, err := remove(ctx, tell, false)
			if err != nil {
				return "", err
			}
			if done.Kept != "" {
				u.leave("OIDC provider of "+u.f.eks.cluster, done.Kept, "")
			}
			return "deleted", nil
		}}
}

func (u *undertaking) profilesGone() stage.Stage {
	unwanted := fargate.Unwanted{Cluster: u.f.eks.cluster, Timeout: profileTimeout, Agree: yesTo[fargate.Doomed]}
	return stage.Stage{Name: "fargate profile", Takes: 2 * time.Minute, Will: "delete the Fargate profiles of ours",
		Look: func(ctx context.Context) (stage.Seen, error) {
			dry := unwanted
			dry.DryRun = true
			done, err := u.profiles(nil).Delete(ctx, dry)
			if err == nil {
				err = u.leaveProfiles(ctx)
			}
			return u.goneSeen(err, "", func() (int, string) { return len(done.Plan), "the Fargate profiles of ours, and their role" })
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			done, err := u.profiles(tell).Delete(ctx, unwanted)
			if err != nil {
				return "", err
			}
			return "deleted: " + strings.Join(done.Profiles, ", "), nil
		}}
}

// leaveProfiles takes down those of others that take the injector's pods: what else the cluster has is its own.
func (u *undertaking) leaveProfiles(ctx context.Context) error {
	all, err := u.profiles(nil).List(ctx, u.f.eks.cluster)
	for n := range all {
		injectors := func(s fargate.Selector) bool { return s.Matches(manifest.Namespace, nil) }
		if !all[n].Owned && slices.ContainsFunc(all[n].Selectors, injectors) {
			u.leave("fargateprofile/"+all[n].Name, others, "")
		}
	}
	return err
}

// goneSeen is what is seen of something in AWS that belongs to the cluster. look gives the number of calls
// that its removal takes, and what goes; object is what somebody else may have made.
func (u *undertaking) goneSeen(err error, object string, look func() (int, string)) (stage.Seen, error) {
	if aws.Code(err) == "ResourceNotFoundException" {
		return clusterGone, nil
	}
	if errors.Is(err, irsa.ErrForeign) {
		u.leave(object, others, "")
		return stage.Seen{Done: true, What: "left: " + others}, nil
	}
	if err != nil {
		return stage.Seen{}, err
	}
	calls, what := look()
	if calls == 0 {
		return stage.Seen{Done: true, What: "there is none of ours"}, nil
	}
	return stage.Seen{What: planText(calls, "delete "+what)}, nil
}

func (u *undertaking) repositoryGone(keep bool) stage.Stage {
	return stage.Stage{Name: "repository", Takes: time.Second, Will: "delete the repository " + u.f.repository,
		Look: func(ctx context.Context) (stage.Seen, error) {
			r, err := u.registry(nil).PlanRemoval(ctx, u.f.repository, true)
			switch {
			case err != nil:
				return stage.Seen{}, err
			case r.Repository == nil:
				return stage.Seen{Done: true, What: "there is none"}, nil
			case keep || !r.Repository.Owned:
				why := others
				if keep {
					why = "--keep-repository was given"
				}
				u.leave("repository/"+u.f.repository, why, "")
				return stage.Seen{Done: true, What: "left: " + why}, nil
			}
			return stage.Seen{What: "delete " + r.What()}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			client := u.registry(tell)
			r, err := client.PlanRemoval(ctx, u.f.repository, true)
			if err != nil {
				return "", err
			}
			return "deleted", client.Remove(ctx, r)
		}}
}
