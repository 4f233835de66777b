package plugin

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// Exit codes. They are part of the program's interface.
const (
	ExitOK = 0
	// ExitFailed: the operation failed, or a check found a fault.
	ExitFailed = 1
	// ExitUsage: a flag or an argument cannot be meant; nothing was changed.
	ExitUsage = 2
	// ExitNoAccess: the cluster cannot be reached, or does not permit what is needed.
	ExitNoAccess = 3
	// ExitDeadline: a wait had its time.
	ExitDeadline = 124
	// ExitNoDiff: --diff failed; its 1 means that something differs.
	ExitNoDiff = 4
	// exitSignal is added to the number of the signal that ended the run.
	exitSignal = 128
)

// Interrupted is the cause with which main cancels the context when a signal comes.
type Interrupted struct{ Signal os.Signal }

// Error names the signal.
func (i Interrupted) Error() string { return "stopped by " + i.Signal.String() }

// ExitCode is the shell's code for a run that the signal ended.
func (i Interrupted) ExitCode() int {
	if s, ok := i.Signal.(syscall.Signal); ok {
		return exitSignal + int(s)
	}
	return exitSignal + int(syscall.SIGINT)
}

// exitWith ends a command with a code of its own: without an error in silence, because the output says it
// all, and with one where that would be ExitFailed, whose number has another meaning there.
type exitWith struct {
	code int
	err  error
}

// Error is what is wrong, if anything is.
func (e exitWith) Error() string {
	if e.err == nil {
		return fmt.Sprintf("exit code %d", e.code)
	}
	return e.err.Error()
}

// Unwrap returns what is wrong, or nil.
func (e exitWith) Unwrap() error { return e.err }

// Run runs the command that args name and returns the exit code. An error is printed on streams.Err, with
// what to do next.
func Run(ctx context.Context, args []string, streams term.Streams) int {
	if Completes(args) {
		complete(ctx, args, streams.Out)
		return ExitOK
	}
	s := &session{Streams: streams, flags: kube.NewFlags(), args: args}
	root := newRoot(s)
	root.SetArgs(args)
	code := s.end(ctx, root.ExecuteContext(ctx))
	if s.pause && s.waitForKey(ctx) {
		return ExitOK
	}
	return code
}

// end says what went wrong, and returns the exit code.
func (s *session) end(ctx context.Context, err error) int {
	streams := s.Streams
	if err == nil {
		err = s.unknown
	}
	if err == nil {
		return ExitOK
	}
	// A signal cancels the context, and what is then in flight fails with that.
	if stopped, ok := errors.AsType[Interrupted](context.Cause(ctx)); ok {
		if !s.endless {
			said := stopped.Error()
			if s.resumes {
				said += "; the same command goes on from where it was"
				if s.undoneBy != "" {
					said += ", and this removes what is there: " + s.undoneBy
				}
			}
			fmt.Fprintln(streams.Err, "error:", said)
		}
		return stopped.ExitCode()
	}
	own, chosen := errors.AsType[exitWith](err)
	if chosen && own.err == nil {
		return own.code
	}
	if !s.began {
		if _, ok := errors.AsType[*problem.Error](err); !ok {
			err = problem.New(problem.BadInput, commandName+" --help", "%w", err)
		}
	}
	err = kube.Explain(err, s.connected)
	printError(streams.Err, err)
	if code := exitCode(err); code != ExitFailed || !chosen {
		return code
	}
	return own.code
}

func printError(w io.Writer, err error) {
	// The role comes first: what people look for is the last on the screen.
	if missing, ok := errors.AsType[*inject.Missing](err); ok {
		fmt.Fprintf(w, "# a ClusterRole with the rights that are missing:\n%s\n", missing.Role)
	}
	fmt.Fprintln(w, term.Fold(w, "error: "+err.Error(), "       "))
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Next() != "" {
		fmt.Fprintln(w, term.Fold(w, "  next: "+p.Next(), "        "))
	}
}

func exitCode(err error) int {
	p, ok := errors.AsType[*problem.Error](err)
	switch {
	case !ok && errors.Is(err, context.DeadlineExceeded):
		return ExitDeadline
	case !ok:
		return ExitFailed
	}
	switch p.Kind() {
	case problem.BadInput:
		return ExitUsage
	case problem.NoAccess:
		return ExitNoAccess
	case problem.TimedOut:
		return ExitDeadline
	}
	return ExitFailed
}
