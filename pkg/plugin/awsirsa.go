package plugin

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// newIRSA is `aws irsa`: the injector's way to the images in ECR.
func newIRSA(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "irsa",
		Short: "Give the injector an IAM role with which it reads images in ECR",
		Long: "Give the injector an IAM role (IRSA). It reads the entry point of each image\n" +
			"that the sensor goes before, so with images in ECR it needs the right to read\n" +
			"them, which on Fargate no node gives it.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newIRSAEnsure(s), newIRSACheck(s), newIRSADelete(s))
	return cmd
}

// irsaFlags are those of all commands of irsa.
type irsaFlags struct {
	*eksFlags
	irsa.Binding
	serviceAccount string
}

func irsaFlagsOf(cmd *cobra.Command, command string) *irsaFlags {
	f := &irsaFlags{eksFlags: eksFlagsOf(cmd, command)}
	cmd.Flags().StringVar(&f.Role, "role", "", "the `NAME` of the role, in place of ours for the cluster")
	cmd.Flags().BoolVar(&f.PodIdentity, "pod-identity", false, "by EKS Pod Identity, which works on nodes only and needs no annotation")
	cmd.Flags().StringVar(&f.serviceAccount, "service-account", manifest.Namespace+"/"+manifest.Name, "the injector's, as `NAMESPACE/NAME`")
	return f
}

// read fills the binding from the flags.
func (f *irsaFlags) read() error {
	namespace, name, ok := strings.Cut(f.serviceAccount, "/")
	if !ok || namespace == "" || name == "" || strings.Contains(name, "/") {
		return problem.New(problem.BadInput, "write it as NAMESPACE/NAME", "--service-account %q cannot be meant", f.serviceAccount)
	}
	if strings.Contains(f.Role, "/") || len(f.Role) > 64 {
		return problem.New(problem.BadInput, "give the role's name alone, without its ARN", "--role %q is not the name of a role", f.Role)
	}
	f.Namespace, f.Name = namespace, name
	return nil
}

func (s *session) irsaAccount(ctx context.Context, f *irsaFlags) (*irsa.Account, error) {
	if err := f.read(); err != nil {
		return nil, err
	}
	account, owner, err := s.eksSession(ctx, f.eksFlags)
	if err != nil {
		return nil, err
	}
	f.Binding.Cluster = f.cluster
	profiles := fargate.Account{EKS: account.EKS(), Region: account.Region, Explain: account.Explain}
	return &irsa.Account{EKS: account.EKS(), IAM: account.IAM(), Profiles: profiles.List, Region: account.Region, Owner: owner, Explain: account.Explain,
		Tags: aws.Tags(version().Version), Report: awsReporter(s.quietProgress())}, nil
}

func newIRSAEnsure(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ensure",
		Short: "Make the role and OIDC provider; print the annotation for install",
		Long: "Make an IAM role that only the injector's ServiceAccount can take, and that can\n" +
			"do no more than read images in ECR, with the cluster's OIDC provider if there is\n" +
			"none yet. It prints the annotation with which install gives the role to the\n" +
			"injector. It can be run again at any time.\n\n" +
			"With --pod-identity EKS gives the role to the ServiceAccount, and the pods need\n" +
			"no annotation and the cluster no OIDC provider. That works on nodes with the\n" +
			"add-on eks-pod-identity-agent, and not on Fargate.",
		Args: arguments(),
	}
	f := irsaFlagsOf(cmd, "irsa ensure")
	cmd.Flags().StringSliceVar(&f.Repositories, "repositories", nil, "read only these, by `NAME` or ARN, in place of all of the account")
	f.changes(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s.resumes = !f.dry()
		return s.irsaEnsure(cmd.Context(), f)
	}
	return cmd
}

