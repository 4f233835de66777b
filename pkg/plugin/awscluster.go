package plugin

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// eksFlags are those of every command that is about an EKS cluster.
type eksFlags struct {
	*awsFlags
	cluster string
	dryRun  string
	yes     bool
	format  *term.Format
}

// eksFlagsOf adds them to a command, which is called command below `aws`. --cluster is the name that EKS has for
// the cluster, in place of kubectl's flag of that name, which chooses one in the kubeconfig.
func eksFlagsOf(cmd *cobra.Command, command string) *eksFlags {
	f := &eksFlags{awsFlags: awsFlagsOf(cmd, command), dryRun: dryRunNone}
	cmd.Flags().StringVar(&f.cluster, "cluster", "", "the `NAME` of the EKS cluster, in place of the kubeconfig's")
	f.format = formatFlag(cmd)
	return f
}

// changes adds the flags of a command that changes something; asks says whether it asks before it begins.
func (f *eksFlags) changes(cmd *cobra.Command, asks bool) {
	cmd.Flags().Var(text[string]{to: &f.dryRun, words: []string{dryRunNone, dryRunClient}}, "dry-run", "only say what would be called in AWS")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = dryRunClient
	if asks {
		cmd.Flags().BoolVarP(&f.yes, "yes", "y", false, "do not ask before it begins")
	}
}

func (f *eksFlags) dry() bool { return f.dryRun != dryRunNone }

// eksSession finds the cluster and the account. owner is the account that the kubeconfig says the cluster is in,
// or nothing.
func (s *session) eksSession(ctx context.Context, f *eksFlags) (account *aws.Session, owner string, err error) {
	place := s.clusterPlace()
	if f.cluster == "" {
		f.cluster = place.Cluster
	}
	if f.cluster == "" {
		return nil, "", problem.New(problem.BadInput, "name it with --cluster, or choose its context with --context",
			"no EKS cluster is named, and the kubeconfig's context does not say one")
	}
	if f.cluster == place.Cluster {
		owner = place.Account
		// A region that is set for other work must not make it another cluster of the same name.
		if f.region == "" {
			f.region = place.Region
		}
	}
	account, err = s.awsSession(ctx, f.awsFlags)
	return account, owner, err
}

// agree asks before something is deleted, unless --yes was given.
func (s *session) agree(ctx context.Context, f *eksFlags, what string) (bool, error) {
	if f.yes {
		return true, nil
	}
	if !term.Interactive(s.Streams) {
		return false, problem.New(problem.BadInput, "add --yes; --dry-run says what would be deleted", "%s would be deleted, and there is no terminal to ask on", what)
	}
	yes, err := s.ask(ctx, "delete "+what+" now?")
	if err == nil && !yes {
		return false, problem.New(problem.Failed, "", "nothing was deleted: you did not say yes")
	}
	return yes, err
}

// profileTimeout is how long the work on profiles may take: each takes EKS one to two minutes, and what others
// do in the cluster comes first.
const profileTimeout = 20 * time.Minute
