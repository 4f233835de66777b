package plugin

import (
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/k9s"
)

// newK9s is `k9s`.
func newK9s(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "k9s",
		Short: "Put keys for k9s into its plugins file; needs no cluster",
		Long: "Put keys into k9s that run kubectl falcon on what is selected there: the AID of\n" +
			"a pod, explain, verify, restart, demo. They are plugins of k9s, which it reads\n" +
			"when it starts.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newK9sInstall(s), newK9sPrint(s), newK9sUninstall(s))
	return cmd
}

func newK9sPrint(s *session) *cobra.Command {
	return &cobra.Command{
		Use:   "print",
		Short: "Print the plugins for k9s",
		Long:  "Print a plugins file of k9s with the keys of kubectl falcon alone.",
		Args:  arguments(),
		RunE: func(*cobra.Command, []string) error {
			_, err := io.WriteString(s.Out, k9s.Plugins())
			return err
		},
	}
}

// pluginsFile adds --file to a command, and returns what finds the file in the end.
func pluginsFile(cmd *cobra.Command) func() string {
	name := ""
	cmd.Flags().StringVar(&name, "file", "", "this `FILE` in place of the one that k9s reads for all clusters")
	return func() string {
		if name != "" {
			return name
		}
		// Without a home k9s finds nothing either, unless its variable says where.
		home, _ := os.UserHomeDir()
		return k9s.Places{OS: runtime.GOOS, ConfigDir: os.Getenv("K9S_CONFIG_DIR"), XDG: os.Getenv("XDG_CONFIG_HOME"),
			LocalAppData: os.Getenv("LOCALAPPDATA"), Home: home}.File()
	}
}

func newK9sInstall(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Put the keys into k9s, or bring them up to date",
		Long: "Put the keys into the plugins file of k9s, which K9S_CONFIG_DIR and then\n" +
			"XDG_CONFIG_HOME decide about, as for k9s itself. All else in the file stays as\n" +
			"it is, and a plugin of another's under a name of ours is never overwritten. It\n" +
			"can be run again at any time.",
		Args: arguments(),
	}
	file := pluginsFile(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		name := file()
		done, err := k9s.Install(name)
		if err != nil {
			return err
		}
		what := "is up to date"
		switch {
		case done.Changed && done.Created:
			what = "made"
		case done.Changed:
			what = "changed"
		}
		fmt.Fprintf(s.Out, "%s %s\n", name, what)
		if done.Backup != "" {
			s.remark("as it was before: %s", done.Backup)
		}
		for _, clash := range done.Clashes {
			s.remark("%s, and k9s shows only one of them: change the shortCut of yours", clash)
		}
		s.remark("k9s has the keys from its next start on; to undo it: %s k9s uninstall", commandName)
		return nil
	}
	return cmd
}

func newK9sUninstall(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take the keys out of k9s again",
		Long:  "Take the keys out of the plugins file of k9s. All else in the file stays as it\nis.",
		Args:  arguments(),
	}
	file := pluginsFile(cmd)
	cmd.RunE = func(*cobra.Command, []string) error {
		name := file()
		done, err := k9s.Uninstall(name)
		switch {
		case err != nil:
			return err
		case done.Removed:
			fmt.Fprintf(s.Out, "%s removed: there was nothing else in it\n", name)
		case done.Changed:
			fmt.Fprintf(s.Out, "%s changed\n", name)
		default:
			s.remark("there is nothing of kubectl falcon in %s", name)
		}
		return nil
	}
	return cmd
}
