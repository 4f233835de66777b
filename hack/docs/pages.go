package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
)

const (
	// notice begins each page.
	notice = "<!-- Written by hack/docs from the commands themselves: run make docs instead of editing it. -->\n"
	// commandsFolder has a page for each command, indexPage is the one that lists them.
	commandsFolder = "commands"
	indexPage      = commandsFolder + "/README.md"
	// optionsSuffix ends the names of pages that have the flags of a command with manyFlags or more.
	optionsSuffix = "-options.md"
	manyFlags     = 40
)

// optionsPage has the flags of a command that has too many for its page.
func optionsPage(cmd *cobra.Command) string { return cmd.Name() + optionsSuffix }

// pages returns the text of every page by its name in the documentation's folder.
func pages() map[string]string {
	// The default of a flag is a folder of whoever runs this; setting a variable of this process cannot fail.
	_ = os.Setenv("KUBECACHEDIR", "~/.kube/cache")
	root := plugin.Commands()
	root.InitDefaultHelpCmd()
	all := map[string]string{indexPage: index(root)}
	walk(root, func(cmd *cobra.Command) {
		if cmd.HasParent() {
			all[commandsFolder+"/"+pageOf(cmd)] = page(cmd)
		}
		if separate(cmd) {
			all[optionsPage(cmd)] = options(cmd)
		}
	})
	return all
}

// walk calls do with every command that users are shown.
func walk(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			walk(sub, do)
		}
	}
}

// pageOf is the file of a command's page: certs-rotate.md.
func pageOf(cmd *cobra.Command) string {
	words := strings.Fields(cmd.CommandPath())
	return strings.Join(words[len(strings.Fields(cmd.Root().CommandPath())):], "-") + ".md"
}

// separate says whether a command's flags have a page of their own.
func separate(cmd *cobra.Command) bool {
	n := 0
	for _, g := range groups(cmd) {
		n += len(g.flags)
	}
	return cmd.HasParent() && n >= manyFlags
}

func index(root *cobra.Command) string {
	var b strings.Builder
	b.WriteString(notice + "\n# The commands\n\n" + root.Long + "\n\n| command | what it does |\n|---|---|\n")
	walk(root, func(cmd *cobra.Command) {
		if cmd.HasParent() {
			fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", cmd.CommandPath(), pageOf(cmd), cell(cmd.Short))
		}
	})
	b.WriteString("\n## Flags of all commands\n\n")
	group{flags: flagsOf(root.PersistentFlags())}.write(&b)
	return b.String()
}

// page is a command's page.
func page(cmd *cobra.Command) string {
	var b strings.Builder
	text := cmd.Long
	if text == "" {
		text = cmd.Short + "."
	}
	fmt.Fprintf(&b, "%s\n# %s\n\n%s\n\n```text\n%s\n```\n", notice, cmd.CommandPath(), text, cmd.UseLine())
	if cmd.HasAvailableSubCommands() {
		b.WriteString("\n| command | what it does |\n|---|---|\n")
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				fmt.Fprintf(&b, "| [`%s`](%s) | %s |\n", sub.CommandPath(), pageOf(sub), cell(sub.Short))
			}
		}
	}
	if cmd.HasExample() {
		fmt.Fprintf(&b, "\n## Examples\n\n```console\n%s\n```\n", examples(cmd.Example))
	}
	if separate(cmd) {
		fmt.Fprintf(&b, "\n## Flags\n\nThey are on a page of their own: [%s](../%[1]s).\n", optionsPage(cmd))
	} else if all := groups(cmd); len(all) > 0 {
		for _, g := range all {
			fmt.Fprintf(&b, "\n## %s\n\n", g.heading)
			g.write(&b)
		}
	}
	b.WriteString("\n## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for _, code := range plugin.ExitCodes(cmd) {
		fmt.Fprintf(&b, "| %d | %s |\n", code.Code, cell(code.Means))
	}
	b.WriteString("\nkubectl's flags (`--context`, `-n`, `--as` ...) work too: [flags of all commands](README.md#flags-of-all-commands).\n")
	return b.String()
}

// examples puts a prompt before each command of a help text's examples.
func examples(text string) string {
	var lines []string
	continued := false
	for line := range strings.SplitSeq(strings.Trim(text, "\n"), "\n") {
		line = strings.TrimPrefix(line, "  ")
		if !continued && line != "" && !strings.HasPrefix(line, "#") {
			line = "$ " + line
		}
		continued = strings.HasSuffix(line, `\`)
		lines = append(lines, line)
	}
	return strings.Join(lines, "\n")
}

// options is the page of a command's flags.
func options(cmd *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n# All options of %s\n\n", notice, cmd.CommandPath())
	fmt.Fprintf(&b, "What it does with them is on the page [%s.md](%[1]s.md), how it is called on\n"+
		"[%[2]s/%[3]s](%[2]s/%[3]s).\n", cmd.Name(), commandsFolder, pageOf(cmd))
	for _, g := range groups(cmd) {
		fmt.Fprintf(&b, "\n## %s\n\n", g.heading)
		g.write(&b)
	}
	return b.String()
}

// group is flags under one heading.
type group struct {
	heading string
	flags   []*pflag.Flag
}

// groups returns the flags that only this command has, each under its heading, those without one last.
func groups(cmd *cobra.Command) (all []group) {
	rest := group{heading: "Flags"}
	for _, f := range flagsOf(cmd.LocalFlags()) {
		if f.Name == "help" || cmd.PersistentFlags().Lookup(f.Name) != nil {
			continue
		}
		headings := f.Annotations[plugin.FlagGroup]
		switch {
		case len(headings) == 0:
			rest.flags = append(rest.flags, f)
		case len(all) > 0 && all[len(all)-1].heading == headings[0]:
			all[len(all)-1].flags = append(all[len(all)-1].flags, f)
		default:
			all = append(all, group{headings[0], []*pflag.Flag{f}})
		}
	}
	if len(rest.flags) > 0 {
		all = append(all, rest)
	}
	return all
}

func flagsOf(set *pflag.FlagSet) (flags []*pflag.Flag) {
	set.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			flags = append(flags, f)
		}
	})
	return flags
}

// write adds the flags as a table.
func (g group) write(b *strings.Builder) {
	b.WriteString("| flag | default | what it does |\n|---|---|---|\n")
	for _, f := range g.flags {
		kind, text := pflag.UnquoteUsage(f)
		name := "--" + f.Name
		if f.Shorthand != "" {
			name = "-" + f.Shorthand + ", " + name
		}
		if kind != "" {
			name += " " + kind
		}
		fmt.Fprintf(b, "| `%s` | %s | %s |\n", cell(name), byDefault(f), cell(text))
	}
}

// byDefault is what a flag is without being given, if that is something.
func byDefault(f *pflag.Flag) string {
	switch f.DefValue {
	case "", "false", "[]", "0":
		return ""
	}
	return "`" + cell(f.DefValue) + "`"
}

// cell makes a text fit for a cell of a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ").Replace(text)
}