func (s *session) irsaEnsure(ctx context.Context, f *irsaFlags) error {
	account, err := s.irsaAccount(ctx, f)
	if err != nil {
		return err
	}
	defer s.endProgress()
	done, err := account.Ensure(ctx, f.Binding, f.dry())
	s.endProgress()
	switch {
	case err != nil:
		return err
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, done)
	case f.dry():
		return s.printSteps(done.Plan)
	}
	if done.PodIdentity {
		s.remark("pods of %s made from now on get the role; those that run do when they are made anew", done.ServiceAccount)
		_, err = fmt.Fprintln(s.Out, done.Role)
		return err
	}
	_, err = fmt.Fprintln(s.Out, done.Annotation)
	return err
}

func newIRSACheck(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check",
		Short: "Say which link between the injector and ECR is broken",
		Long: "Look at every link between the injector and ECR: the cluster's issuer, the OIDC\n" +
			"provider, the role, whom it trusts, what it may read, the annotation on the\n" +
			"ServiceAccount in the cluster, and whether the pods are younger than that.\n\n" +
			"The exit code is 1 if a link is broken, and 0 otherwise.",
		Args: arguments(),
	}
	f := irsaFlagsOf(cmd, "irsa check")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.irsaCheck(cmd.Context(), f) }
	return cmd
}

func (s *session) irsaCheck(ctx context.Context, f *irsaFlags) error {
	account, err := s.irsaAccount(ctx, f)
	if err != nil {
		return err
	}
	defer s.endProgress()
	chain, err := account.Check(ctx, f.Binding, s.inCluster(ctx, f))
	s.endProgress()
	if err != nil {
		return err
	}
	if *f.format != term.Table {
		err = term.Structured(s.Out, *f.format, chain)
	} else {
		rows := [][]string{}
		for _, l := range chain.Links {
			rows = append(rows, []string{l.Name, string(l.State), l.Why})
		}
		err = term.Rows(s.Out, []string{"LINK", "STATE", "WHY"}, rows)
		for _, l := range chain.Links {
			if l.Next != "" {
				s.remark("%s is broken\n  next: %s", l.Name, l.Next)
			}
		}
	}
	if err == nil && chain.Broken() {
		return exitWith{code: ExitFailed}
	}
	return err
}

// inCluster reads the cluster's part. The rest can be looked at without it.
func (s *session) inCluster(ctx context.Context, f *irsaFlags) irsa.InCluster {
	c, err := s.cluster()
	if err != nil {
		return irsa.InCluster{Unread: err.Error()}
	}
	in, err := irsa.Collect(ctx, c, f.Namespace, f.Name)
	if err != nil {
		return irsa.InCluster{Unread: "the cluster does not say: " + err.Error()}
	}
	return in
}

func newIRSADelete(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "delete",
		Short: "Delete the role, and the OIDC provider if nothing else needs it",
		Long: "Delete the role that irsa ensure made, or the one named, and the cluster's OIDC\n" +
			"provider if irsa ensure made it and no other role needs it.",
		Args: arguments(),
	}
	f := irsaFlagsOf(cmd, "irsa delete")
	f.changes(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		s.resumes = !f.dry()
		return s.irsaDelete(cmd.Context(), f)
	}
	return cmd
}

func (s *session) irsaDelete(ctx context.Context, f *irsaFlags) error {
	account, err := s.irsaAccount(ctx, f)
	if err != nil {
		return err
	}
	defer s.endProgress()
	s.reportDeletions(f.eksFlags, &account.Report)
	done, err := account.Delete(ctx, f.Binding, f.dry(), func(d irsa.Doomed) (bool, error) {
		var parts []string
		if d.Association != "" {
			parts = append(parts, "the EKS Pod Identity association of "+f.Namespace+"/"+f.Name)
		}
		if d.Role != "" {
			parts = append(parts, "the role "+d.Role)
		}
		if d.Provider != "" {
			parts = append(parts, "the OIDC provider "+d.Provider)
		}
		return s.agree(ctx, f.eksFlags, strings.Join(parts, " and "))
	})
	s.endProgress()
	if err != nil {
		return err
	}
	if done.Kept != "" {
		s.remark("the OIDC provider of the cluster stays: %s", done.Kept)
	}
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, done)
	case f.dry():
		return s.printSteps(done.Plan)
	case done.Doomed == irsa.Doomed{}:
		s.remark("there is nothing to delete")
	}
	return nil
}
