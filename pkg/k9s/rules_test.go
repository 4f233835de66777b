package k9s

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// entry is a plugin of k9s: the fields of its schema that all versions have (v0.50, plugins.json).
type entry struct {
	ShortCut        *string  `yaml:"shortCut"`
	Override        bool     `yaml:"override"`
	Description     *string  `yaml:"description"`
	Confirm         bool     `yaml:"confirm"`
	Dangerous       bool     `yaml:"dangerous"`
	Scopes          []string `yaml:"scopes"`
	Command         *string  `yaml:"command"`
	Background      bool     `yaml:"background"`
	OverwriteOutput bool     `yaml:"overwriteOutput"`
	Args            []string `yaml:"args"`
}

func ours(t *testing.T) map[string]entry {
	t.Helper()
	return loaded(t, []byte(Plugins()))
}

// loaded reads a file as k9s's schema allows it, which knows no other fields: one key, with named plugins under it.
func loaded(t *testing.T, content []byte) map[string]entry {
	t.Helper()
	var file struct {
		Plugins map[string]entry `yaml:"plugins"`
	}
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	decoder.KnownFields(true)
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	return file.Plugins
}

func TestTheFileAtTheRootIsTheOneInTheProgram(t *testing.T) {
	content, err := os.ReadFile("../../plugins.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if string(content) != Plugins() {
		t.Error("they differ: cp pkg/k9s/plugins.yaml plugins.yaml")
	}
}

// One entry that breaks a rule has k9s report the whole file.
func TestOurPluginsKeepTheRules(t *testing.T) {
	key := regexp.MustCompile(`^(Shift-[A-Z]|Ctrl-[A-Z]|[a-z])$`)
	known := strings.Fields("NAMESPACE NAME CONTEXT KUBECONFIG RESOURCE_NAME")
	variable := regexp.MustCompile(`\$!?([\w-]+)`)
	if len(ours(t)) < 5 {
		t.Fatalf("only %d plugins", len(ours(t)))
	}
	for name, p := range ours(t) {
		if p.ShortCut == nil || p.Description == nil || p.Command == nil || len(p.Scopes) == 0 {
			t.Errorf("%s lacks one of shortCut, description, scopes and command", name)
			continue
		}
		if !strings.HasPrefix(name, "kubectl-falcon-") {
			t.Errorf("%s has a name that somebody else may have", name)
		}
		if !key.MatchString(*p.ShortCut) || p.Override {
			t.Errorf("%s: key %s, override %v", name, *p.ShortCut, p.Override)
		}
		// The menu has little room.
		if *p.Description == "" || len(*p.Description) > 24 {
			t.Errorf("%s: description %q", name, *p.Description)
		}
		// It must work in every shell and on Windows.
		if *p.Command != "kubectl" || p.Args[0] != "falcon" {
			t.Errorf("%s runs %s %s", name, *p.Command, p.Args)
		}
		for _, arg := range p.Args {
			for _, m := range variable.FindAllStringSubmatch(arg, -1) {
				if !slices.Contains(known, m[1]) {
					t.Errorf("%s: k9s has no $%s in these views", name, m[1])
				}
			}
		}
		for flag, value := range map[string]string{"--context": "$CONTEXT", "--kubeconfig": "$KUBECONFIG"} {
			if n := slices.Index(p.Args, flag); n < 0 || n+1 == len(p.Args) || p.Args[n+1] != value {
				t.Errorf("%s does not pass %s %s", name, flag, value)
			}
		}
		if !slices.Contains(p.Args, "--pause") || p.Background {
			t.Errorf("%s: nobody could read what it prints", name)
		}
		if slices.Contains(p.Args, "--yes") {
			t.Errorf("%s does not ask", name)
		}
	}
}

// In read-only mode k9s hides what is dangerous.
func TestWhatChangesAClusterIsDangerousAndAsks(t *testing.T) {
	changes := strings.Fields("restart demo install uninstall up down certs")
	seen := 0
	for name, p := range ours(t) {
		is := slices.Contains(changes, p.Args[1])
		if is {
			seen++
		}
		if p.Dangerous != is || p.Confirm != is {
			t.Errorf("%s: dangerous %v, confirm %v", name, p.Dangerous, p.Confirm)
		}
	}
	if seen < 2 {
		t.Errorf("only %d change anything", seen)
	}
}

func TestNoKeyIsTakenInItsViews(t *testing.T) {
	content, err := os.ReadFile("testdata/reserved.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var reserved map[string][]string
	if err := yaml.Unmarshal(content, &reserved); err != nil {
		t.Fatal(err)
	}
	taken := map[string]string{}
	for name, p := range ours(t) {
		for _, scope := range p.Scopes {
			keys, known := reserved[scope]
			if !known || scope == "everywhere" {
				t.Errorf("%s: the keys of the view %q are not known", name, scope)
			}
			if slices.Contains(append(keys, reserved["everywhere"]...), *p.ShortCut) {
				t.Errorf("%s: %s is k9s's own in %s", name, *p.ShortCut, scope)
			}
			if other := taken[scope+*p.ShortCut]; other != "" {
				t.Errorf("%s and %s have both %s in %s", name, other, *p.ShortCut, scope)
			}
			taken[scope+*p.ShortCut] = name
		}
	}
}

func TestWhereK9sHasItsFile(t *testing.T) {
	for _, c := range []struct {
		p    Places
		want string
	}{
		{Places{OS: "linux", Home: "/h"}, "/h/.config/k9s/plugins.yaml"},
		{Places{OS: "linux", Home: "/h", XDG: "/x"}, "/x/k9s/plugins.yaml"},
		{Places{OS: "linux", Home: "/h", XDG: "relative"}, "/h/.config/k9s/plugins.yaml"},
		{Places{OS: "linux", Home: "/h", XDG: "~/c"}, "/h/c/k9s/plugins.yaml"},
		{Places{OS: "linux", Home: "/h", XDG: "/x", ConfigDir: "/k"}, "/k/plugins.yaml"},
		{Places{OS: "darwin", Home: "/h"}, "/h/Library/Application Support/k9s/plugins.yaml"},
		{Places{OS: "darwin", Home: "/h", XDG: "/x"}, "/x/k9s/plugins.yaml"},
		{Places{OS: "windows", Home: "/h", LocalAppData: "/l"}, "/l/k9s/plugins.yaml"},
		{Places{OS: "windows", Home: "/h"}, "/h/AppData/Local/k9s/plugins.yaml"},
	} {
		if got := c.p.File(); got != c.want {
			t.Errorf("%+v: %s", c.p, got)
		}
	}
}
