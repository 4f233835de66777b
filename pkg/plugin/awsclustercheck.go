package plugin

import (
	"context"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/fit"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/kubeconfig"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newClusterCheck(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check [NAME]",
		Short: "Say whether an EKS cluster can run the sensor; changes nothing",
		Long: "Say whether an EKS cluster can run the sensor on Fargate: its state and version,\n" +
			"whether Fargate profiles take the injector and CoreDNS, whether CoreDNS runs,\n" +
			"private subnets with a way to the Falcon cloud, free addresses, the API server's\n" +
			"endpoint, and the OIDC provider. Each with what to do about it. Without NAME it\n" +
			"is the cluster of the kubeconfig's context. One that is in no kubeconfig is\n" +
			"looked into with a token of its own.\n\n" +
			"The exit code is 1 if something is wrong, and 0 otherwise.",
		Args: oneCluster(true),
	}
	f := clusterFlagsOf(cmd, "cluster check")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) > 0 {
			f.cluster = args[0]
		}
		return s.clusterCheck(cmd.Context(), f)
	}
	return cmd
}

func (s *session) clusterCheck(ctx context.Context, f *eksFlags) error {
	account, owner, err := s.eksSession(ctx, f)
	if err != nil {
		return err
	}
	profiles := fargate.Account{EKS: account.EKS(), Region: account.Region, Owner: owner, Explain: account.Explain}
	source := fit.Source{EKS: account.EKS(), IAM: account.IAM(), Network: account.EC2(), Region: account.Region, Explain: account.Explain,
		Profiles: profiles.List, Inside: func(ctx context.Context, c *types.Cluster) (*fit.Inside, error) { return s.lookInside(ctx, account, c) }}
	snapshot, err := source.Collect(ctx, f.cluster)
	if err != nil {
		return err
	}
	report := fit.Judge(snapshot, time.Now())
	if *f.format != term.Table {
		err = term.Structured(s.Out, *f.format, report)
	} else {
		err = s.printFit(report)
	}
	if err == nil && report.Verdict == fit.Fail {
		return exitWith{code: ExitFailed}
	}
	return err
}

// lookInside asks Kubernetes: through the kubeconfig if its context is the cluster's, else with a token.
func (s *session) lookInside(ctx context.Context, account *aws.Session, c *types.Cluster) (*fit.Inside, error) {
	if place := s.clusterPlace(); place.Cluster == sdk.ToString(c.Name) && place.Region == account.Region {
		connected, err := s.cluster()
		if err != nil {
			return nil, err
		}
		in, err := fit.Look(ctx, connected.Client)
		return in, kube.Explain(err, connected)
	}
	token, err := kubeconfig.NewToken(ctx, account.Config.Credentials, account.Region, sdk.ToString(c.Name), time.Now())
	if err != nil {
		return nil, account.Explain(ctx, "make a token", err)
	}
	client, err := fit.Connect(sdk.ToString(c.Endpoint), authority(c), token.Text, userAgent())
	if err != nil {
		return nil, err
	}
	in, err := fit.Look(ctx, client)
	return in, kube.Explain(err, nil)
}

func (s *session) printFit(r *fit.Report) error {
	rows := [][]string{}
	for _, f := range r.Findings {
		rows = append(rows, []string{f.Check, string(f.Verdict), f.Reason})
	}
	if err := term.Rows(s.Out, []string{"CHECK", "VERDICT", "REASON"}, rows); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if f.Next != "" {
			s.remark("%s:\n  next: %s", f.Check, f.Next)
		}
	}
	switch wrong, doubtful, unknown := r.Count(fit.Fail), r.Count(fit.Warning), r.Count(fit.Unknown); {
	case wrong > 0:
		s.remark("the cluster %s cannot run the sensor as it is: %s", r.Cluster, count(wrong, "fault"))
	case unknown > 0:
		s.remark("nothing is known to stand against the sensor on %s, but %s could not be made", r.Cluster, count(unknown, "check"))
	case doubtful > 0:
		s.remark("the cluster %s can run the sensor, with %s", r.Cluster, count(doubtful, "warning"))
	default:
		s.remark("the cluster %s can run the sensor", r.Cluster)
	}
	return nil
}
