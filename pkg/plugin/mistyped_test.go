package plugin

import "testing"

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
		"--plan and --dry-run do not go together":               {"restart", "--plan", "--dry-run"},
		"--check names no check":                                {"verify", "--check", ""},
		"--skip names no check":                                 {"verify", "--skip="},
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
