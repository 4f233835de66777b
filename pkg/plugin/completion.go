package plugin

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/shell"
)

// newCompletion is `completion`.
func newCompletion(s *session) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "completion",
		Short: "Have the shell complete words with TAB; needs no cluster",
		Long: "Have the shell complete commands, flags, pods, workloads, namespaces and more\n" +
			"with TAB. Where kubectl's own completion works (kubectl completion --help), all\n" +
			"that is missing is the file by which kubectl finds this one:\n\n" +
			"  kubectl falcon completion install\n\n" +
			"The other commands print a script for who calls this program by its own name.",
		Args: arguments(),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	for _, one := range []struct {
		name  string
		print func(root *cobra.Command) error
	}{
		{"bash", func(root *cobra.Command) error { return root.GenBashCompletionV2(s.Out, true) }},
		{"zsh", func(root *cobra.Command) error { return root.GenZshCompletion(s.Out) }},
		{"fish", func(root *cobra.Command) error { return root.GenFishCompletion(s.Out, true) }},
		{"powershell", func(root *cobra.Command) error { return root.GenPowerShellCompletionWithDesc(s.Out) }},
	} {
		cmd.AddCommand(&cobra.Command{
			Use:   one.name,
			Short: "Print a script for " + one.name,
			Long: "Print the script with which " + one.name + " completes the words of this program when\n" +
				"it is called by its own name. Behind kubectl use completion install instead.",
			Args: arguments(),
			RunE: func(cmd *cobra.Command, _ []string) error { return one.print(cmd.Root()) },
		})
	}
	cmd.AddCommand(newCompletionInstall(s), newCompletionUninstall(s))
	return cmd
}

func newCompletionInstall(s *session) *cobra.Command {
	folder := ""
	cmd := &cobra.Command{
		Use:   "install",
		Short: "Have kubectl complete the words of kubectl falcon",
		Long: "Put " + shell.Completer + " beside the plugin, or, if that folder may not be\n" +
			"written to, in a folder of yours on the PATH. It is a link to the plugin, on\n" +
			"Windows a copy, by which kubectl finds out how words are completed. A file of\n" +
			"that name which is not this program is left as it is.",
		Args: arguments(),
	}
	cmd.Flags().StringVar(&folder, "dir", "", "put it into this `FOLDER`")
	cmd.RunE = func(*cobra.Command, []string) error {
		where, err := s.pluginSearch()
		if err != nil {
			return err
		}
		to, err := where.Choose(folder)
		if err != nil {
			return err
		}
		changed, err := to.Install()
		if err != nil {
			return err
		}
		done := "is there already"
		if changed {
			done = "installed"
		}
		fmt.Fprintf(s.Out, "%s %s\n", to.Path(), done)
		if !where.OnPath(to.Folder) {
			s.remark("kubectl does not look into %s: put it on your PATH", to.Folder)
		}
		s.remark("it works in a shell with kubectl's own completion, in bash with the package bash-completion: kubectl completion --help")
		s.remark("to undo it: %s completion uninstall%s", commandName, dirFlag(where, to.Folder))
		return nil
	}
	return cmd
}

// dirFlag is what uninstall must be told to find the folder.
func dirFlag(s shell.Search, folder string) string {
	if s.OnPath(folder) {
		return ""
	}
	return " --dir " + shell.Quote(folder, s.Windows)
}

func newCompletionUninstall(s *session) *cobra.Command {
	folder := ""
	cmd := &cobra.Command{
		Use:   "uninstall",
		Short: "Take away what completion install has put",
		Long: "Remove " + shell.Completer + " from every folder on the PATH, or from the\n" +
			"one that --dir names. A file of that name which is not this program is left as\nit is.",
		Args: arguments(),
	}
	cmd.Flags().StringVar(&folder, "dir", "", "take it out of this `FOLDER` alone")
	cmd.RunE = func(*cobra.Command, []string) error {
		where, err := s.pluginSearch()
		if err != nil {
			return err
		}
		all := where.Installed(folder)
		if len(all) == 0 {
			s.remark("there is no %s to remove", shell.Completer)
		}
		var first error
		for _, one := range all {
			removed, err := one.Remove()
			switch {
			case err != nil && first == nil:
				first = err
			case err != nil:
				s.remark("%v", err)
			case removed:
				fmt.Fprintf(s.Out, "%s removed\n", one.Path())
			}
		}
		return first
	}
	return cmd
}

// asTyped is a word as this machine's shells must be given it.
func asTyped(word string) string { return shell.Quote(word, runtime.GOOS == "windows") }

// pluginSearch is where this program and the folders of programs are.
func (s *session) pluginSearch() (shell.Search, error) {
	program, err := os.Executable()
	if err != nil {
		return shell.Search{}, problem.New(problem.Failed, "", "it cannot be found out where this program is: %w", err)
	}
	// Without a home there is one place less to choose from.
	home, _ := os.UserHomeDir()
	return shell.Search{Executable: program, Path: filepath.SplitList(os.Getenv("PATH")), Home: home, Windows: runtime.GOOS == "windows"}, nil
}
