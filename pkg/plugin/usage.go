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
		longest := 0
		for _, name := range subcommands(cmd) {
			longest = max(longest, len(name))
		}
		for _, c := range cmd.Commands() {
			if c.IsAvailableCommand() {
				fmt.Fprintf(w, "  %-*s  %s\n", longest, c.Name(), c.Short)
			}
		}
	}
	if cmd.HasExample() {
		fmt.Fprintln(w, "\nExamples:\n"+strings.TrimRight(cmd.Example, "\n"))
	}
	ownFlags(w, cmd)
	if cmd.HasParent() {
		fmt.Fprintln(w, "\nExit codes:")
		for _, code := range ExitCodes(cmd) {
			entry(w, fmt.Sprintf("  %-3d", code.Code), 7, code.Means)
		}
	}
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
			fmt.Fprintf(w, "\n%s:\n", heading)
			listFlags(w, set)
		}
	}
}

// shared prints the flags that all commands have, or where they are shown.
func shared(w io.Writer, cmd *cobra.Command) error {
	if !cmd.HasParent() {
		fmt.Fprintln(w, "\nFlags of all commands:")
		listFlags(w, cmd.PersistentFlags())
		_, err := fmt.Fprintf(w, "\n%s COMMAND --help shows a command's flags, examples and exit codes.\n", cmd.CommandPath())
		return err
	}
	_, err := fmt.Fprintf(w, "\nkubectl's flags (--context, -n, --as ...) work too: %s --help\n",
		cmd.Root().CommandPath())
	return err
}

// widestName is how much of a line the name of a flag may take from what it does; below a longer one that
// stands on lines of its own.
const widestName = 34

// listFlags prints each flag of a set with what it does. pflag's own list breaks lines at a width and then
// again where they are broken in the source.
func listFlags(w io.Writer, set *pflag.FlagSet) {
	names, texts, column := []string{}, []string{}, 0
	set.VisitAll(func(f *pflag.Flag) {
		if f.Hidden {
			return
		}
		kind, text := pflag.UnquoteUsage(f)
		name := "      --" + f.Name
		if f.Shorthand != "" {
			name = "  -" + f.Shorthand + ", --" + f.Name
		}
		switch {
		case f.NoOptDefVal != "" && f.Value.Type() != "bool":
			name += "[=" + kind + "]"
		case kind != "":
			name += " " + kind
		}
		if value := byDefault(f); value != "" {
			text += " (default " + value + ")"
		}
		names, texts = append(names, name), append(texts, text)
		if len(name) <= widestName {
			column = max(column, len(name))
		}
	})
	for n, name := range names {
		entry(w, name, column+3, texts[n])
	}
}

// byDefault is the value that a flag has without being given, if that says something.
func byDefault(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "[]", "0", "-1":
		return ""
	}
	if f.Value.Type() == "string" {
		return fmt.Sprintf("%q", f.DefValue)
	}
	return f.DefValue
}

// entry prints a text behind a name, folded under its own beginning.
func entry(w io.Writer, name string, column int, text string) {
	if len(name) > column-2 {
		fmt.Fprintln(w, name)
		name = ""
	}
	line := fmt.Sprintf("%-*s", column, name)
	empty := true
	for word := range strings.FieldsSeq(text) {
		if !empty && len(line)+1+len(word) > helpWidth {
			fmt.Fprintln(w, line)
			line, empty = strings.Repeat(" ", column), true
		}
		if !empty {
			line += " "
		}
		line += word
		empty = false
	}
	fmt.Fprintln(w, strings.TrimRight(line, " "))
}
