package verify

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// whole are the checks that fail or warn of a snapshot when all are made.
func whole(s *Snapshot) (all []string) {
	for _, r := range Judge(s, Selection{Only: []string{"1", "2", "3", "4"}}).Checks {
		if r.Verdict == Fail || r.Verdict == Warn || r.Verdict == Undecided {
			all = append(all, r.ID+" "+string(r.Verdict))
		}
	}
	return all
}

// One root cause gives one finding: the golden file says which checks speak up, of each way to break a
// cluster, when all are made.
func TestOneCauseOneFinding(t *testing.T) {
	var text bytes.Buffer
	for _, id := range slices.Sorted(maps.Keys(broken)) {
		if id >= "FC5" {
			continue
		}
		for _, name := range slices.Sorted(maps.Keys(broken[id])) {
			s := healthy()
			broken[id][name](s)
			fmt.Fprintf(&text, "%s, %s: %s\n", id, name, strings.Join(whole(s), ", "))
		}
	}
	golden.Check(t, "causes.txt", text.Bytes())
}

// A check that leaves what it saw to another leaves it to one that says something.
func TestWhatIsLeftToAnotherIsSaid(t *testing.T) {
	for id, cases := range broken {
		for name, damage := range cases {
			s := healthy()
			damage(s)
			results := map[string]Result{}
			for _, r := range Judge(s, Selection{}).Checks {
				results[r.ID] = r
			}
			for _, r := range results {
				cause := results[r.Cause]
				if r.Cause != "" && len(cause.Findings) == 0 && cause.Cause == "" && !cause.stops {
					t.Errorf("%s, %s: %s is left to %s, which says %s (%s)", id, name, r.ID, r.Cause, cause.Verdict, cause.Reason)
				}
			}
		}
	}
}

// A healthy cluster with every part asked for has no fault, and no check of the injector is skipped.
func TestHealthyInjector(t *testing.T) {
	for _, r := range Judge(healthy(), Selection{Only: []string{"1", "2", "3", "4"}}).Checks {
		if r.Verdict != Pass {
			t.Errorf("%s: %s %s %v", r.ID, r.Verdict, r.Reason, r.Findings)
		}
	}
}

// The page of a check begins with its id and what holds when it passes, and fits a terminal.
func TestPagesOfTheInjectorsChecks(t *testing.T) {
	for _, c := range slices.Concat(accessChecks, workloadChecks, webhookChecks, certificateChecks) {
		page, err := os.ReadFile(filepath.Join("..", "..", "docs", "checks", c.ID+".md"))
		if err != nil {
			t.Error(err)
			continue
		}
		if first, _, _ := strings.Cut(string(page), "\n"); first != "# "+c.ID+": "+c.Title {
			t.Errorf("%s: the page begins with %q", c.ID, first)
		}
		for line := range strings.Lines(string(page)) {
			if len(strings.TrimSuffix(line, "\n")) > 80 {
				t.Errorf("%s: wider than 80 columns: %s", c.ID, line)
			}
		}
		for _, need := range c.Needs {
			if !strings.Contains(string(page), "`"+need+"`") {
				t.Errorf("%s: the page does not name the right %q", c.ID, need)
			}
		}
	}
}
