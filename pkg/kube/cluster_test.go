package kube

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const twoContexts = `apiVersion: v1
kind: Config
current-context: one
clusters:
- {name: a, cluster: {server: "https://a.invalid"}}
- {name: b, cluster: {server: "https://b.invalid"}}
contexts:
- {name: one, context: {cluster: a, user: u}}
- {name: two, context: {cluster: b, user: u, namespace: team}}
users:
- {name: u, user: {token: t}}
`

func kubeconfig(t *testing.T, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// The hosts of these kubeconfigs do not exist, so a Connect that spoke to the cluster would fail.
func TestConnectTakesContextAndNamespaceFromTheKubeconfig(t *testing.T) {
	tests := map[string]struct {
		context, namespace                      string
		wantHost, wantContext, wantNamespaceCtx string
	}{
		"as it stands":    {"", "", "https://a.invalid", "one", "default"},
		"another context": {"two", "", "https://b.invalid", "two", "team"},
		"-n wins":         {"two", "mine", "https://b.invalid", "two", "mine"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			withoutKubeconfig(t)
			t.Setenv("KUBECONFIG", kubeconfig(t, twoContexts))
			flags := NewFlags()
			*flags.Context, *flags.Namespace = test.context, test.namespace
			c, err := Connect(flags, "kubectl-falcon/1.2.3", nil)
			if err != nil {
				t.Fatal(err)
			}
			if c.Config.Host != test.wantHost || c.Context != test.wantContext || c.Namespace != test.wantNamespaceCtx {
				t.Errorf("host %s, context %s, namespace %s", c.Config.Host, c.Context, c.Namespace)
			}
			if c.Config.UserAgent != "kubectl-falcon/1.2.3" {
				t.Errorf("user agent %q", c.Config.UserAgent)
			}
		})
	}
}

func TestConnectWithoutAnyKubeconfigSaysHowToGiveOne(t *testing.T) {
	withoutKubeconfig(t)
	_, err := Connect(NewFlags(), "test", nil)
	p := mustProblem(t, err, problem.NoAccess, "KUBECONFIG or --kubeconfig")
	if !strings.Contains(p.Error(), "there is no kubeconfig") {
		t.Errorf("it says %q", p)
	}
	// client-go's own fallback would send users after a server of theirs that never was.
	if strings.Contains(p.Error(), "localhost:8080") {
		t.Errorf("it speaks of a made-up host: %q", p)
	}
}

func TestConnectNamesWhatIsWrongWithTheKubeconfig(t *testing.T) {
	tests := map[string]struct {
		content string
		context string
		says    string
		next    string
	}{
		"not YAML":           {"clusters: [", "", "yaml", "mend the file"},
		"another kind":       {"apiVersion: v1\nkind: Pod\n", "", "Pod", "mend the file"},
		"an unknown context": {twoContexts, "three", `"three"`, "kubectl config get-contexts"},
		"a missing certificate": {strings.Replace(twoContexts, `server: "https://a.invalid"`,
			`server: "https://a.invalid", certificate-authority: /no/such/ca.crt`, 1), "", "/no/such/ca.crt", "mend the file"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			withoutKubeconfig(t)
			flags := NewFlags()
			*flags.KubeConfig, *flags.Context = kubeconfig(t, test.content), test.context
			_, err := Connect(flags, "test", nil)
			p := mustProblem(t, err, problem.NoAccess, test.next)
			if !strings.Contains(p.Error(), "the kubeconfig cannot be used") || !strings.Contains(p.Error(), test.says) {
				t.Errorf("it says %q, want the fault %q in it", p, test.says)
			}
		})
	}
}

func TestConnectNamesTheFileThatIsMissing(t *testing.T) {
	withoutKubeconfig(t)
	flags := NewFlags()
	*flags.KubeConfig = filepath.Join(t.TempDir(), "nowhere.yaml")
	_, err := Connect(flags, "test", nil)
	p := mustProblem(t, err, problem.NoAccess, "")
	if !strings.Contains(p.Error(), *flags.KubeConfig) {
		t.Errorf("it says %q without the file's name", p)
	}
	if p.Next() == "" {
		t.Error("it does not say what to do")
	}
}
