package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newClusterDelete(s *session) *cobra.Command {
	u := cluster.Unwanted{}
	eksctl := ""
	cmd := &cobra.Command{
		Use:   "delete NAME",
		Short: "Delete an EKS cluster and all that eksctl made for it",
		Long: "Delete an EKS cluster: its Fargate profiles first, one by one as EKS wants it,\n" +
			"then with eksctl the rest, with the network, the OIDC provider and the roles\n" +
			"that eksctl made, and at last what aws cluster kubeconfig wrote for it.\n\n" +
			"It asks first. A cluster that kubectl falcon did not make goes only if you type\n" +
			"its name, or give --yes. What a creation that failed has left goes too.",
		Args: oneCluster(false),
	}
	cmd.Flags().StringVar(&eksctl, "eksctl", "", "the `FILE` of eksctl, if it is not on the PATH")
	eksctlTimeoutFlag(cmd, &u.Timeout)
	f := clusterFlagsOf(cmd, "cluster delete")
	f.changes(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		u.Name, u.DryRun = args[0], f.dry()
		s.resumes = !u.DryRun
		return s.clusterDelete(cmd.Context(), f, u, eksctl)
	}
	return cmd
}

func (s *session) clusterDelete(ctx context.Context, f *eksFlags, u cluster.Unwanted, eksctl string) error {
	account, err := s.awsSession(ctx, f.awsFlags)
	if err != nil {
		return err
	}
	where, err := s.clusterAccount(account, f, eksctl)
	if err != nil {
		return err
	}
	defer s.endProgress()
	u.Agree = func(d cluster.Doomed) (bool, error) { return s.agreeOnCluster(ctx, f, d) }
	u.Profiles = func(ctx context.Context, name string, profiles []string) error {
		a := fargate.Account{EKS: account.EKS(), IAM: account.IAM(), Network: account.EC2(), Region: account.Region, Explain: account.Explain,
			Report: where.Report}
		_, err := a.Delete(ctx, fargate.Unwanted{Cluster: name, Names: profiles, Timeout: u.Timeout})
		return err
	}
	// The display may have been ended for a question.
	show := where.Report
	where.Report = func(e aws.Event) {
		if s.display == nil {
			show = awsReporter(s.quietProgress())
		}
		show(e)
	}
	done, err := where.Delete(ctx, u)
	s.endProgress()
	if err != nil {
		return err
	}
	if err := s.sayDeleted(f, done); err != nil || u.DryRun {
		return err
	}
	return s.dropEntries(ctx, account, done)
}

func (s *session) sayDeleted(f *eksFlags, done *cluster.Removed) error {
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, done)
	case f.dry():
		return s.printSteps(done.Plan)
	case done.Change == aws.Deleted:
		fmt.Fprintf(s.Out, "cluster/%s deleted\n", done.Cluster)
	case done.Absent:
		s.remark("there is no cluster %s, and nothing is left of one", done.Cluster)
	}
	return nil
}

// dropEntries takes our entries out of the kubeconfig when the cluster is gone.
func (s *session) dropEntries(ctx context.Context, account *aws.Session, done *cluster.Removed) error {
	arn := done.ARN
	if arn == "" {
		who, err := account.Identity(ctx)
		if err != nil {
			return err
		}
		arn = fmt.Sprintf("arn:%s:eks:%s:%s:cluster/%s", who.Partition, account.Region, who.Account, done.Cluster)
	}
	gone, err := s.kubeconfigs().Remove(arn)
	if err != nil {
		return err
	}
	if len(gone.Contexts) > 0 {
		s.remark("removed from the kubeconfig: context %s", strings.Join(gone.Contexts, ", "))
	}
	if gone.Current {
		s.remark("there is no current context now\n  next: kubectl config use-context NAME")
	}
	return nil
}
