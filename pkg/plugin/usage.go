package plugin

import (
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// helpWidth is what help fits in, in columns.
const helpWidth = 80

// usage prints how a command is called. cobra's own would need a template, which makes the binary larger
// by the whole of text/template's reach, and prints twenty kubeconfig flags under each command; here the
// root shows them, and the others say so.
func usage(cmd *cobra.Command) error {
	w := cmd.OutOrStderr()
	fmt.Fprintln(w, "Usage:")
	if cmd.Runnable() && cmd.HasParent() {
		fmt.Fprintln(w, "  "+cmd.UseLine())
	}
	if cmd.HasAvailableSubCommands() {
		fmt.Fprintln(w, "  "+cmd.CommandPath()+" [command]")
		fmt.Fprintln(w, "\nCommands:")
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-*s %s\n", cmd.NamePadding(), c.Name(), c.Short)
			}
		}
	}
	if cmd.HasExample() {
		fmt.Fprintln(w, "\nExamples:\n"+strings.TrimRight(cmd.Example, "\n"))
	}
	ownFlags(w, cmd)
	return shared(w, cmd)
}

// FlagGroup annotates a flag with the heading that it stands under.
const FlagGroup = "kubectl-falcon.group"

// ownFlags prints the flags that only this command has, each under its heading, those without one last.
func ownFlags(w io.Writer, cmd *cobra.Command) {
	const ungrouped = "Flags"
	var headings []string
	groups := map[string]*pflag.FlagSet{}
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if cmd.PersistentFlags().Lookup(f.Name) != nil {
			return
		}
		heading := ungrouped
		if group := f.Annotations[FlagGroup]; len(group) > 0 {
			heading = group[0]
		}
		if groups[heading] == nil {
			groups[heading] = pflag.NewFlagSet("", pflag.ContinueOnError)
			groups[heading].SortFlags = cmd.Flags().SortFlags
			if heading != ungrouped {
				headings = append(headings, heading)
			}
		}
		groups[heading].AddFlag(f)
	})
	for _, heading := range append(headings, ungrouped) {
		if set := groups[heading]; set != nil && set.HasAvailableFlags() {
			fmt.Fprintf(w, "\n%s:\n%s", heading, set.FlagUsagesWrapped(helpWidth))
		}
	}
}

// shared prints the flags that all commands have, or where they are shown.
func shared(w io.Writer, cmd *cobra.Command) error {
	if !cmd.HasParent() {
		_, err := fmt.Fprintf(w, "\nFlags of all commands:\n%s", cmd.PersistentFlags().FlagUsagesWrapped(helpWidth))
		return err
	}
	_, err := fmt.Fprintf(w, "\nkubectl's flags (--context, -n, --as ...) work too: %s --help\n",
		cmd.Root().CommandPath())
	return err
}
