package build

import (
	"strings"
	"testing"

	lab "github.com/kubectl-falcon/kubectl-falcon/test/lab"
)

// goMod is the part of the embedded go.mod that says which Kubernetes is built.
type goMod struct {
	// required are the versions by module, replaced the module and version that stand in for a module.
	required map[string]string
	replaced map[string][2]string
}

func readGoMod(t *testing.T) goMod {
	t.Helper()
	content, err := lab.Sources.ReadFile("go.mod")
	if err != nil {
		t.Fatal(err)
	}
	m := goMod{map[string]string{}, map[string][2]string{}}
	for line := range strings.Lines(string(content)) {
		line, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimSpace(line), "require "), "//")
		f := strings.Fields(strings.TrimPrefix(line, "replace "))
		switch {
		case len(f) == 4 && f[1] == "=>":
			m.replaced[f[0]] = [2]string{f[2], f[3]}
		case len(f) == 2 && strings.HasPrefix(f[1], "v"):
			m.required[f[0]] = f[1]
		}
	}
	return m
}

// The version is stamped into the programs, and what they say of themselves is what a client trusts.
func TestKubeVersionIsTheModules(t *testing.T) {
	m := readGoMod(t)
	if got := m.required["k8s.io/kubernetes"]; got != kubeVersion {
		t.Errorf("go.mod requires k8s.io/kubernetes %q, the programs are stamped %q", got, kubeVersion)
	}
	major, minorPatch, _ := strings.Cut(strings.TrimPrefix(kubeVersion, "v"), ".")
	minor, _, _ := strings.Cut(minorPatch, ".")
	for _, want := range []string{".gitVersion=" + kubeVersion, ".gitMajor=" + major, ".gitMinor=" + minor} {
		if !containsWord(kubeLDFlags, versionPackage+want) {
			t.Errorf("%s%s is missing in %q", versionPackage, want, kubeLDFlags)
		}
	}
}

func containsWord(text, word string) bool { return strings.Contains(text+" ", word+" ") }

// A staging module of another version than its Kubernetes compiles by luck at best.
func TestStagingModulesMatch(t *testing.T) {
	m := readGoMod(t)
	staging := "v0." + strings.TrimPrefix(kubeVersion, "v1.")
	if len(m.replaced) < 30 {
		t.Errorf("go.mod replaces %d modules; Kubernetes has more than 30 of its own", len(m.replaced))
	}
	for module, by := range m.replaced {
		if !strings.HasPrefix(module, "k8s.io/") {
			t.Errorf("%s is replaced, which is none of Kubernetes' own", module)
		}
		if by != [2]string{module, staging} {
			t.Errorf("%s is replaced by %s %s, not by itself at %s", module, by[0], by[1], staging)
		}
	}
	// k8s.io/kubernetes requires its staging modules at v0.0.0: each of them needs its replacement.
	for module, version := range m.required {
		if version == "v0.0.0" {
			if _, ok := m.replaced[module]; !ok {
				t.Errorf("%s has no replacement", module)
			}
		}
	}
}

func TestRecipe(t *testing.T) {
	names := map[string]bool{}
	for _, p := range recipe {
		if names[p.name] {
			t.Errorf("%s is built twice", p.name)
		}
		names[p.name] = true
		main, own := strings.CutPrefix(p.pkg, "./")
		if !own {
			continue
		}
		if _, err := lab.Sources.ReadFile(main + "/main.go"); err != nil {
			t.Errorf("%s is built from %s, which is not embedded: %v", p.name, p.pkg, err)
		}
	}
	for _, l := range links {
		if names[l] {
			t.Errorf("%s is a program and a link", l)
		}
	}
}
