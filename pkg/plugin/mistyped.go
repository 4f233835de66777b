package plugin

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// meant are words that people try who know other tools, with the command that does it here.
var meant = map[string]string{
	"apply": "install", "upgrade": "install", "update": "install", "deploy": "install", "init": "install",
	"delete": "uninstall", "remove": "uninstall", "rm": "uninstall",
	"check": "verify", "doctor": "verify", "validate": "verify", "diagnose": "verify", "audit": "verify",
	"why": "explain", "log": "logs", "ids": "aid", "get": "status", "test": "demo", "detect": "demo",
}

// unknownCommand is the error for a word that is no command of cmd's.
func unknownCommand(cmd *cobra.Command, word string) error {
	next := problem.DidYouMean(cmd.CommandPath()+" ", word, subcommands(cmd))
	if next == "" && !cmd.HasParent() && meant[word] != "" {
		next = "did you mean: " + cmd.CommandPath() + " " + meant[word] + "?"
	}
	if next == "" {
		next = elsewhere(cmd, word)
	}
	if next == "" {
		next = cmd.CommandPath() + " --help"
	}
	return problem.New(problem.BadInput, next, "there is no command %q", word)
}

func subcommands(cmd *cobra.Command) (names []string) {
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			names = append(names, sub.Name())
		}
	}
	return names
}

// elsewhere is advice for a word that is a command, but of another one than cmd: push is of sensor.
func elsewhere(cmd *cobra.Command, word string) string {
	var found []string
	each(cmd.Root(), func(c *cobra.Command) {
		if c.Name() == word && !ofRBAC(c) {
			found = append(found, c.CommandPath())
		}
	})
	if len(found) == 0 || len(found) > 3 {
		return ""
	}
	return "did you mean: " + strings.Join(found, ", or ") + "?"
}

// ofRBAC says that a command is one of rbac's, which are called like those whose rights they print.
func ofRBAC(cmd *cobra.Command) bool { return cmd.HasParent() && cmd.Parent().Name() == "rbac" }

// each calls do with a command and all below it that users are shown.
func each(cmd *cobra.Command, do func(*cobra.Command)) {
	do(cmd)
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			each(sub, do)
		}
	}
}

// tooMany is the error for an argument that the command does not take. A switch with an optional value leaves
// its value there if it is not written behind an equals sign.
func tooMany(cmd *cobra.Command, arg string) error {
	next := cmd.CommandPath() + " --help"
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if f.NoOptDefVal == "" || f.Value.String() != f.NoOptDefVal {
			return
		}
		words := valueWords(f)
		if f.Value.Type() == "bool" {
			words = []string{"true", "false"}
		}
		if slices.Contains(words, arg) {
			next = "did you mean: --" + f.Name + "=" + arg + "?"
		}
	})
	return problem.New(problem.BadInput, next, "one argument too many: %q", arg)
}

// flagError says of a flag that cannot be meant which one, or which value, may have been.
func flagError(cmd *cobra.Command, args []string, err error) error {
	next := cmd.CommandPath() + " --help"
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		if near := unknownFlag(cmd, args, unknown); near != "" {
			next = near
		}
		return problem.New(problem.BadInput, next, "%w", err)
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		if words := valueWords(bare.GetFlag()); len(words) > 0 {
			next = "write --" + bare.GetFlag().Name + "=" + strings.Join(words, "|")
		}
		return problem.New(problem.BadInput, next, "%w", err)
	}
	if bad, ok := errors.AsType[*pflag.InvalidValueError](err); ok {
		return badValue(next, bad)
	}
	return problem.New(problem.BadInput, next, "%w", err)
}

// unknownFlag is advice for a flag that there is not.
func unknownFlag(cmd *cobra.Command, args []string, unknown *pflag.NotExistError) string {
	typed := unknown.GetSpecifiedName()
	if short := unknown.GetSpecifiedShortnames(); short != "" {
		typed = ""
		// -watch is read as five flags of one letter; the word as it was typed says more.
		for _, arg := range args {
			if len(arg) > 2 && arg[0] == '-' && arg[1] != '-' && strings.HasSuffix(arg, short) {
				typed, _, _ = strings.Cut(arg[1:], "=")
			}
		}
	}
	var names []string
	visible := func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	}
	cmd.Flags().VisitAll(visible)
	cmd.InheritedFlags().VisitAll(visible)
	if next := problem.DidYouMean("--", typed, names); next != "" {
		return next
	}
	var others []string
	each(cmd.Root(), func(c *cobra.Command) {
		if c.LocalNonPersistentFlags().Lookup(typed) != nil && !ofRBAC(c) {
			others = append(others, c.CommandPath())
		}
	})
	if typed == "" || len(others) == 0 || len(others) > 3 {
		return ""
	}
	return "it is a flag of " + strings.Join(others, ", and of ") + "; of this command: " + cmd.CommandPath() + " --help"
}

// badValue says what a flag's value should be. pflag's own kinds of value answer with words of Go's.
func badValue(next string, bad *pflag.InvalidValueError) error {
	f := bad.GetFlag()
	if near := problem.DidYouMean("--"+f.Name+"=", bad.GetValue(), valueWords(f)); near != "" {
		next = near
	}
	// What pflag reads by itself is refused in words of Go's.
	_, parsed := errors.AsType[*strconv.NumError](bad.Unwrap())
	if !parsed && !strings.HasPrefix(bad.Unwrap().Error(), "time:") {
		return problem.New(problem.BadInput, next, "%w", bad)
	}
	want := map[string]string{
		"bool":     "write --" + f.Name + " or --" + f.Name + "=false",
		"duration": "write it as 30s or 5m",
	}[f.Value.Type()]
	if want == "" {
		want = "it must be a whole number"
	}
	return problem.New(problem.BadInput, next, "invalid argument %q for %q flag: %s", bad.GetValue(), "--"+f.Name, want)
}

// valueWords are all that a flag's value may be, if they can be listed.
func valueWords(f *pflag.Flag) []string {
	switch v := f.Value.(type) {
	case interface{ choices() []string }:
		return v.choices()
	case *term.Format:
		return term.Formats
	case *term.ColorMode:
		return term.ColorModes
	case *reportFormat:
		return reportFormats
	case *aidFormat:
		return aidFormats
	}
	return nil
}
