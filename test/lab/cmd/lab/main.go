// Command lab runs a real one-node Kubernetes cluster on this machine, in namespaces of its own.
//
// It needs Linux and root, compiles everything it runs from Go modules, and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := root().ExecuteContext(ctx); err != nil {
		if !errors.Is(err, context.Canceled) {
			fmt.Fprintln(os.Stderr, "lab: "+err.Error())
		}
		os.Exit(1)
	}
}

func root() *cobra.Command {
	cmd := &cobra.Command{
		Use:           "lab",
		Short:         "A real one-node Kubernetes cluster on this machine, for trying and testing kubectl falcon",
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
	}
	var name string
	cmd.PersistentFlags().StringVar(&name, "name", "lab", "which lab; several can run at once")
	cmd.AddCommand(upCommand(&name), downCommand(&name), statusCommand(&name), kubeconfigCommand(&name),
		logsCommand(&name), loadImageCommand(&name), packImageCommand(), buildCommand(), initCommand(), nodeCommand())
	return cmd
}
