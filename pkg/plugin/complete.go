package plugin

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/shell"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// completionTime is how long a completion may take. With the start of the program it is a second: whoever
// pressed TAB waits.
const completionTime = 900 * time.Millisecond

// noCandidates is the answer of a completion that had its time, in cobra's form: offer nothing, no files either.
const noCandidates = ":4\n"

// Args returns the arguments of a command line. kubectl completes the words of a plugin with a program of
// another name, kubectl_complete-falcon; called by that name this program completes the words that it is given.
func Args(argv []string) []string {
	if len(argv) == 0 {
		return nil
	}
	if shell.IsCompleter(argv[0]) {
		return append([]string{cobra.ShellCompRequestCmd}, argv[1:]...)
	}
	return argv[1:]
}

// Completes says whether the arguments ask for completion, during which nothing may be said on the terminal.
func Completes(args []string) bool {
	return len(args) > 0 && (args[0] == cobra.ShellCompRequestCmd || args[0] == cobra.ShellCompNoDescRequestCmd)
}

// complete prints what the last word of the arguments can be, one candidate a line. It says nothing else, and
// whatever goes wrong there are no candidates.
func complete(ctx context.Context, args []string, out io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, completionTime)
	defer cancel()
	if len(args) == 1 {
		// cobra takes that for an error; there is no word at all to complete.
		args = append(args, "")
	}
	answer := make(chan []byte, 1)
	// What gets tokens for the cluster does not know of the deadline, so nobody waits for it.
	go func() {
		var found bytes.Buffer
		s := &session{Streams: term.Streams{In: strings.NewReader(""), Out: &found, Err: io.Discard}, flags: kube.NewFlags()}
		root := newRoot(s)
		s.completeValues(root)
		root.SetArgs(args)
		if err := root.ExecuteContext(ctx); err != nil {
			answer <- []byte(noCandidates)
			return
		}
		answer <- found.Bytes()
	}()
	select {
	case found := <-answer:
		_, _ = out.Write(found)
	case <-ctx.Done():
		_, _ = io.WriteString(out, noCandidates)
	}
}

// typing is a command line whose last word is being typed.
type typing struct {
	s   *session
	ctx context.Context
	cmd *cobra.Command
	// args are the arguments before it, word is what there is of it.
	args []string
	word string
}

// completer finds what a word can become. A candidate may have a description behind a tab.
type completer func(typing) ([]string, cobra.ShellCompDirective)

// flag is the value of a flag of the line that is being typed, or nothing.
func (t typing) flag(name string) string {
	if f := t.cmd.Flags().Lookup(name); f != nil {
		return f.Value.String()
	}
	return ""
}

// completeValues has every argument and every flag of the commands completed as the tables say. It is done for
// completion alone; no other run needs it.
func (s *session) completeValues(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp)
	root.PersistentFlags().VisitAll(func(f *pflag.Flag) { s.completeFlag(root, f, connectionValues[f.Name]) })
	var walk func(*cobra.Command)
	walk = func(cmd *cobra.Command) {
		path := pathOf(cmd)
		if how := argumentValues[path]; how != nil && len(cmd.ValidArgs) == 0 {
			cmd.ValidArgsFunction = s.completion(how)
		}
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) { s.completeFlag(cmd, f, valuesOf(path, f)) })
		for _, sub := range cmd.Commands() {
			walk(sub)
		}
	}
	walk(root)
}

// valuesOf is how a flag of a command is completed: as is said for this command, or for all, or by its values.
func valuesOf(path string, f *pflag.Flag) completer {
	if how := flagValues[path+" --"+f.Name]; how != nil {
		return how
	}
	if how := flagValues["--"+f.Name]; how != nil {
		return how
	}
	if v, ok := f.Value.(interface{ choices() []string }); ok && len(v.choices()) > 0 {
		return words(v.choices()...)
	}
	return nil
}

func (s *session) completeFlag(cmd *cobra.Command, f *pflag.Flag, how completer) {
	// What shells show beside a flag is one line, and without the marks around its value's name.
	_, usage := pflag.UnquoteUsage(f)
	f.Usage = strings.ReplaceAll(usage, "\n", " ")
	if _, done := cmd.GetFlagCompletionFunc(f.Name); done || how == nil {
		return
	}
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc(f.Name, s.completion(how))
}

func (s *session) completion(how completer) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		return how(typing{s: s, ctx: cmd.Context(), cmd: cmd, args: args, word: word})
	}
}

// beginning are those of the candidates that the word can become.
func (t typing) beginning(all []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(one string) bool { return !strings.HasPrefix(one, t.word) })
}
