package plugin

import (
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Whoever pressed TAB goes on typing after a second, whatever the cluster does, and finds nothing in the line.
func TestCompletionIsQuickAndQuietWhateverIsWrong(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	sleeper := `{apiVersion: v1, kind: Config, current-context: x, contexts: [{name: x, context: {cluster: x, user: x}}],
clusters: [{name: x, cluster: {server: "` + closedPort(t) + `"}}], users: [{name: x, user: {exec: {apiVersion: client.authentication.k8s.io/v1,
command: sh, args: [-c, "echo noise >&2; exec sleep 3"], interactiveMode: IfAvailable}}}]}`
	slow := filepath.Join(t.TempDir(), "slow")
	broken := filepath.Join(t.TempDir(), "broken")
	if err := os.WriteFile(slow, []byte(sleeper), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(broken, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, line := range map[string][]string{
		"nobody listens":       {"--server", closedPort(t), "status", "-n", ""},
		"nobody answers":       {"--server", "http://" + silent.Addr().String(), "status", "-n", ""},
		"it is forbidden":      {"--server", refusing(t, 403, metav1.StatusReasonForbidden, "no"), "status", "-n", ""},
		"there is none":        {"status", "-n", ""},
		"the file is broken":   {"--kubeconfig", broken, "status", "--context", ""},
		"the token takes long": {"--kubeconfig", slow, "status", "-n", ""},
		"the timeout is none":  {"--server", closedPort(t), "--request-timeout", "x", "status", "-n", ""},
		"there is no AWS":      {"aws", "cluster", "delete", "--region", "eu-west-1", ""},
		"the image is nowhere": {"install", "--image", "123456789012.dkr.ecr.eu-west-1.amazonaws.com/x:"},
	} {
		t.Run(name, func(t *testing.T) {
			// Nothing of the machine's own may be asked.
			t.Setenv("AWS_ENDPOINT_URL", "http://"+silent.Addr().String())
			t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
			t.Setenv("AWS_CONFIG_FILE", "/absent")
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/absent")
			t.Setenv("AWS_ACCESS_KEY_ID", "a")
			t.Setenv("AWS_SECRET_ACCESS_KEY", "b")
			began := time.Now()
			got, directive := offered(t, line...)
			// What the machine is busy with besides has some time too.
			if took := time.Since(began); took > completionTime+600*time.Millisecond {
				t.Errorf("it took %s", took)
			}
			if len(got) > 0 || !slices.Contains([]string{":4", ":36"}, directive) {
				t.Errorf("%q %s", got, directive)
			}
		})
	}
}

func TestWhatIsWrongInTheLineIsNotSaid(t *testing.T) {
	for _, line := range [][]string{{"bogus", ""}, {"aid", "--bogus", ""}, {"aid", "--concurrency", "x", ""}, {"verify", "-o", "bogus", ""}} {
		if got, _ := offered(t, line...); len(got) > 0 {
			t.Errorf("%q: %q", line, got)
		}
	}
}

func TestScriptsAreForTheProgramsOwnName(t *testing.T) {
	for shell, sign := range map[string]string{
		"bash": "complete -o default -F __start_kubectl-falcon kubectl-falcon", "zsh": "#compdef kubectl-falcon",
		"fish": "complete -c kubectl-falcon", "powershell": "Register-ArgumentCompleter -CommandName 'kubectl-falcon'",
	} {
		o := falcon(t, "completion", shell)
		o.must(t, 0)
		if !strings.Contains(o.out, sign) || o.err != "" {
			t.Errorf("%s: it lacks %q", shell, sign)
		}
	}
}
