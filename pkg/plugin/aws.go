package plugin

import (
	"context"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// newAWS is `aws`: what the sensor needs in an AWS account.
func newAWS(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "aws",
		Short: "Make and remove what the sensor needs in AWS; needs no aws CLI",
		Long: "Make, look at and remove what the sensor needs in an AWS account. It takes the\n" +
			"configuration of all AWS tools (profiles, SSO, roles, AWS_ENDPOINT_URL), and the\n" +
			"region from the kubeconfig's EKS cluster if nothing else says one.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newECR(s), newFargate(s), newIRSA(s), newAWSCluster(s), newAWSPolicy(s))
	return cmd
}

// awsFlags are those of every command that asks AWS.
type awsFlags struct {
	region, profile string
	// command is the one that runs, such as "ecr ensure".
	command string
}

// awsFlagsOf adds --region and --profile to a command, which is called command below `aws`.
func awsFlagsOf(cmd *cobra.Command, command string) *awsFlags {
	f := &awsFlags{command: command}
	cmd.Flags().StringVar(&f.region, "region", "", "the AWS `REGION`, in place of the configuration's")
	cmd.Flags().StringVar(&f.profile, "profile", "", "the `NAME` of a profile in AWS's configuration")
	return f
}

// awsSession finds the account that the flags and AWS's configuration name.
func (s *session) awsSession(ctx context.Context, f *awsFlags) (*aws.Session, error) {
	return aws.Load(ctx, aws.Settings{Region: f.region, Profile: f.profile, Near: s.clusterPlace(), Command: f.command, Agent: userAgent()})
}

// clusterPlace is where the cluster of the kubeconfig's context is. Without a kubeconfig nothing is known,
// which is no error here.
func (s *session) clusterPlace() aws.Place { return placeOf(s.flags) }

// placeOf is where the cluster is that kubectl's flags name.
func placeOf(flags *kube.Flags) aws.Place {
	all, err := flags.Loader().RawConfig()
	if err != nil {
		return aws.Place{}
	}
	k := aws.KubeContext{Context: all.CurrentContext}
	if given := flags.Context; given != nil && *given != "" {
		k.Context = *given
	}
	current := all.Contexts[k.Context]
	if current == nil {
		return aws.Place{}
	}
	k.Cluster = current.Cluster
	if given := flags.ClusterName; given != nil && *given != "" {
		k.Cluster = *given
	}
	if cluster := all.Clusters[k.Cluster]; cluster != nil {
		k.Server = cluster.Server
	}
	if user := all.AuthInfos[current.AuthInfo]; user != nil && user.Exec != nil {
		k.Args = user.Exec.Args
	}
	return aws.Where(k)
}

// reportDeletions has what is deleted told once, as data, unless it is printed in another form at the end.
func (s *session) reportDeletions(f *eksFlags, to *aws.Reporter) {
	if *f.format == term.Table && !f.dry() {
		s.endProgress()
		*to = awsReporter(s.progress())
	}
}

// awsReporter shows the events of what is done in AWS.
func awsReporter(p *term.Progress) aws.Reporter {
	return func(e aws.Event) {
		switch {
		case e.Object == "":
			p.Remark(e.Remark)
		case e.Change != "" && e.Why != "":
			p.Done(e.Object, string(e.Change)+": "+e.Why)
		case e.Change != "":
			p.Done(e.Object, string(e.Change))
		case e.State != "":
			p.State(e.Object, e.State)
		case e.Trouble == "":
			// Whatever was awaited of it has come, or is asked for again.
			p.State(e.Object, "")
			p.Trouble(e.Object, "")
		default:
			p.Trouble(e.Object, e.Trouble)
		}
	}
}
