package plugin

import (
	"cmp"
	"context"
	"errors"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify/cloud"
)

// cloudFlags are what a look at the AWS account of a cluster can be told.
type cloudFlags struct {
	*awsFlags
	cluster string
}

// add adds them to a command. wanted is whether to look at all.
func (f *cloudFlags) add(cmd *cobra.Command, wanted *bool) {
	cmd.Flags().BoolVar(wanted, "aws", false, "also look at the AWS account of an EKS cluster: Fargate profiles, ECR, roles")
	f.awsFlags = awsFlagsOf(cmd, "verify")
	for _, name := range []string{"region", "profile"} {
		flag := cmd.Flags().Lookup(name)
		flag.Usage = "for --aws: " + flag.Usage
	}
	cmd.Flags().StringVar(&f.cluster, "eks-cluster", "", "for --aws: the `NAME` of the cluster in EKS, if the kubeconfig does not say it")
}

// check refuses flags that cannot be meant, and a region or a profile that is not there.
func (f *cloudFlags) check(cmd *cobra.Command, wanted, watch, many bool) error {
	for _, name := range []string{"region", "profile", "eks-cluster"} {
		if cmd.Flags().Changed(name) && !wanted {
			return problem.New(problem.BadInput, "add --aws, or leave it out", "--%s is for --aws", name)
		}
	}
	switch {
	case wanted && watch:
		return problem.New(problem.BadInput, "look at AWS without --watch", "--watch asks again and again, which AWS limits")
	case f.cluster != "" && many:
		return problem.New(problem.BadInput, "leave it out, or look at one cluster", "--eks-cluster names one cluster, and there are several")
	case f.region == "" && f.profile == "":
		return nil
	}
	// The cluster may say the region, which is not known here: any is good for seeing whether there is the profile.
	_, err := f.session(cmd.Context(), cmp.Or(f.region, "us-east-1"))
	if told, ok := errors.AsType[*problem.Error](err); ok && told.Kind() == problem.BadInput {
		return err
	}
	return nil
}

// session is the account in a region.
func (f *cloudFlags) session(ctx context.Context, region string) (*aws.Session, error) {
	return aws.Load(ctx, aws.Settings{Region: region, Profile: f.profile, Command: f.command, Agent: userAgent()})
}

// look is what looks at the account of a cluster.
func (f *cloudFlags) look(place aws.Place) verify.AskAWS {
	if f.cluster != "" && f.cluster != place.Cluster {
		// What the kubeconfig says is then of another cluster.
		place = aws.Place{Cluster: f.cluster, Region: place.Region}
	}
	if f.region != "" {
		place.Region = f.region
	}
	return cloud.Account{Place: place, Connect: f.session}.Look
}
