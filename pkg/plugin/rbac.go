package plugin

import (
	"github.com/spf13/cobra"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster/fit"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/bundle"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/explain"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/logs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/restart"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/sensor"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// newRBAC is `rbac`, which tells whoever gives rights what to give.
func newRBAC() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rbac",
		Short: "Print the rights that a command needs; needs no cluster",
		Long: "Print the smallest ClusterRole with which a command works, for whoever gives\n" +
			"rights in the cluster. It needs no cluster and changes nothing.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	install := newRole("install", "install the injector", nil)
	o := manifest.Defaults()
	install.Flags().StringVar(&o.PullSecret, "pull-secret", o.PullSecret, "the `NAME` of the pull secret that install is given")
	install.Flags().BoolVar(&o.ReadPullSecrets, "read-pull-secrets", o.ReadPullSecrets, "whether the injector may read the pull secrets of pods")
	install.RunE = printRole("install", func() []rbacv1.PolicyRule { return inject.InstallRules(o) })
	cmd.AddCommand(install,
		newRole("uninstall", "remove the injector", inject.UninstallRules),
		newRole("break-glass", "break the glass", inject.GlassRules),
		newRole("status", "see the state", inject.StatusRules),
		newRole("certs", "rotate the certificates", inject.RotateRules),
		newVerifyRole(),
		newRole("bundle", "pack a bundle", bundle.Rules),
		newRole("explain", "have a pod explained", explain.ExplainRules),
		newRole("aid", "ask for agent ids", aid.Rules),
		newRole("logs", "read the injector's log", logs.Rules),
		newRole("demo", "run the demo", demo.Rules),
		newRole("pull-secret", "make pull secrets", sensor.PullSecretRules),
		newRole("fargate-coverage", "see Fargate's gaps", fargate.CoverageRules),
		newRole("irsa-check", "run irsa check", irsa.CheckRules),
		newRole("cluster-check", "run cluster check", fit.Rules),
		newRole("restart", "restart workloads", restartRules))
	return cmd
}

// newVerifyRole has verify's own flags, since what it asks for is what it needs rights for.
func newVerifyRole() *cobra.Command {
	parts := verify.Parts{}
	noCanary := false
	cmd := newRole("verify", "judge the cluster", nil)
	cmd.Flags().BoolVar(&noCanary, "no-canary", false, "for a verify that sends no dry-run pods")
	cmd.Flags().BoolVar(&parts.Deep, "deep", false, "for verify --deep")
	cmd.Flags().BoolVar(&parts.AIDs, "aids", false, "for verify --aids")
	cmd.Flags().BoolVar(&parts.Leftovers, "leftovers", false, "for verify --leftovers")
	cmd.Flags().BoolVar(&parts.AWS, "aws", false, "for verify --aws")
	cmd.RunE = printRole("verify", func() []rbacv1.PolicyRule {
		parts.Canary = !noCanary
		return verify.Rules(parts)
	})
	return cmd
}

// restartRules are verify's, whose judgement a restart acts on, and its own.
func restartRules() []rbacv1.PolicyRule {
	return append(verify.Rules(verify.Parts{Canary: true}), restart.RestartRules()...)
}

func newRole(what, purpose string, rules func() []rbacv1.PolicyRule) *cobra.Command {
	return &cobra.Command{
		Use:   what,
		Short: "Print the ClusterRole that lets one " + purpose,
		Args:  arguments(),
		RunE:  printRole(what, rules),
	}
}

func printRole(what string, rules func() []rbacv1.PolicyRule) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		role, err := inject.Role("kubectl-falcon-"+what, rules())
		if err != nil {
			return err
		}
		_, err = cmd.OutOrStdout().Write(role)
		return err
	}
}
