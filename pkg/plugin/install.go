package plugin

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

func newInstall(s *session) *cobra.Command {
	f := newInstallFlags()
	cmd := &cobra.Command{
		Use:   "install --cid CID --image IMAGE",
		Short: "Install the injector, or bring it to what the flags say",
		Long: "Install the injector: the admission webhook that adds the sensor to new pods.\n\n" +
			"The webhook is made last, once the injector is Ready, so pods can be created at\nany moment.\n" +
			"Running it again changes only what differs.\n\n" +
			"A SOURCE is file:PATH, env:NAME, secret:NAME[/KEY] (a Secret in falcon-system)\n" +
			"or - for stdin. The provisioning token is only taken from one.",
		Args: arguments(),
		// Bad options need no cluster to be told.
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			f.stdin.in = s.In
			return f.complete(cmd.Flags())
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			err := s.runInstall(cmd.Context(), f)
			if _, said := errors.AsType[exitWith](err); err != nil && f.diff && !said {
				return exitWith{code: ExitNoDiff, err: err}
			}
			return err
		},
	}
	f.define(cmd.Flags())
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		if v, ok := flag.Value.(interface{ choices() []string }); ok && len(v.choices()) > 0 {
			// It fails only for a flag that is not there.
			_ = cmd.RegisterFlagCompletionFunc(flag.Name, cobra.FixedCompletions(v.choices(), cobra.ShellCompDirectiveNoFileComp))
		}
	})
	return cmd
}

// runInstall does what the flags say, once they are complete.
func (s *session) runInstall(ctx context.Context, f *installFlags) error {
	var c *kube.Cluster
	if f.needsCluster() {
		var err error
		if c, err = s.cluster(); err != nil {
			return err
		}
	}
	if err := f.fetch(ctx, c); err != nil {
		return err
	}
	switch {
	case f.diff:
		return s.printDiff(ctx, c, f)
	case f.dryRun == dryRunClient:
		return s.printOffline(f)
	case f.dryRun == dryRunServer:
		return s.printPreview(ctx, c, f)
	}
	return s.install(ctx, c, f)
}

// install installs, and prints what was applied if it is asked to.
func (s *session) install(ctx context.Context, c *kube.Cluster, f *installFlags) error {
	s.resumes, s.undoneBy = true, commandName+" uninstall"
	p := s.progress()
	if f.output != "" {
		p = s.quietProgress()
	}
	defer p.Close()
	show, applied := reporter(p), map[string]bool{}
	changed, err := inject.Install(ctx, c, f.o, f.how, func(e inject.Event) {
		if e.Change != "" {
			applied[e.Object] = e.Change != kube.Deleted
		}
		show(e)
	})
	if err != nil {
		return err
	}
	// What to do next belongs below the objects, not above their lines.
	s.endProgress()
	switch {
	case !f.how.Wait:
		s.remark("next: wait until the injector is Ready (kubectl falcon status --watch), then run the same\n" +
			"      install without --wait=false: it makes the webhook")
	case !changed:
		s.remark("nothing to change: the injector is installed as asked")
	default:
		s.remark("the injector is installed; pods made from now on get the sensor\n" +
			"  next: kubectl falcon verify")
	}
	p.Close()
	if f.output == "" {
		return nil
	}
	return s.printApplied(ctx, c, f, applied)
}
