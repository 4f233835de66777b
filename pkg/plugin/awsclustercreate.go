package plugin

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/cluster"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// creation are the flags of create.
type creation struct {
	cluster.Creation
	*eksFlags
	entry                 entryFlags
	namespaces, selectors []string
	eksctl                string
	printConfig, noEntry  bool
}

func newClusterCreate(s *session) *cobra.Command {
	c := creation{}
	cmd := &cobra.Command{
		Use:   "create NAME",
		Short: "Make an EKS cluster on Fargate with an installed eksctl",
		Long: "Make an EKS cluster on Fargate with eksctl, with Fargate profiles for the\n" +
			"injector and the namespaces default and kube-system, an OIDC provider, and a\n" +
			"role with which the injector reads images in ECR; then write it into the\n" +
			"kubeconfig. It takes AWS fifteen to twenty minutes.\n\n" +
			"A cluster that is there already is left as it is; one that an earlier run began\n" +
			"is completed. --print-config prints what eksctl would be given, for GitOps, and\n" +
			"needs neither eksctl nor AWS.",
		Args: oneCluster(false),
	}
	flags := cmd.Flags()
	flags.StringVar(&c.Version, "kubernetes-version", "", "the `VERSION` of Kubernetes, such as 1.34 (default: eksctl's)")
	flags.StringSliceVar(&c.namespaces, "namespaces", nil, "more `NAMESPACE`s whose pods run on Fargate, with commas\nbetween them")
	flags.StringArrayVar(&c.selectors, "selector", nil, "more pods that run on Fargate, as\n`NAMESPACE:KEY=VALUE,KEY=VALUE`")
	flags.BoolVar(&c.printConfig, "print-config", false, "only print the ClusterConfig for eksctl")
	flags.StringVar(&c.eksctl, "eksctl", "", "the `FILE` of eksctl, if it is not on the PATH")
	flags.BoolVar(&c.noEntry, "no-kubeconfig", false, "leave the kubeconfig as it is")
	c.entry.add(cmd)
	eksctlTimeoutFlag(cmd, &c.Timeout)
	c.eksFlags = clusterFlagsOf(cmd, "cluster create")
	c.changes(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c.Name = args[0]
		s.resumes = !c.dry() && !c.printConfig
		if c.printConfig {
			return s.printClusterConfig(&c)
		}
		return s.clusterCreate(cmd.Context(), &c)
	}
	return cmd
}

// fill makes options of the flags.
func (c *creation) fill(region, partition string) error {
	c.Options.Region, c.Tags, c.DryRun = region, aws.Tags(version().Version), c.dry()
	c.Account = cluster.ServiceAccount{Namespace: manifest.Namespace, Name: manifest.Name, Role: irsa.RoleName(c.Name, region), Policy: irsa.ReadImages(partition)}
	for _, text := range append(append([]string{}, c.namespaces...), c.selectors...) {
		one, err := fargate.ParseSelector(strings.TrimSpace(text))
		if err != nil {
			return err
		}
		c.Selectors = append(c.Selectors, one)
	}
	return c.Check()
}

// printClusterConfig asks nobody: without --region the environment must say it.
func (s *session) printClusterConfig(c *creation) error {
	region := c.region
	for _, name := range []string{"AWS_REGION", "AWS_DEFAULT_REGION"} {
		if region == "" {
			region = os.Getenv(name)
		}
	}
	if region == "" {
		return problem.New(problem.BadInput, "name one with --region, or set AWS_REGION", "no AWS region is set")
	}
	if err := c.fill(region, aws.PartitionOf(region)); err != nil {
		return err
	}
	text, err := cluster.Config(c.Options)
	if err != nil {
		return err
	}
	_, err = s.Out.Write(text)
	return err
}

func (s *session) clusterCreate(ctx context.Context, c *creation) error {
	account, err := s.awsSession(ctx, c.awsFlags)
	if err != nil {
		return err
	}
	if err := c.fill(account.Region, aws.PartitionOf(account.Region)); err != nil {
		return err
	}
	where, err := s.clusterAccount(account, c.eksFlags, c.eksctl)
	if err != nil {
		return err
	}
	defer s.endProgress()
	made, err := where.Create(ctx, c.Creation)
	s.endProgress()
	if err != nil {
		return err
	}
	if err := s.sayMade(c, made); err != nil || c.dry() || c.noEntry {
		return err
	}
	there, err := where.Existing(ctx, c.Name)
	if err != nil {
		return err
	}
	return s.putEntry(c.entry.entry(s, c.eksFlags, account.Region, there), c.entry.how(false))
}

func (s *session) sayMade(c *creation, made *cluster.Made) error {
	switch {
	case *c.format != term.Table:
		return term.Structured(s.Out, *c.format, made)
	case c.dry():
		return s.printSteps(made.Plan)
	}
	fmt.Fprintf(s.Out, "cluster/%s %s\n", made.Cluster, made.Change)
	if c.Version != "" && made.Version != c.Version {
		s.remark("its Kubernetes is %s, not %s", made.Version, c.Version)
	}
	s.remark("whether it can run the sensor:\n  next: kubectl falcon aws cluster check %s --region %s", made.Cluster, made.Region)
	return nil
}
