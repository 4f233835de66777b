package plugin

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestK9sInstallSaysWhatItDidAndUninstallUndoesIt(t *testing.T) {
	folder := t.TempDir()
	t.Setenv("K9S_CONFIG_DIR", folder)
	name := filepath.Join(folder, "plugins.yaml")
	o := falcon(t, "k9s", "install")
	o.must(t, 0, "k9s uninstall")
	if o.out != name+" made\n" {
		t.Errorf("it printed %q", o.out)
	}
	content, err := os.ReadFile(name)
	if err != nil || !strings.Contains(string(content), "kubectl-falcon-aid:") {
		t.Errorf("%v:\n%s", err, content)
	}
	if o := falcon(t, "k9s", "install"); o.out != name+" is up to date\n" {
		t.Errorf("the second time it printed %q", o.out)
	}
	o = falcon(t, "k9s", "uninstall")
	o.must(t, 0)
	if _, err := os.Stat(name); !os.IsNotExist(err) || !strings.HasPrefix(o.out, name+" removed") {
		t.Errorf("it printed %q: %v", o.out, err)
	}
	falcon(t, "k9s", "uninstall").must(t, 0, "nothing of kubectl falcon")
}

func TestK9sInstallRefusesAnothersPluginUnderOurName(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	const content = "plugins:\n  kubectl-falcon-aid: {shortCut: Shift-G, description: x, scopes: [po], command: x}\n"
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	falcon(t, "k9s", "install", "--file", name).must(t, ExitUsage, name, "kubectl-falcon-aid was not put there", "next: give it another name")
	if after, err := os.ReadFile(name); err != nil || string(after) != content {
		t.Errorf("it is now %q: %v", after, err)
	}
}

func TestK9sInstallTellsOfAKeyThatIsTaken(t *testing.T) {
	name := filepath.Join(t.TempDir(), "mine.yaml")
	if err := os.WriteFile(name, []byte("plugins:\n  mine: {shortCut: Shift-G, description: x, scopes: [po], command: x}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	falcon(t, "k9s", "install", "--file", name).must(t, 0, "Shift-G of your plugin mine", "change the shortCut", "as it was before: "+name)
}

// What k9s runs must be commands and flags that there are.
func TestOurK9sPluginsAreCommandLines(t *testing.T) {
	o := falcon(t, "k9s", "print")
	o.must(t, 0)
	var lines [][]string
	for _, line := range strings.Split(o.out, "\n") {
		word, is := strings.CutPrefix(strings.TrimSpace(line), "- ")
		switch {
		case !is:
		case word == "falcon":
			lines = append(lines, nil)
		default:
			lines[len(lines)-1] = append(lines[len(lines)-1], strings.NewReplacer("$RESOURCE_NAME", "deployments", "$KUBECONFIG", "/absent",
				"$NAMESPACE", "shop", "$NAME", "web", "$CONTEXT", "x").Replace(word))
		}
	}
	if len(lines) < 5 {
		t.Fatalf("only %d command lines", len(lines))
	}
	for _, line := range lines {
		// Without a kubeconfig each gets so far as to look for it, and not further.
		falcon(t, line...).must(t, ExitNoAccess, "kubeconfig")
	}
}
