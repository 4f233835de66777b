package k9s

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// users are plugins files as users have them.
var users = map[string]string{
	"usual":                  "# mine\nplugins:\n  # logs of a pod\n  zeta: # first\n    shortCut: Ctrl-L\n    description: \"Logs\"   # spaces stay\n    scopes:\n    - po\n    command: kubectl\n    args: [logs, -f, $NAME]\n\n  alpha:\n    shortCut: Shift-Y\n    description: x\n    scopes: [svc]\n    command: bash\n    args:\n      - -c\n      - |\n        echo a\n          b\n# the end\n",
	"four spaces":            "plugins:\n    mine:\n        shortCut: Shift-Y\n        description: x\n        scopes: [svc]\n        command: x\n",
	"bare":                   "# mine\nmine:\n  shortCut: Shift-Y\n  description: x\n  scopes: [svc]\n  command: x\n",
	"bare with a sign":       "# file\n---\n# mine\nmine: {shortCut: Shift-Y, description: x, scopes: [svc], command: x}\n",
	"no plugins":             "plugins:\n",
	"comments":               "# nothing yet\n\n# here\n",
	"comments behind a sign": "# nothing yet\n---\n# here",
	"empty":                  "",
	"Windows":                "plugins:\r\n  mine:\r\n    shortCut: Shift-Y\r\n    description: x\r\n    scopes: [svc]\r\n    command: x\r\n",
	"no end of line":         "plugins:\n  mine:\n    shortCut: Shift-Y\n    description: x\n    scopes: [svc]\n    command: x",
	"comment behind the key": "plugins: # all of them\n\n  # one\n  mine: {shortCut: Shift-Y, description: x, scopes: [svc], command: x}\n",
	"anchors":                "plugins:\n  mine: &m\n    shortCut: Shift-Y\n    description: x\n    scopes: [svc]\n    command: x\n  other:\n    <<: *m\n    shortCut: Shift-Q\n",
	"byte order mark":        "\ufeffplugins:\n  mine: {shortCut: Shift-Y, description: x, scopes: [svc], command: x}\n",
	"byte order mark, bare":  "\ufeffmine: {shortCut: Shift-Y, description: x, scopes: [svc], command: x}\n",
}

func TestOursGoInAndOutAndNothingElseChanges(t *testing.T) {
	for name, content := range users {
		t.Run(name, func(t *testing.T) {
			merged, err := Merge("f", []byte(content))
			if err != nil {
				t.Fatal(err)
			}
			before, after := entries([]byte(content)), entries(merged)
			if len(after) != len(before)+len(ours(t)) {
				t.Errorf("%d plugins became %d:\n%s", len(before), len(after), merged)
			}
			for key, text := range before {
				if !reflect.DeepEqual(after[key], text) {
					t.Errorf("%s became\n%v", key, after[key])
				}
			}
			for key, text := range entries([]byte(Plugins())) {
				if !reflect.DeepEqual(after[key], text) {
					t.Errorf("of ours, %s became\n%v", key, after[key])
				}
			}
			// Every line that was there still is, in its order.
			rest := string(merged)
			for _, line := range strings.SplitAfter(strings.TrimPrefix(content, byteOrder), "\n") {
				at := strings.Index(rest, line)
				if at < 0 {
					t.Fatalf("%q is gone from\n%s", line, merged)
				}
				rest = rest[at+len(line):]
			}
			if strings.Count(string(merged), "\r\n") != 0 && strings.Count(string(merged), "\r\n") != strings.Count(string(merged), "\n") {
				t.Error("two kinds of line ends")
			}
			again, err := Merge("f", merged)
			if err != nil || string(again) != string(merged) {
				t.Errorf("a second time it changes, %v:\n%s", err, again)
			}
			out, found, err := Remove("f", merged)
			if err != nil || !found || string(out) != content {
				t.Errorf("taken out again, %v %v:\n%q\nbefore:\n%q", found, err, out, content)
			}
		})
	}
}

func TestAnOlderVersionOfOursIsReplaced(t *testing.T) {
	merged, err := Merge("f", []byte(users["usual"]))
	if err != nil {
		t.Fatal(err)
	}
	older := strings.Replace(string(merged), "Shift-G", "Shift-Q", 1)
	again, err := Merge("f", []byte(older))
	if err != nil || string(again) != string(merged) {
		t.Errorf("%v:\n%s", err, again)
	}
}

func TestWhatCannotBeMergedIsRefused(t *testing.T) {
	for content, why := range map[string]string{
		"plugins:\n  kubectl-falcon-aid: {shortCut: x, description: x, scopes: [x], command: x}\n": "kubectl-falcon-aid was not put there by",
		"kubectl-falcon-aid: {shortCut: x, description: x, scopes: [x], command: x}\n":             "kubectl-falcon-aid was not put there by",
		"shortCut: Shift-Y\ndescription: x\nscopes: [svc]\ncommand: x\n":                           "one plugin without a name",
		"plugins: {}\n":               "not written one entry a line",
		"plugins: {a: {}}\n":          "not written one entry a line",
		"plugins: null\n":             "not written one entry a line",
		"plugins: text\n":             "without a name",
		"plugins: [a]\n":              "not written one entry a line",
		"{a: {command: x}}\n":         "not written one entry a line",
		"null\n":                      "the word null",
		"- a\n":                       "no plugins by their names",
		"plugins:\n  a: [\n":          "is no YAML",
		"plugins:\n\ta: b\n":          "is no YAML",
		"plugins:\n---\nb: {}\n":      "more than one document",
		"plugins:\n  " + begin + "\n": "lines around our entries",
		"plugins:\n  " + end + "\n":   "lines around our entries",
		"plugins:\n  " + begin + "\n  " + end + "\n  " + begin + "\n  " + end + "\n": "lines around our entries",
	} {
		merged, err := Merge("the-file", []byte(content))
		if err == nil || !strings.Contains(err.Error(), why) || !strings.Contains(err.Error(), "the-file") {
			t.Errorf("%q: %v\n%s", content, err, merged)
		}
	}
}

