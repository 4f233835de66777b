// Package plugin is the commands of kubectl falcon. Each turns its flags into plain options, makes one call
// into a capability package, and prints what comes back.
//
// It holds no logic about Falcon or Kubernetes, and is the one place that knows exit codes.
package plugin

import (
	"context"
	"strings"

	"github.com/spf13/cobra"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// commandName is how users call the program, whatever its file is called.
const commandName = "kubectl falcon"

// session is what all commands of one run share.
type session struct {
	term.Streams
	flags *kube.Flags
	// args are the command line, unknown is a command that was asked for help and is not there.
	args    []string
	unknown error
	// connected is the cluster once a command has asked for it.
	connected *kube.Cluster
	// began is set when a command's own work starts: an error before that is one of usage.
	began bool
	// resumes says that what was stopped in the middle is worth running again: the command changes things.
	resumes bool
	// undoneBy is the command that takes back what was done of it.
	undoneBy string
	// endless says that the command goes on until it is stopped, so that stopping it is no error.
	endless bool
	// pause says that the end waits for a key.
	pause bool
	// color is when output is coloured.
	color term.ColorMode
	// display is the progress that was shown last; while it is up, what else is said goes through it.
	display *term.Progress
}

// cluster returns the cluster that the flags name, and connects on first use: commands that need none
// work without a kubeconfig.
func (s *session) cluster() (*kube.Cluster, error) {
	if s.connected != nil {
		return s.connected, nil
	}
	if _, err := clientcmd.ParseTimeout(*s.flags.Timeout); err != nil {
		return nil, problem.New(problem.BadInput, "write it as 30s, 2m or 0", "--request-timeout: %w", err)
	}
	c, err := kube.Connect(s.flags, userAgent(), &warnings{say: s.remark, said: map[string]bool{}})
	if err != nil {
		return nil, err
	}
	s.connected = c
	return c, nil
}

// Commands returns the tree of all commands, connected to nothing, for what describes them.
func Commands() *cobra.Command {
	return newRoot(&session{flags: kube.NewFlags()})
}

func newRoot(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "kubectl-falcon",
		Short: "Protect pods with the CrowdStrike Falcon Container sensor",
		Long: "Install the injector of the CrowdStrike Falcon Container sensor, see which pods\n" +
			"carry the sensor, and prove that it works.\n\n" +
			"This is an independent project, not made, endorsed or supported by CrowdStrike.",
		Annotations:   map[string]string{cobra.CommandDisplayNameAnnotation: commandName},
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			s.began = true
			return refuseNamespace(cmd)
		},
	}
	cmd.SetIn(s.In)
	cmd.SetOut(s.Out)
	cmd.SetErr(s.Err)
	cmd.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return flagError(c, s.args, err) })
	cmd.SetUsageFunc(usage)
	s.refuseHelp(cmd)
	s.flags.AddFlags(cmd.PersistentFlags())
	cmd.PersistentFlags().Var(&s.color, "color", "when to colour what is printed")
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(term.ColorModes, cobra.ShellCompDirectiveNoFileComp))
	cmd.PersistentFlags().BoolVar(&s.pause, "pause", false, "on a terminal, wait for a key at the end and then\nexit with 0, for k9s")
	cmd.SetHelpCommand(newHelp())
	cmd.AddCommand(newUp(s), newDown(s), newInstall(s), newUninstall(s), newStatus(s), newCerts(s), newVerify(s), newExplain(s), newRestart(s, judgeScope),
		newBundle(s), newExplainCheck(s), newAID(s), newLogs(s), newDemo(s), newSensor(s), newAWS(s), newRBAC(), newCompletion(s), newK9s(s), newVersion(s))
	giveExamples(cmd)
	return cmd
}

// refuseHelp has --help behind a word that is no command say so: cobra shows the help of the command before.
func (s *session) refuseHelp(root *cobra.Command) {
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if words := c.Flags().Args(); len(words) > 0 && c.HasSubCommands() {
			s.unknown = unknownCommand(c, words[0])
			return
		}
		show(c, args)
	})
}

// newHelp is `help COMMAND`; cobra's own takes an unknown command for no command.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Show how a command is used",
		RunE: func(cmd *cobra.Command, args []string) error {
			target, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), strings.Join(args, " "))
			}
			target.InitDefaultHelpFlag()
			return target.Help()
		},
	}
}

// arguments checks that a command gets exactly the arguments named, such as "POD".
func arguments(names ...string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		next := cmd.CommandPath() + " --help"
		switch {
		case len(args) < len(names):
			return problem.New(problem.BadInput, next, "%s is missing: %s", names[len(args)], cmd.UseLine())
		case len(args) > len(names) && cmd.HasSubCommands():
			return unknownCommand(cmd, args[len(names)])
		case len(args) > len(names):
			return tooMany(cmd, args[len(names)])
		}
		return nil
	}
}

// formatFlag adds -o to a command that prints data.
func formatFlag(cmd *cobra.Command) *term.Format {
	f := term.Table
	cmd.Flags().VarP(&f, "output", "o", "print as this instead of for people")
	complete := cobra.FixedCompletions(term.Formats, cobra.ShellCompDirectiveNoFileComp)
	// It fails only for a flag that is not there.
	_ = cmd.RegisterFlagCompletionFunc("output", complete)
	return &f
}

// onCluster makes a command of what is done with a cluster.
func (s *session) onCluster(do func(ctx context.Context, c *kube.Cluster, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		c, err := s.cluster()
		if err != nil {
			return err
		}
		return do(cmd.Context(), c, args)
	}
}
