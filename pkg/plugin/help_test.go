package plugin

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"k8s.io/cli-runtime/pkg/genericclioptions"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// commands returns the path of every command that users are shown, the root's being empty.
func commands(t *testing.T) [][]string {
	t.Helper()
	var all [][]string
	var walk func(c *cobra.Command, path []string)
	walk = func(c *cobra.Command, path []string) {
		all = append(all, path)
		for _, sub := range c.Commands() {
			if sub.IsAvailableCommand() {
				walk(sub, append(path[:len(path):len(path)], sub.Name()))
			}
		}
	}
	walk(newRoot(&session{Streams: term.Streams{}, flags: kube.NewFlags()}), nil)
	if len(all) < 9 {
		t.Fatalf("found only %d commands", len(all))
	}
	return all
}

// kubeconfigFlags are the names of the flags that every kubectl command has.
func kubeconfigFlags() (names []string) {
	var kubectl cobra.Command
	genericclioptions.NewConfigFlags(true).AddFlags(kubectl.Flags())
	for _, m := range flagName.FindAllStringSubmatch(kubectl.Flags().FlagUsages(), -1) {
		names = append(names, m[1])
	}
	return names
}

var flagName = regexp.MustCompile(`(?m)^ {2,6}(?:-\w, )?--([a-z-]+)`)

// section returns the lines of help under a heading, until the next blank line.
func section(help, heading string) []string {
	_, rest, found := strings.Cut(help, heading+"\n")
	if !found {
		return nil
	}
	text, _, _ := strings.Cut(rest, "\n\n")
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

func TestHelpCallsTheProgramAsUsersDo(t *testing.T) {
	t.Setenv("KUBECACHEDIR", "/cache")
	for _, path := range commands(t) {
		name := strings.Join(append([]string{"kubectl falcon"}, path...), " ")
		t.Run(name, func(t *testing.T) {
			o := falcon(t, append(path, "--help")...)
			o.must(t, 0)
			if o.err != "" {
				t.Errorf("it wrote on stderr: %s", o.err)
			}
			usage := section(o.out, "Usage:")
			if len(usage) == 0 {
				t.Fatalf("there is no usage in\n%s", o.out)
			}
			for _, line := range usage {
				if !strings.HasPrefix(line, "  "+name) {
					t.Errorf("a usage line is %q", line)
				}
			}
			if strings.Contains(o.out, "kubectl-falcon") {
				t.Errorf("it calls the program by its file:\n%s", o.out)
			}
			for _, line := range strings.Split(o.out, "\n") {
				if len(line) > 80 {
					t.Errorf("%d columns: %s", len(line), line)
				}
			}
			if len(path) > 0 {
				purpose(t, o.out, path)
			}
			if same := falcon(t, append([]string{"help"}, path...)...); same.out != o.out || same.code != 0 {
				t.Errorf("kubectl falcon help %s prints something else", strings.Join(path, " "))
			}
		})
	}
}

// purpose checks that a command's help says in a line what it is for, and how it may end.
func purpose(t *testing.T, help string, path []string) {
	t.Helper()
	cmd, _, err := Commands().Find(path)
	if err != nil {
		t.Fatal(err)
	}
	if cmd.Short == "" || len(cmd.Short) > 72 || strings.ContainsAny(cmd.Short, "\n") || strings.HasSuffix(cmd.Short, ".") {
		t.Errorf("its purpose is no line for a list: %q", cmd.Short)
	}
	codes := section(help, "Exit codes:")
	for _, want := range []string{"  0 ", "  2 "} {
		if !slices.ContainsFunc(codes, func(line string) bool { return strings.HasPrefix(line, want) }) {
			t.Errorf("it does not tell of exit code%sin\n%s", want, strings.Join(codes, "\n"))
		}
	}
}

// The list is one column of names and one of purposes, whatever the longest name is.
func TestHelpListsCommandsInColumns(t *testing.T) {
	for _, path := range [][]string{{}, {"rbac"}, {"aws", "ecr"}} {
		lines := section(falcon(t, append(path, "--help")...).out, "Commands:")
		column := 0
		for _, line := range lines {
			name := strings.Index(line[2:], "  ") + 2
			at := name + len(line[name:]) - len(strings.TrimLeft(line[name:], " "))
			if column == 0 {
				column = at
			}
			if at != column {
				t.Errorf("%v: %q does not begin in column %d", path, line, column)
			}
		}
	}
}

func TestHelpOfTheRootListsTheCommandsAndTheSharedFlags(t *testing.T) {
	for _, help := range []outcome{falcon(t), falcon(t, "--help")} {
		help.must(t, 0)
		listed := map[string]bool{}
		for _, line := range section(help.out, "Commands:") {
			name, short, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.TrimSpace(short) == "" {
				t.Errorf("%s is not described", name)
			}
			listed[name] = true
		}
		for _, path := range commands(t) {
			if len(path) == 1 && !listed[path[0]] {
				t.Errorf("%s is not listed in\n%s", path[0], help.out)
			}
		}
		for _, f := range kubeconfigFlags() {
			if !strings.Contains(help.out, " --"+f+" ") {
				t.Errorf("--%s is not listed", f)
			}
		}
		// Nobody must take this for the vendor's.
		if !strings.Contains(help.out, "independent project") {
			t.Errorf("it does not say whose program this is:\n%s", help.out)
		}
	}
}

// Whoever knows kubectl's flags must find them here, before and after the command's name.
func TestEveryCommandTakesTheKubeconfigFlags(t *testing.T) {
	for _, name := range []string{"kubeconfig", "context", "cluster", "user", "namespace", "as", "as-group", "as-uid", "token",
		"server", "request-timeout", "certificate-authority", "client-certificate", "client-key",
		"insecure-skip-tls-verify", "tls-server-name", "proxy-url", "disable-compression", "cache-dir"} {
		if !slices.Contains(kubeconfigFlags(), name) {
			t.Errorf("kubectl's --%s is not known", name)
		}
	}
	for _, path := range commands(t) {
		for _, f := range kubeconfigFlags() {
			arg := "--" + f + "=1"
			for _, args := range [][]string{
				append(path[:len(path):len(path)], arg, "--help"),
				append(append([]string{arg}, path...), "--help"),
			} {
				if o := falcon(t, args...); o.code != 0 || o.err != "" {
					t.Errorf("%s: exit code %d: %s", strings.Join(args, " "), o.code, o.err)
				}
			}
		}
	}
	for _, args := range [][]string{{"version", "-n", "x"}, {"-n", "x", "version"}, {"version", "-s", "x"}} {
		falcon(t, args...).must(t, 0)
	}
}

func TestCompletionOffersTheFormats(t *testing.T) {
	o := falcon(t, "__complete", "verify", "-o", "")
	if o.code != 0 || !strings.HasPrefix(o.out, "wide\njson\nyaml\n") {
		t.Errorf("got %+v", o)
	}
}