func TestClashesAreFound(t *testing.T) {
	for scopes, want := range map[string]int{"[po]": 1, "[deployments, pod]": 1, "[all]": 1, "[svc]": 0, "[ns]": 0} {
		content := "plugins:\n  mine:\n    shortCut: Shift-G\n    description: x\n    scopes: " + scopes + "\n    command: x\n"
		merged, err := Merge("f", []byte(content))
		if err != nil {
			t.Fatal(err)
		}
		if got := Clashes(merged); len(got) != want || want > 0 && !strings.Contains(got[0], "your plugin mine is also the key of kubectl-falcon-aid") {
			t.Errorf("%s: %q", scopes, got)
		}
	}
}

// inFolder is a plugins file of a user's in a folder of its own.
func inFolder(t *testing.T, content string, mode os.FileMode) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "plugins.yaml")
	if err := os.WriteFile(name, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(name, mode); err != nil {
		t.Fatal(err)
	}
	return name
}

func folder(t *testing.T, name string) string {
	t.Helper()
	all, err := os.ReadDir(filepath.Dir(name))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, one := range all {
		names = append(names, one.Name())
	}
	return strings.Join(names, " ")
}

func TestTheFileIsAsItWasAfterwards(t *testing.T) {
	for form, content := range users {
		t.Run(form, func(t *testing.T) {
			name := inFolder(t, content, 0o640)
			done, err := Install(name)
			if err != nil || !done.Changed || done.Created {
				t.Fatalf("%+v: %v", done, err)
			}
			if kept, err := os.ReadFile(done.Backup); err != nil || string(kept) != content {
				t.Errorf("the copy is %q: %v", kept, err)
			}
			info, err := os.Stat(name)
			if err != nil || info.Mode().Perm() != 0o640 {
				t.Errorf("its rights are %v: %v", info.Mode(), err)
			}
			if again, err := Install(name); err != nil || again.Changed {
				t.Errorf("the second time: %+v, %v", again, err)
			}
			if done, err := Uninstall(name); err != nil || !done.Changed || done.Removed {
				t.Errorf("%+v: %v", done, err)
			}
			if after, err := os.ReadFile(name); err != nil || string(after) != content {
				t.Errorf("it is now %q: %v", after, err)
			}
			if got := folder(t, name); got != "plugins.yaml" {
				t.Errorf("in the folder: %s", got)
			}
			if done, err := Uninstall(name); err != nil || done.Changed {
				t.Errorf("the second time: %+v, %v", done, err)
			}
		})
	}
}

func TestAFileThatWasNotThereGoesAgain(t *testing.T) {
	name := filepath.Join(t.TempDir(), "k9s", "plugins.yaml")
	done, err := Install(name)
	if err != nil || !done.Created || done.Backup != "" {
		t.Fatalf("%+v: %v", done, err)
	}
	if content, err := os.ReadFile(name); err != nil || len(loaded(t, content)) != len(ours(t)) {
		t.Errorf("%v:\n%s", err, content)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("its rights are %v: %v", info.Mode(), err)
	}
	if done, err := Uninstall(name); err != nil || !done.Removed {
		t.Errorf("%+v: %v", done, err)
	}
	if got := folder(t, name); got != "" {
		t.Errorf("in the folder: %s", got)
	}
}

// What the user did in the meantime is not undone.
func TestLaterChangesOfTheUsersStay(t *testing.T) {
	name := inFolder(t, users["usual"], 0o600)
	if _, err := Install(name); err != nil {
		t.Fatal(err)
	}
	merged, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, append(merged, "  # new\n"...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Uninstall(name); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(name); err != nil || string(after) != users["usual"]+"  # new\n" {
		t.Errorf("it is now %q: %v", after, err)
	}
	if got := folder(t, name); !strings.Contains(got, backupEnding) {
		t.Errorf("the copy is gone: %s", got)
	}
}

func TestALinkedFileStaysALink(t *testing.T) {
	real := inFolder(t, users["usual"], 0o600)
	name := filepath.Join(t.TempDir(), "plugins.yaml")
	if err := os.Symlink(real, name); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(name); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(name); err != nil || target != real {
		t.Errorf("it leads to %q: %v", target, err)
	}
	if content, err := os.ReadFile(real); err != nil || !strings.Contains(string(content), begin) {
		t.Errorf("the file is %v:\n%s", err, content)
	}
	dangling := filepath.Join(t.TempDir(), "plugins.yaml")
	if err := os.Symlink("/absent/file", dangling); err != nil {
		t.Fatal(err)
	}
	if _, err := Install(dangling); err == nil || !strings.Contains(err.Error(), "link to nothing") {
		t.Errorf("a link to nothing: %v", err)
	}
}

func TestARefusedFileIsNotTouched(t *testing.T) {
	const content = "plugins: {a: {}}\n"
	name := inFolder(t, content, 0o600)
	if _, err := Install(name); err == nil {
		t.Error("it was merged")
	}
	if after, err := os.ReadFile(name); err != nil || string(after) != content {
		t.Errorf("it is now %q: %v", after, err)
	}
	if got := folder(t, name); got != "plugins.yaml" {
		t.Errorf("in the folder: %s", got)
	}
}
