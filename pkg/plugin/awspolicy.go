package plugin

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	iampolicy "github.com/kubectl-falcon/kubectl-falcon/pkg/aws/policy"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// newAWSPolicy is `aws iam-policy`, which tells whoever gives rights in the account what to give.
func newAWSPolicy(s *session) *cobra.Command {
	n := iampolicy.Names{}
	cmd := &cobra.Command{
		Use:   "iam-policy COMMAND",
		Short: "Print the IAM policy that a command needs; asks AWS nothing",
		Long: "Print the smallest IAM policy with which a command works with all its flags, for\n" +
			"whoever gives rights in the account. It asks AWS nothing. What no flag narrows\n" +
			"is * in it. COMMAND is one of\n\n  " + strings.Join(iampolicy.Commands(), "\n  ") + "\n\n" +
			"of which sensor pull is for a SOURCE of sensor push that is in ECR, and for\nwhatever else pulls.",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return problem.New(problem.BadInput, "use one of: "+strings.Join(iampolicy.Commands(), ", "), "COMMAND is missing: %s", cmd.UseLine())
			}
			return nil
		},
		ValidArgs: iampolicy.Commands(),
	}
	flags := cmd.Flags()
	flags.StringVar(&n.Region, "region", "", "only in this `REGION`")
	flags.StringVar(&n.Account, "account", "", "only in the account with this `ID`")
	flags.StringVar(&n.Repository, "repository", "", "only for the repository with this `NAME` in ECR")
	flags.StringVar(&n.Cluster, "cluster", "", "only for the EKS cluster with this `NAME`")
	flags.StringVar(&n.Role, "role", "", "only for the role with this `NAME`, in place of ours")
	cmd.RunE = func(_ *cobra.Command, args []string) error {
		if near := nearPolicy(strings.Join(args, " ")); near != "" {
			return problem.New(problem.BadInput, "did you mean: "+cmd.CommandPath()+" "+near+"?", "there is no policy for a command %q", strings.Join(args, " "))
		}
		var texts []string
		for _, part := range iampolicy.Parts(strings.Join(args, " ")) {
			names := n
			if group, _, _ := strings.Cut(part, " "); names.Role == "" {
				names.Role = ourRole(group, n.Cluster, n.Region)
			}
			text, err := iampolicy.For(part, names)
			if err != nil {
				return err
			}
			texts = append(texts, text)
		}
		text := texts[0]
		if len(texts) > 1 {
			var err error
			if text, err = iampolicy.Join(texts...); err != nil {
				return err
			}
		}
		_, err := fmt.Fprint(s.Out, text)
		return err
	}
	return cmd
}

// nearPolicy is the command with a policy that a mistyped one is closest to, if one is close.
func nearPolicy(typed string) (nearest string) {
	best := 3
	for _, one := range iampolicy.Commands() {
		switch d := distance(typed, one); {
		case d == 0:
			return ""
		case d < best && d < len(typed):
			best, nearest = d, one
		}
	}
	return nearest
}

// ourRole is the name of the role that the commands of a group make, or a pattern for it.
func ourRole(group, cluster, region string) string {
	names := map[string]func(cluster, region string) string{"fargate": fargate.RoleName, "irsa": irsa.RoleName}
	name := names[group]
	switch {
	case name == nil:
		return ""
	case cluster == "" || region == "":
		// It begins the same for every cluster.
		return strings.TrimSuffix(name("", ""), "-") + "*"
	}
	return name(cluster, region)
}
