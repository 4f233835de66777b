package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// The page of each check names the rights that the check in the repository needs.
func TestRightsOnThePagesOfChecks(t *testing.T) {
	for _, c := range verify.Catalogue() {
		page, err := os.ReadFile(filepath.Join(docs, "checks", c.ID+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if now, err := withRights(string(page), c); err != nil || now != string(page) {
			t.Errorf("%s: its rights are not those of the check (%v): run make docs, and commit what it writes", c.ID, err)
		}
	}
}

func TestWithRights(t *testing.T) {
	const head = "# FC1: x\n\nText.\n" + rightsHeading
	two := verify.Check{ID: "FC1", Needs: []string{"list a", "get b"}}
	for name, test := range map[string]struct {
		page  string
		check verify.Check
		want  string
	}{
		"none yet":       {head + "-\n", two, head + "- `list a`\n- `get b`\n"},
		"words stay":     {head + "- `old c`\n\nMore words.\n\nAnd more.\n", two, head + "- `list a`\n- `get b`\n\nMore words.\n\nAnd more.\n"},
		"no right":       {head + "-\n", verify.Check{ID: "FC1"}, head + "None beyond those of any other check.\n"},
		"again the same": {head + "- `list a`\n- `get b`\n", two, head + "- `list a`\n- `get b`\n"},
	} {
		if got, err := withRights(test.page, test.check); err != nil || got != test.want {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
	}
	if _, err := withRights("# no heading\n", two); err == nil {
		t.Error("a page without the heading is taken")
	}
}
