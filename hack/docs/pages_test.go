package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/plugin"
)

// docs is the documentation's folder as tests see it.
var docs = filepath.Join("..", "..", folder)

// The pages in the repository must be those of the commands in the repository.
func TestPagesAreThoseOfTheCommands(t *testing.T) {
	all := pages()
	for name, want := range all {
		content, err := os.ReadFile(filepath.Join(docs, name))
		if err != nil || string(content) != want {
			t.Errorf("%s is not what the commands say (%v): run make docs, and commit what it writes", name, err)
		}
	}
	written, err := generated(docs)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range written {
		if _, ok := all[name]; !ok {
			t.Errorf("%s is of a command that is no more: run make docs", name)
		}
	}
}

// Every flag that help shows stands in a table, with the group that help has it under.
func TestEveryFlagIsOnAPage(t *testing.T) {
	all := pages()
	count := 0
	walk(plugin.Commands(), func(cmd *cobra.Command) {
		name := indexPage
		if cmd.HasParent() {
			name = commandsFolder + "/" + pageOf(cmd)
		}
		if separate(cmd) {
			name = optionsPage(cmd)
		}
		for _, f := range flagsOf(cmd.NonInheritedFlags()) {
			if f.Name == "help" {
				continue
			}
			count++
			text := all[name]
			if !strings.Contains(text, "--"+f.Name+"` |") && !strings.Contains(text, "--"+f.Name+" ") {
				t.Errorf("--%s is not in %s", f.Name, name)
			}
			if group := f.Annotations[plugin.FlagGroup]; len(group) > 0 && !strings.Contains(text, "\n## "+group[0]+"\n") {
				t.Errorf("%s lacks the heading %q", name, group[0])
			}
		}
	})
	if count < 70 {
		t.Errorf("only %d flags were found", count)
	}
}

// A page of a command that is no more is removed, and what people wrote stays.
func TestWriteRemovesWhatItWroteForOtherCommands(t *testing.T) {
	dir := t.TempDir()
	if err := write(dir); err == nil {
		for name, content := range map[string]string{"old.md": notice, "mine.md": "# Mine\n"} {
			if err := os.WriteFile(filepath.Join(dir, commandsFolder, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := write(dir); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, commandsFolder, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	has := func(name string) bool {
		return slices.Contains(files, filepath.Join(dir, commandsFolder, name))
	}
	if has("old.md") || !has("mine.md") || !has("install.md") || !has("certs-rotate.md") {
		t.Errorf("there are %v", files)
	}
}

func TestExamples(t *testing.T) {
	got := examples("  # from a file\n  a --b \\\n    --c\n\n  d\n")
	if want := "# from a file\n$ a --b \\\n  --c\n\n$ d"; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
