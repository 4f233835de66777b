package plugin

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	// The name is the SDK's own too.
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// newFargate is `aws fargate`: which pods run on Fargate.
func newFargate(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "fargate",
		Short: "Make, look at and remove Fargate profiles",
		Long: "Make, look at and remove the Fargate profiles of an EKS cluster. On Fargate runs\n" +
			"only what a profile selects by its namespace and labels: the injector's pods in\n" +
			"falcon-system too.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFargateEnsure(s), newFargateList(s), newFargateDelete(s), newFargateCoverage(s))
	return cmd
}

// fargateAccount is where the profiles are; what happens is shown on stderr until endProgress.
func (s *session) fargateAccount(ctx context.Context, f *eksFlags) (*fargate.Account, error) {
	account, owner, err := s.eksSession(ctx, f)
	if err != nil {
		return nil, err
	}
	return &fargate.Account{EKS: account.EKS(), IAM: account.IAM(), Network: account.EC2(), Region: account.Region, Owner: owner,
		Explain: account.Explain, Tags: aws.Tags(version().Version), Report: awsReporter(s.quietProgress())}, nil
}

// fargateWanted are the flags of ensure.
type fargateWanted struct {
	fargate.Wanted
	namespaces, selectors []string
	noInjector            bool
}

func newFargateEnsure(s *session) *cobra.Command {
	w := fargateWanted{}
	cmd := &cobra.Command{
		Use:   "ensure",
		Short: "Make the Fargate profiles that the injector and given pods need",
		Long: "Make a Fargate profile for the injector's namespace, " + manifest.Namespace + ", and for the\n" +
			"namespaces and labels given, with a pod execution role and private subnets. What\n" +
			"a profile covers already needs none. It can be run again at any time, and after\n" +
			"Ctrl-C goes on from where it was.\n\n" +
			"EKS makes one profile of a cluster at a time, and none while the cluster is\n" +
			"changed; it waits for its turn and says for what. Profiles cannot be changed.",
		Args: arguments(),
	}
	flags := cmd.Flags()
	flags.StringSliceVar(&w.namespaces, "namespaces", nil, "`NAMESPACE`s whose pods run on Fargate, with commas between them")
	flags.StringArrayVar(&w.selectors, "selector", nil, "pods that run on Fargate, as `NAMESPACE:LABELS`; * is any characters, ? is one")
	flags.BoolVar(&w.noInjector, "no-injector", false, "leave the injector's namespace out")
	flags.StringVar(&w.Name, "name", "", "the `NAME` of the profile, in place of fp- and the namespace")
	flags.StringSliceVar(&w.Subnets, "subnet", nil, "private subnets by `ID`, in place of those found")
	flags.StringVar(&w.Role, "role", "", "a pod execution role by `NAME` or ARN, in place of one of ours")
	flags.BoolVar(&w.ReplaceFailed, "replace-failed", false, "delete a profile of ours that EKS could not create, and make it anew")
	timeoutFlag(cmd, &w.Timeout, "how long everything may take")
	w.Timeout = profileTimeout
	flags.Lookup("timeout").DefValue = profileTimeout.String()
	f := eksFlagsOf(cmd, "fargate ensure")
	f.changes(cmd, false)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if err := w.read(*s.flags.Namespace); err != nil {
			return err
		}
		w.DryRun = f.dry()
		s.resumes = !w.DryRun
		return s.fargateEnsure(cmd.Context(), f, &w.Wanted)
	}
	return cmd
}

// read makes selectors of the flags.
func (w *fargateWanted) read(namespace string) error {
	var texts []string
	if !w.noInjector {
		texts = append(texts, manifest.Namespace)
	}
	if namespace != "" {
		texts = append(texts, namespace)
	}
	texts = append(append(texts, w.namespaces...), w.selectors...)
	w.Selectors = nil
	for _, one := range texts {
		selector, err := fargate.ParseSelector(strings.TrimSpace(one))
		if err != nil {
			return err
		}
		w.Selectors = append(w.Selectors, selector)
	}
	if w.Name != "" {
		return fargate.CheckName(w.Name)
	}
	return nil
}

func (s *session) fargateEnsure(ctx context.Context, f *eksFlags, w *fargate.Wanted) error {
	account, err := s.fargateAccount(ctx, f)
	if err != nil {
		return err
	}
	defer s.endProgress()
	w.Cluster = f.cluster
	done, err := account.Ensure(ctx, *w)
	s.endProgress()
	if err != nil {
		return err
	}
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, done)
	case w.DryRun:
		return s.printSteps(done.Plan)
	}
	rows := [][]string{}
	for n := range done.Profiles {
		p := &done.Profiles[n]
		rows = append(rows, []string{p.Name, string(p.Change), p.Status, selectorsOf(&p.Profile), time.Duration(p.Seconds * float64(time.Second)).Round(time.Second).String()})
	}
	return term.Rows(s.Out, []string{"PROFILE", "CHANGE", "STATUS", "PODS", "TOOK"}, rows)
}

