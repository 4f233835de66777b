package plugin

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// newAWSCluster is `aws cluster`: the cluster that the sensor is for.
func newAWSCluster(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cluster",
		Short: "Make, check and remove an EKS cluster on Fargate, get into it",
		Long: "Make and remove an EKS cluster on Fargate with an installed eksctl, say whether\n" +
			"a cluster can run the sensor, and get into one without the aws CLI.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newClusterCreate(s), newClusterDelete(s), newClusterKubeconfig(s), newClusterCheck(s), newClusterToken(s))
	return cmd
}

// clusterFlagsOf are the flags of a command that gets the cluster's name as its argument.
func clusterFlagsOf(cmd *cobra.Command, command string) *eksFlags {
	return &eksFlags{awsFlags: awsFlagsOf(cmd, command), dryRun: dryRunNone, format: formatFlag(cmd)}
}

// oneCluster takes the name of one cluster, or none where the kubeconfig may say it.
func oneCluster(optional bool) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 && optional {
			return nil
		}
		if err := arguments("NAME")(cmd, args); err != nil {
			return err
		}
		return cluster.CheckName(args[0])
	}
}

// eksctlTimeout is how long a part of the work of eksctl may take: a control plane takes EKS ten minutes or
// more, and eksctl itself gives up after 25.
const eksctlTimeout = 40 * time.Minute

func eksctlTimeoutFlag(cmd *cobra.Command, target *time.Duration) {
	timeoutFlag(cmd, target, "how long each part may take")
	*target = eksctlTimeout
	cmd.Flags().Lookup("timeout").DefValue = eksctlTimeout.String()
}

// clusterAccount is where clusters are; what happens is shown on stderr until endProgress. eksctl is found
// unless it is not to run.
func (s *session) clusterAccount(account *aws.Session, f *eksFlags, eksctl string) (*cluster.Account, error) {
	made := &cluster.Account{EKS: account.EKS(), IAM: account.IAM(), Region: account.Region, Explain: account.Explain,
		Eksctl: cluster.Eksctl{Env: os.Environ(), Profile: f.profile}}
	if !f.dry() {
		var err error
		if made.Eksctl.File, err = cluster.Find(exec.LookPath, eksctl); err != nil {
			return nil, err
		}
	}
	made.Report = awsReporter(s.quietProgress())
	return made, nil
}

// typed asks for a word on the terminal and says whether it was the one that is wanted.
func (s *session) typed(ctx context.Context, question, want string) (bool, error) {
	got, err := s.line(ctx, question)
	return got == want, err
}

// agreeOnCluster asks before a cluster is deleted: for a yes if it is ours, for its name otherwise.
func (s *session) agreeOnCluster(ctx context.Context, f *eksFlags, d cluster.Doomed) (bool, error) {
	switch {
	case d.Absent:
		return s.agree(ctx, f, "what a failed creation has left of the cluster "+d.Cluster)
	case d.Owned || f.yes:
		return s.agree(ctx, f, "the cluster "+d.ARN+" with all that is in it")
	}
	what := "the cluster " + d.ARN + " was not made by kubectl falcon"
	if !d.ByEksctl {
		what += ", nor by eksctl, so its network stays"
	}
	if !s.interactive() {
		return false, problem.New(problem.BadInput, "if it is to go all the same, add --yes; --dry-run says what would be deleted", "%s, and there is no terminal to ask on", what)
	}
	s.endProgress()
	yes, err := s.typed(ctx, fmt.Sprintf("%s.\nTo delete it with all that is in it, type its name:", what), d.Cluster)
	if err == nil && !yes {
		err = problem.New(problem.Failed, "", "nothing was deleted: you did not type %s", d.Cluster)
	}
	return yes, err
}
