package pages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
)

// others are the programs that pages name besides the plugin. They are not run here: that they are known at
// all shows that no name is misspelt.
var others = []string{"aws", "docker", "eksctl", "flux", "argocd", "git", "go", "helm", "make", "sha256sum", "tar", "timedatectl",
	"watch", "curl", "install", "falcon_sensor_download", "xargs", "jq", "grep", "cat", "mkdir", "sed", "cosign", "gh", "diff",
	"Out-String", "Invoke-Expression", "kubectl_complete-falcon"}

// stand stands for a program: a function that notes its name and arguments, and prints what a substitution may
// get.
const stand = `%s() { printf '%%s\0' "$FUNCNAME" "$@" END >>"$RECORD"; echo KEY=VALUE; }
`

// example is what stands for the words that readers replace, where the parser looks at them.
var example = strings.NewReplacer("TYPE/NAME", "deployment/web", "pod/POD", "pod/web-0", "POD", "web-0")

// Every command line is one that the plugin's own parser takes: commands, flags, their values, and the number
// of arguments. A real shell takes the lines apart, so pipes and substitutions are seen too.
func TestCommandLinesParse(t *testing.T) {
	targets := makeTargets(t)
	seen := 0
	for _, p := range all(t) {
		for _, argv := range recorded(t, p) {
			line, argv := argv[0], argv[1:]
			switch {
			case argv[0] == "kubectl-falcon" || argv[0] == "kubectl" && len(argv) > 1 && argv[1] == "falcon":
				if argv[0] == "kubectl" {
					argv = argv[1:]
				}
				seen++
				if err := parse(argv[1:]); err != nil {
					t.Errorf("%s:%s: kubectl falcon %s: %v", p.Name, line, strings.Join(argv[1:], " "), err)
				}
			case argv[0] == "make" && len(argv) > 1 && !slices.Contains(targets, argv[1]):
				t.Errorf("%s:%s: the Makefile has no target %s", p.Name, line, argv[1])
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d command lines of the plugin were found", seen)
	}
}

// parse is what cobra does before it runs a command.
func parse(args []string) error {
	root := plugin.Commands()
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(args)
	if err != nil {
		return err
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	if cmd == root && len(cmd.Flags().Args()) > 0 {
		return fmt.Errorf("there is no such command")
	}
	if help, _ := cmd.Flags().GetBool("help"); help {
		return nil
	}
	if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
		return err
	}
	if err := cmd.ValidateRequiredFlags(); err != nil {
		return err
	}
	return unknownWord(cmd)
}

// unknownWord refuses a value that is none of those that a flag's usage lists, such as a|b|c, which some
// commands look at only when they run.
func unknownWord(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		words := strings.Split(f.Value.Type(), "|")
		upper := strings.ContainsFunc(f.Value.Type(), func(r rune) bool { return r >= 'A' && r <= 'Z' })
		if len(words) > 1 && !upper && !slices.Contains(words, strings.SplitN(f.Value.String(), "=", 2)[0]) {
			err = fmt.Errorf("--%s takes %s, not %s", f.Name, f.Value.Type(), f.Value.String())
		}
	})
	return err
}

// recorded has a shell run all command lines of a page with stand-ins for every program, and returns what each
// was called with, the line of the page first.
func recorded(t *testing.T, p Page) (calls [][]string) {
	t.Helper()
	var script strings.Builder
	for _, name := range append([]string{"kubectl", "kubectl-falcon", "at-line"}, others...) {
		fmt.Fprintf(&script, stand, name)
	}
	script.WriteString("command_not_found_handle() { at-line unknown \"$1\"; }\n")
	for _, b := range p.Blocks {
		if b.Language != "console" {
			continue
		}
		for _, c := range b.Commands() {
			fmt.Fprintf(&script, "at-line %d >/dev/null\n%s\n", c.Line, example.Replace(c.Text))
		}
	}
	script.WriteString("at-line end\n")
	record := filepath.Join(t.TempDir(), "record")
	cmd := exec.Command("/bin/bash", "-c", script.String())
	cmd.Dir = t.TempDir()
	cmd.Env = []string{"PATH=/nowhere", "RECORD=" + record}
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: a shell does not take its lines: %v\n%s", p.Name, err, said)
	}
	content, err := os.ReadFile(record)
	if err != nil {
		t.Fatal(err)
	}
	line := ""
	for call := range strings.SplitSeq(strings.TrimSuffix(string(content), "END\x00"), "END\x00") {
		argv := strings.Split(strings.TrimSuffix(call, "\x00"), "\x00")
		switch {
		case argv[0] != "at-line":
			calls = append(calls, append([]string{line}, argv...))
		case argv[1] == "unknown":
			t.Errorf("%s:%s: %s is no program that these tests know", p.Name, line, argv[2])
		default:
			line = argv[1]
		}
	}
	if line != "end" {
		t.Errorf("%s: after line %s the shell went no further:\n%s", p.Name, line, said)
	}
	return calls
}

func makeTargets(t *testing.T) (names []string) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if name, _, ok := strings.Cut(line, ":"); ok && !strings.ContainsAny(name, " \t=.$#") {
			names = append(names, name)
		}
	}
	return names
}

// A misspelt line must not pass.
func TestParseRefuses(t *testing.T) {
	for _, line := range []string{"instal", "install --imagee x", "install --replicas many", "verify -o tables", "aid --concurrency x",
		"rbac nothing", "version extra", "aws ecr ensur x", "aws ecr ensure", "install --trace loud", "certs -o csv"} {
		if err := parse(strings.Fields(line)); err == nil {
			t.Errorf("kubectl falcon %s was taken", line)
		}
	}
	for _, line := range []string{"install --cid x --image y --replicas 3", "verify -A -o html", "aid -", "--context x status", "status --help"} {
		if err := parse(strings.Fields(line)); err != nil {
			t.Errorf("kubectl falcon %s: %v", line, err)
		}
	}
}