func selectorsOf(p *fargate.Profile) string {
	all := make([]string, 0, len(p.Selectors))
	for _, one := range p.Selectors {
		all = append(all, one.String())
	}
	return strings.Join(all, " ")
}

func newFargateList(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show the Fargate profiles of the cluster",
		Args:  arguments(),
	}
	f := eksFlagsOf(cmd, "fargate list")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return s.fargateList(cmd.Context(), f) }
	return cmd
}

func (s *session) fargateList(ctx context.Context, f *eksFlags) error {
	account, err := s.fargateAccount(ctx, f)
	if err != nil {
		return err
	}
	all, err := account.List(ctx, f.cluster)
	s.endProgress()
	if err != nil {
		return err
	}
	if *f.format != term.Table {
		return term.Structured(s.Out, *f.format, map[string]any{"cluster": f.cluster, "profiles": all})
	}
	if len(all) == 0 {
		s.remark("the cluster %s has no Fargate profiles\n  next: kubectl falcon aws fargate ensure", f.cluster)
		return nil
	}
	rows := [][]string{}
	for n := range all {
		p := &all[n]
		ours := "no"
		if p.Owned {
			ours = "yes"
		}
		rows = append(rows, []string{p.Name, p.Status, ours, selectorsOf(p), strings.Join(p.Subnets, ","), p.Role[strings.LastIndexByte(p.Role, '/')+1:]})
		if len(p.Issues) > 0 {
			s.remark("%s: %s", p.Name, p.Why())
		}
	}
	return term.Rows(s.Out, []string{"PROFILE", "STATUS", "OURS", "PODS", "SUBNETS", "ROLE"}, rows)
}

func newFargateDelete(s *session) *cobra.Command {
	u := fargate.Unwanted{}
	cmd := &cobra.Command{
		Use:   "delete [PROFILE...]",
		Short: "Delete the Fargate profiles named, or all that were made here",
		Long: "Delete the Fargate profiles named, one after the other as EKS wants it; without\n" +
			"names, those that kubectl falcon made. Our pod execution role goes with the last\n" +
			"profile that has it. EKS deletes the pods that run by a profile with it.",
	}
	cmd.Flags().BoolVar(&u.KeepRole, "keep-role", false, "leave the pod execution role")
	timeoutFlag(cmd, &u.Timeout, "how long everything may take")
	u.Timeout = profileTimeout
	cmd.Flags().Lookup("timeout").DefValue = profileTimeout.String()
	f := eksFlagsOf(cmd, "fargate delete")
	f.changes(cmd, true)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		u.Names, u.DryRun = slices.Compact(slices.Sorted(slices.Values(args))), f.dry()
		s.resumes = !u.DryRun
		return s.fargateDelete(cmd.Context(), f, u)
	}
	return cmd
}

func (s *session) fargateDelete(ctx context.Context, f *eksFlags, u fargate.Unwanted) error {
	account, err := s.fargateAccount(ctx, f)
	if err != nil {
		return err
	}
	defer s.endProgress()
	s.reportDeletions(f, &account.Report)
	u.Cluster = f.cluster
	u.Agree = func(d fargate.Doomed) (bool, error) { return s.agree(ctx, f, doomedProfiles(d)) }
	done, err := account.Delete(ctx, u)
	s.endProgress()
	if err != nil {
		return err
	}
	for _, name := range done.Absent {
		s.remark("there is no Fargate profile %s", name)
	}
	switch {
	case *f.format != term.Table:
		return term.Structured(s.Out, *f.format, done)
	case u.DryRun:
		return s.printSteps(done.Plan)
	case len(done.Profiles) == 0 && done.Role == "":
		s.remark("there is nothing to delete")
	}
	return nil
}

// doomedProfiles is what will be deleted, for people.
func doomedProfiles(d fargate.Doomed) string {
	var parts []string
	for n := range d.Profiles {
		p := &d.Profiles[n]
		parts = append(parts, "the Fargate profile "+p.Name+" with the pods that run by it ("+selectorsOf(p)+")")
	}
	if d.Role != "" {
		parts = append(parts, "the role "+d.Role)
	}
	return strings.Join(parts, ", ")
}
