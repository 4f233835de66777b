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

// unseen is what a collector leaves empty that lacks a right.
var unseen = map[string]func(s *Snapshot, i *Injector){
	listPods:        func(s *Snapshot, i *Injector) { s.Pods, i.Pods, i.Served = nil, nil, nil },
	listDeployments: func(_ *Snapshot, i *Injector) { i.Deployment, i.Pods, i.Served = nil, nil, nil },
	listNamespaces:  func(s *Snapshot, _ *Injector) { s.Namespaces = nil },
	listWebhooks: func(s *Snapshot, i *Injector) {
		s.Webhooks, i.Webhook, i.Reference = nil, "", Reference{}
	},
	listConfigMaps: func(_ *Snapshot, i *Injector) { i.Config, i.Record = nil, nil },
	listSlices:     func(_ *Snapshot, i *Injector) { i.Slices = nil },
	listBudgets:    func(_ *Snapshot, i *Injector) { i.Budgets = nil },
	listPolicies:   func(_ *Snapshot, i *Injector) { i.Policies = nil },
	listDaemonSets: func(s *Snapshot, _ *Injector) { s.NodeSensors = nil },
	getServices:    func(_ *Snapshot, i *Injector) { i.Service = nil },
	getSecrets:     func(_ *Snapshot, i *Injector) { i.TLS, i.PullSecret = nil, nil },
}

// Who lacks a right is told that, and nothing else is said to be wrong: what was not seen is not missing.
func TestWhatMayNotBeSeenIsNotMissing(t *testing.T) {
	for right, blind := range unseen {
		s := healthy()
		blind(s, &s.Injectors[0])
		verb, resource, _ := strings.Cut(right, " ")
		s.Denied = []Denial{{Verb: verb, Resource: resource}}
		if got := whole(s); !slices.Equal(got, []string{"FC104 fail"}) {
			t.Errorf("without %q: %q", right, got)
		}
	}
}
