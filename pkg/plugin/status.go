package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newStatus(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Show the injector and how many pods it protects",
		Args:  arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		state, err := inject.Read(ctx, c)
		if err != nil {
			return err
		}
		if err := state.Count(ctx, c); err != nil {
			return err
		}
		if *format != term.Table {
			return term.Structured(s.Out, *format, state)
		}
		return s.printState(state)
	})
	return cmd
}

func (s *session) printState(state inject.State) error {
	injector, webhook := "not installed", "none, so new pods do not get the sensor"
	if state.Installed {
		injector = fmt.Sprintf("%d of %d replicas ready", state.Ready, state.Replicas)
	}
	if state.Webhook {
		webhook = "on, pods are refused while the injector does not answer"
		if state.FailurePolicy != "Fail" {
			webhook = "on, pods start without the sensor while the injector does not answer"
		}
	}
	image := state.Image
	if image == "" {
		image = "-"
	}
	for _, line := range [][2]string{
		{"injector", injector},
		{"webhook", webhook},
		{"image", image},
		{"pods", fmt.Sprintf("%d of %d running carry a ready sensor, in all namespaces", state.Protected, state.Pods)},
	} {
		if _, err := fmt.Fprintf(s.Out, "%-9s %s\n", line[0], line[1]); err != nil {
			return err
		}
	}
	if fault, next := state.Fault(); fault != "" {
		fmt.Fprintf(s.Out, "%-9s %s\n  next: %s\n", "wrong", fault, next)
	}
	if !state.Installed && !state.Webhook {
		s.remark("  next: kubectl falcon install --cid CID --image IMAGE")
	}
	return nil
}
