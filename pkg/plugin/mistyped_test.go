package plugin

import (
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Letters that changed places are the commonest mistake; cobra suggests only with a distance set.
func TestAMistypedCommandIsSuggested(t *testing.T) {
	for typed, meant := range map[string]string{"verfiy": "verify", "intsall": "install", "statsu": "status"} {
		falcon(t, typed).must(t, 2, "did you mean: kubectl falcon "+meant)
	}
}

func TestHelpForAnUnknownCommandIsBadInput(t *testing.T) {
	falcon(t, "help", "nosuch").must(t, 2, "nosuch")
}

// A flag of kubectl's with a value that cannot be meant is the user's slip, not the kubeconfig's fault.
func TestABadRequestTimeoutIsBadInput(t *testing.T) {
	falcon(t, "verify", "--server", "http://127.0.0.1:1", "--request-timeout", "soon").must(t, 2, "request-timeout")
}

func TestAMistypedSubcommandIsSuggested(t *testing.T) {
	falcon(t, "demo", "cleen").must(t, 2, `no command "cleen"`, "did you mean: kubectl falcon demo clean")
}

// So is a command whose policy is asked for; one that is close to none is told all that there are.
func TestAMistypedPolicyIsSuggested(t *testing.T) {
	for typed, meant := range map[string]string{"upp": "up", "irsa chekc": "irsa check", "verfy": "verify", "ecr-ensure": "ecr ensure"} {
		falcon(t, "aws", "iam-policy", typed).must(t, 2, "did you mean: kubectl falcon aws iam-policy "+meant+"?")
	}
	falcon(t, "aws", "iam-policy", "irsa", "chekc").must(t, 2, "did you mean: kubectl falcon aws iam-policy irsa check?")
	falcon(t, "aws", "iam-policy", "x").must(t, 2, "use one of: cluster check, ")
	falcon(t, "aws", "iam-policy", "down").must(t, 0)
}

// What cannot be meant is told before any cluster is looked at.
func TestFlagsThatCannotBeMeant(t *testing.T) {
	for says, args := range map[string][]string{
		"--break-glass and --dry-run do not go together":        {"uninstall", "--break-glass", "--dry-run"},
		"--break-glass and --keep-namespace do not go together": {"uninstall", "--break-glass", "--keep-namespace"},
		`"server" for "--dry-run" flag: use none or client`:     {"uninstall", "--dry-run=server"},
		`"client" for "--dry-run" flag: use none or server`:     {"restart", "--dry-run=client"},
		`did you mean: --dry-run=client`:                        {"uninstall", "--dry-run=clinet"},
		"--plan and --dry-run do not go together":               {"restart", "--plan", "--dry-run"},
		"--check names no check":                                {"verify", "--check", ""},
		"--skip names no check":                                 {"verify", "--skip="},
		"not about namespace shop":                              {"uninstall", "-n", "shop"},
		"certs is about the injector of the whole cluster":      {"certs", "rotate", "--namespace=shop"},
	} {
		falcon(t, args...).must(t, 2, says)
	}
}

// A wait that cannot be meant must not begin, since what comes before it changes the cluster.
func TestATimeoutThatCannotBeMeantIsBadInput(t *testing.T) {
	for _, text := range []string{"0", "0s", "-1s", "5", "soon"} {
		for _, command := range []string{"install", "uninstall", "demo", "aid"} {
			falcon(t, command, "--timeout", text).must(t, 2, "--timeout")
		}
	}
	falcon(t, "aid", "").must(t, 2, "is not a pod")
	falcon(t, "aid", "pod/a/b").must(t, 2, "is not a pod")
}

// longest is the name of a command's longest flag.
func longest(cmd *cobra.Command) (name string) {
	cmd.LocalFlags().VisitAll(func(f *pflag.Flag) {
		if len(f.Name) > len(name) {
			name = f.Name
		}
	})
	return name
}

// The longest flag of each command, with a letter too much, one too few, and two that changed places.
func TestAMistypedFlagIsSuggestedByEveryCommand(t *testing.T) {
	for _, path := range commands(t) {
		cmd, _, err := Commands().Find(path)
		if err != nil {
			t.Fatal(err)
		}
		cmd.InitDefaultHelpFlag()
		flag := longest(cmd)
		at := 1
		for flag[at] == flag[at+1] {
			at++
		}
		changed := flag[:at] + flag[at+1:at+2] + flag[at:at+1] + flag[at+2:]
		for _, typed := range []string{flag + "s", flag[:2] + flag[3:], changed} {
			falcon(t, append(path, "--"+typed)...).must(t, 2, "unknown flag: --"+typed, "--"+flag)
		}
	}
}

func TestWhatIsMistypedIsSuggested(t *testing.T) {
	for line, says := range map[string]string{
		"verify --leftover":             "did you mean: --leftovers?",
		"verify --name-space x":         "did you mean: --namespace?",
		"verify -watch":                 "did you mean: --watch?",
		"restart --no-canary":           "it is a flag of kubectl falcon verify",
		"install --failure-policy fial": "did you mean: --failure-policy=Fail?",
		"verify -o jsn":                 "did you mean: --output=json?",
		"aid -o yml":                    "did you mean: --output=yaml?",
		"status -o jason":               "did you mean: --output=json?",
		"verify --fail-on warnings":     "did you mean: --fail-on=warning?",
		"verify --color=alway":          "did you mean: --color=always?",
		"verify --watch=maybe":          `invalid argument "maybe" for "--watch" flag: write --watch or --watch=false`,
		"aid --concurrency many":        "it must be a whole number",
		"aid --pod-timeout soon":        "write it as 30s or 5m",
		"install --trace":               "write --trace=none|err|warn|info|debug",
		"uninstall --dry-run client":    "did you mean: --dry-run=client?",
		"status --watch true":           "did you mean: --watch=true?",
		"explain-check FC999":           "explain-check lists them",
		"explain-check FC40":            "did you mean: kubectl falcon explain-check FC401, or ",
		"explain-check FC403 FC404":     `one argument too many: "FC404"`,
		"verify --check FC4033":         "did you mean: FC403?",
		"demo run rootkti":              "did you mean: rootkit?",
		"aws iam-policy ecr ensrue":     "did you mean: kubectl falcon aws iam-policy ecr ensure?",
		"explain deplyo/web":            "did you mean: deploy?",
		"aws ecr ensrue x":              "did you mean: kubectl falcon aws ecr ensure?",
		"rbac verfy":                    "did you mean: kubectl falcon rbac verify?",
		"push a b":                      "did you mean: kubectl falcon sensor push?",
		"delete":                        "did you mean: kubectl falcon uninstall?",
		"doctor":                        "did you mean: kubectl falcon verify?",
		"verfy --help":                  "did you mean: kubectl falcon verify?",
		"aws ecr nsure --help":          "did you mean: kubectl falcon aws ecr ensure?",
		"nothing-like-it":               "kubectl falcon --help",
		"verify --nothing-like-it":      "kubectl falcon verify --help",
	} {
		t.Run(line, func(t *testing.T) { falcon(t, strings.Fields(line)...).must(t, 2, says) })
	}
}

// An empty namespace names none, and the injector's own is the right one.
func TestANamespaceThatSaysNothingIsTaken(t *testing.T) {
	for _, namespace := range []string{"", "falcon-system"} {
		o := falcon(t, "status", "--namespace="+namespace, "--server", closedPort(t))
		o.must(t, 3, "cannot be reached")
		if strings.Contains(o.err, "whole cluster") {
			t.Errorf("with %q it said\n%s", namespace, o.err)
		}
	}
}
