package plugin

import (
	"context"
	"fmt"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newUninstall(s *session) *cobra.Command {
	var how inject.Removal
	var glass bool
	dryRun := dryRunNone
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Remove the injector, the webhook first",
		Long: "Remove the injector, the webhook first, so that pods can be created at any\nmoment.\n\n" +
			"Pods that carry the sensor keep it until they are restarted: the commands for\n" +
			"that are printed at the end. It can be run again at any time.\n\n" +
			"If nothing can start in your cluster because the injector does not answer, run\n" +
			"it with --break-glass: one request lets pods start without the sensor, and\n" +
			"removes nothing. The next install sets that back.",
		Args: arguments(),
		// What does not go together needs no cluster to be told.
		PreRunE: func(cmd *cobra.Command, _ []string) error {
			for _, flag := range []string{"dry-run", "keep-namespace"} {
				if glass && cmd.Flags().Changed(flag) {
					return problem.New(problem.BadInput, "leave --"+flag+" out: --break-glass removes nothing",
						"--break-glass and --%s do not go together", flag)
				}
			}
			how.DryRun = dryRun != dryRunNone
			return nil
		},
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			s.resumes = !how.DryRun
			if glass {
				return s.breakGlass(ctx, c)
			}
			return s.uninstall(ctx, c, how)
		}),
	}
	cmd.Flags().BoolVar(&glass, "break-glass", false, "only let pods start without the injector")
	cmd.Flags().BoolVar(&how.KeepNamespace, "keep-namespace", false, "leave the namespace")
	cmd.Flags().Var(text[string]{to: &dryRun, words: []string{dryRunNone, dryRunClient}}, "dry-run", "only say what would be removed")
	cmd.Flags().Lookup("dry-run").NoOptDefVal = dryRunClient
	timeoutFlag(cmd, &how.Timeout, "how long to wait for the namespace to be gone")
	return cmd
}

func (s *session) uninstall(ctx context.Context, c *kube.Cluster, how inject.Removal) error {
	p := s.progress()
	defer p.Close()
	show, removed := reporter(p), 0
	left, err := inject.Uninstall(ctx, c, how, func(e inject.Event) {
		if e.Change != "" {
			removed++
			if how.DryRun {
				e.Change += " (dry run)"
			}
		}
		show(e)
	})
	if err != nil {
		return err
	}
	s.endProgress()
	if removed == 0 {
		s.remark("there is nothing to uninstall")
	}
	s.printLeftovers(left)
	return nil
}

// breakGlass says what it is about to do as a kubectl command first, for the day on which the plugin
// cannot reach the cluster and somebody else's kubectl can.
func (s *session) breakGlass(ctx context.Context, c *kube.Cluster) error {
	by := "somebody"
	if u, err := user.Current(); err == nil {
		by = u.Username
	}
	by += " at " + time.Now().UTC().Format(time.RFC3339)
	fmt.Fprintln(s.Err, "with kubectl alone this is:\n  "+inject.GlassCommand(by))
	if err := inject.BreakGlass(ctx, c, by); err != nil {
		return err
	}
	fmt.Fprintf(s.Out, "mutatingwebhookconfiguration/%s configured\n", inject.WebhookName)
	s.remark("pods start without the sensor while no injector answers\n" +
		"  next: kubectl falcon status; another install sets it back")
	return nil
}

// printLeftovers says what the cluster still has of any Falcon injector.
func (s *session) printLeftovers(left *inject.Leftovers) {
	for _, group := range []struct {
		what  string
		names []string
	}{
		{"there is another injector:", left.Injectors},
		{"left in the cluster, made by others or by hand:", left.Objects},
		{"namespaces that still carry the label " + inject.InjectionKey + ":", left.Labelled},
	} {
		if len(group.names) > 0 {
			s.remark("%s %s", group.what, strings.Join(group.names, ", "))
		}
	}
	if len(left.Workloads) == 0 {
		return
	}
	s.remark("pods that still carry the sensor, until they are made anew:")
	for _, w := range left.Workloads {
		// Commands stay whole: they are there to be copied.
		if restart := w.Restart(); restart != "" {
			fmt.Fprintln(s.Err, "  "+restart)
			continue
		}
		fmt.Fprintln(s.Err, "  "+term.Fold(s.Err, fmt.Sprintf("%s/%s in namespace %s: make it anew by hand",
			strings.ToLower(w.Kind), w.Name, w.Namespace), "    "))
	}
}
