package plugin

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/demo"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func newDemo(s *session) *cobra.Command {
	var o demo.Options
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a detection scenario and print its agent id",
		Long: "Run the scenario " + demo.Name + ": a Deployment whose one command\n" +
			"is the pattern of a rootkit's installation. It shows that a pod is injected,\n" +
			"runs, and has registered; the detection itself is then in the Falcon console,\n" +
			"under the agent id that is printed.\n\n" +
			"The Deployment stays until: kubectl falcon demo clean",
		Args: arguments(),
	}
	format := formatFlag(cmd)
	cmd.RunE = s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
		o.Namespace = c.Namespace
		result, err := demo.Run(ctx, c, o, s.remark)
		if err != nil {
			return err
		}
		if *format != term.Table {
			return term.Structured(s.Out, *format, result)
		}
		fmt.Fprintf(s.Out, "%s has the agent id %s\n", result.Pod, result.AID)
		s.remark("shown: injected, running, registered; not shown: the detection itself\n"+
			"  next: look up the agent id in the Falcon console, then remove the demo with:\n"+
			"        kubectl falcon demo clean -n %s", o.Namespace)
		return nil
	})
	cmd.Flags().StringVar(&o.Image, "image", demo.DefaultImage, "an image with bash, chgrp and tail")
	timeoutFlag(cmd, &o.Timeout, "how long to wait for the pod, and for its agent id")
	cmd.AddCommand(newDemoClean(s))
	return cmd
}

func newDemoClean(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "clean",
		Short: "Remove the scenario's Deployment",
		Args:  arguments(),
		RunE: s.onCluster(func(ctx context.Context, c *kube.Cluster, _ []string) error {
			change, err := demo.Clean(ctx, c, c.Namespace)
			switch {
			case err != nil:
				return err
			case change == kube.Deleted:
				fmt.Fprintf(s.Out, "deployment/%s %s\n", demo.Name, change)
			default:
				s.remark("there is no demo in namespace %s", c.Namespace)
			}
			return nil
		}),
	}
}
