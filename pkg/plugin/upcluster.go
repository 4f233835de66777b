package plugin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/kubeconfig"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
)

// clusters is where clusters are. eksctl must be there only to make or remove one.
func (u *undertaking) clusters(tell func(string), needed bool) (*cluster.Account, error) {
	a := &cluster.Account{EKS: u.account.EKS(), IAM: u.account.IAM(), Region: u.account.Region, Explain: u.account.Explain,
		Eksctl: cluster.Eksctl{Env: os.Environ(), Profile: u.f.eks.profile}, Report: awsEvents(tell)}
	if tell == nil {
		a.Report = func(aws.Event) {}
	}
	var err error
	if needed {
		a.Eksctl.File, err = cluster.Find(exec.LookPath, "")
	}
	return a, err
}

// creation is the cluster that up makes. Its profiles for applications, and the injector's, are up's own.
func (u *undertaking) creation() (cluster.Creation, error) {
	c := creation{eksFlags: u.f.eks}
	c.Name, c.Timeout = u.f.eks.cluster, eksctlTimeout
	err := c.fill(u.account.Region, aws.PartitionOf(u.account.Region))
	// up has no --dry-run; its plan looks.
	c.DryRun = false
	return c.Creation, err
}

// clusterStage makes the cluster with eksctl, and writes it into the kubeconfig.
func (u *undertaking) clusterStage() stage.Stage {
	return stage.Stage{Name: "cluster", Takes: 18 * time.Minute, Will: "make the cluster " + u.f.eks.cluster,
		Look: func(ctx context.Context) (stage.Seen, error) {
			wanted, err := u.creation()
			if err != nil {
				return stage.Seen{}, err
			}
			wanted.DryRun = true
			where, err := u.clusters(nil, false)
			if err != nil {
				return stage.Seen{}, err
			}
			made, err := where.Create(ctx, wanted)
			switch {
			case err != nil:
				return stage.Seen{}, err
			case len(made.Plan) > 0:
				return stage.Seen{What: "make the cluster " + wanted.Name + " with eksctl"}, nil
			case !u.entered(made.ARN):
				return stage.Seen{What: "write the cluster " + wanted.Name + " into the kubeconfig"}, nil
			}
			return stage.Seen{Done: true, What: made.ARN}, nil
		},
		Make: u.makeCluster}
}

// entered says whether the kubeconfig's context is this cluster.
func (u *undertaking) entered(arn string) bool {
	place := u.s.clusterPlace()
	return arn == fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", aws.PartitionOf(place.Region), place.Region, place.Account, place.Cluster)
}

func (u *undertaking) makeCluster(ctx context.Context, tell func(string)) (string, error) {
	wanted, err := u.creation()
	if err != nil {
		return "", err
	}
	where, err := u.clusters(tell, true)
	if err != nil {
		return "", err
	}
	made, err := where.Create(ctx, wanted)
	if err != nil {
		return "", err
	}
	there, err := where.Existing(ctx, wanted.Name)
	if err != nil {
		return "", err
	}
	e := &entryFlags{}
	written, err := u.s.kubeconfigs().Put(e.entry(u.s, u.f.eks, u.account.Region, there), kubeconfig.How{Current: true})
	if err != nil {
		return "", err
	}
	// What was read of the kubeconfig before does not have it.
	u.s.flags, u.s.connected = u.s.flags.InContext(written.Context), nil
	return made.ARN, nil
}

// clusterGoneStage removes the cluster, if up or aws cluster create made it, and it is not to be kept.
func (u *undertaking) clusterGoneStage(keep bool) stage.Stage {
	name := u.f.eks.cluster
	return stage.Stage{Name: "cluster", Takes: 15 * time.Minute, Will: "delete the cluster " + name,
		Look: func(ctx context.Context) (stage.Seen, error) {
			where, err := u.clusters(nil, false)
			if err != nil {
				return stage.Seen{}, err
			}
			found, err := where.Delete(ctx, cluster.Unwanted{Name: name, DryRun: true})
			switch {
			case err != nil:
				return stage.Seen{}, err
			case found.Absent:
				return stage.Seen{Done: true, What: "there is none"}, nil
			case keep || !found.Owned:
				why := others
				if keep {
					why = "--keep-cluster was given"
				}
				u.leave("cluster/"+name, why, "")
				return stage.Seen{Done: true, What: "left: " + why}, nil
			}
			return stage.Seen{What: "delete the cluster " + name + " with all that eksctl made for it"}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			where, err := u.clusters(tell, true)
			if err != nil {
				return "", err
			}
			done, err := where.Delete(ctx, cluster.Unwanted{Name: name, Timeout: eksctlTimeout,
				Agree: func(d cluster.Doomed) (bool, error) {
					if !d.Owned && !d.Absent {
						return false, problem.New(problem.Failed, "", "the cluster %s is another one than before", name)
					}
					return true, nil
				},
				Profiles: func(ctx context.Context, name string, profiles []string) error {
					_, err := u.profiles(tell).Delete(ctx, fargate.Unwanted{Cluster: name, Names: profiles, Timeout: eksctlTimeout})
					return err
				}})
			if err != nil {
				return "", err
			}
			u.leftWithCluster()
			return "deleted", u.s.dropEntries(ctx, u.account, done)
		}}
}
