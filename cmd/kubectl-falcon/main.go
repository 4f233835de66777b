// Command kubectl-falcon is the kubectl plugin: signals, streams and the exit code. All else is in pkg/plugin.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	_ "k8s.io/client-go/plugin/pkg/client/auth" // credentials of cloud clusters

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func main() {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		cancel(plugin.Interrupted{Signal: <-signals})
		// Whoever asks twice does not want to wait for anything to be tidied.
		os.Exit(plugin.Interrupted{Signal: <-signals}.ExitCode())
	}()
	args := plugin.Args(os.Args)
	if plugin.Completes(args) {
		// What libraries and helpers say of their own would land in the line that is being typed.
		if nowhere, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0); err == nil {
			os.Stderr = nowhere
		}
	}
	os.Exit(plugin.Run(ctx, args, term.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
}
