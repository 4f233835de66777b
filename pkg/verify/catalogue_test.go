package verify

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// broken are, for each check, the ways in which a healthy cluster is broken so that the check finds
// something; of most there is one. The golden file of the check holds its result on the healthy cluster
// and on each of these.
var broken = merged(brokenAccess, brokenWorkload, brokenWebhook, brokenCertificate, brokenConfiguration,
	brokenCoverage, brokenPod, brokenSensor, brokenAWS, brokenLeftover)

// breaks is a way to break a cluster, by a name that says how.
type breaks map[string]func(s *Snapshot)

func merged(all ...map[string]breaks) map[string]breaks {
	one := map[string]breaks{}
	for _, part := range all {
		maps.Copy(one, part)
	}
	return one
}

// result is what one check says of a snapshot, when no other has stopped it.
func result(t *testing.T, id string, s *Snapshot) Result {
	t.Helper()
	at := slices.IndexFunc(Catalogue(), func(c Check) bool { return c.ID == id })
	if at < 0 {
		t.Fatalf("there is no check %s", id)
	}
	return Catalogue()[at].run(NewView(s), nil)
}

// Every check has a golden pass and a golden fail, and a page for whoever gets the finding.
func TestEveryCheck(t *testing.T) {
	for _, c := range Catalogue() {
		t.Run(c.ID, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join("..", "..", "docs", "checks", c.ID+".md")); err != nil {
				t.Errorf("the check has no page: %v", err)
			}
			cases := broken[c.ID]
			if len(cases) == 0 {
				t.Fatal("nothing breaks it, so nobody knows whether it finds anything")
			}
			sound := result(t, c.ID, healthy())
			if sound.Verdict != Pass {
				t.Errorf("on a healthy cluster it says %s: %s %v", sound.Verdict, sound.Reason, sound.Findings)
			}
			results := map[string]Result{"healthy": sound}
			for name, damage := range cases {
				s := healthy()
				damage(s)
				r := result(t, c.ID, s)
				results[name] = r
				if reflect.DeepEqual(r, sound) {
					t.Errorf("%s: it says the same as of a healthy cluster", name)
				}
			}
			if !slices.ContainsFunc(slices.Collect(maps.Values(results)), func(r Result) bool { return len(r.Findings) > 0 }) {
				t.Error("none of the ways to break it leads to a finding")
			}
			content, err := json.MarshalIndent(results, "", "  ")
			if err != nil {
				t.Fatal(err)
			}
			golden.Check(t, "checks/"+c.ID+".json", append(content, '\n'))
		})
	}
}

// Nothing is broken that no check is about, and no golden file is left of one that is gone.
func TestNothingIsLeftOfOldChecks(t *testing.T) {
	ids := map[string]bool{}
	for _, c := range Catalogue() {
		if ids[c.ID] {
			t.Errorf("there are two checks %s", c.ID)
		}
		ids[c.ID] = true
	}
	for id := range broken {
		if !ids[id] {
			t.Errorf("%s is broken, but there is no such check", id)
		}
	}
	for _, pattern := range []string{"testdata/checks/*.json", "../../docs/checks/FC*.md"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			id, _, _ := strings.Cut(filepath.Base(file), ".")
			if !ids[id] {
				t.Errorf("%s is of no check", file)
			}
		}
	}
}

// A finding without an object, a reason or a way out is one that a reader can do nothing with.
func TestFindingsAreComplete(t *testing.T) {
	for id, cases := range broken {
		for name, damage := range cases {
			s := healthy()
			damage(s)
			r := result(t, id, s)
			for _, f := range r.Findings {
				if f.Object == "" || f.Message == "" || r.Severity != Info && f.Hint == "" && f.Command == "" {
					t.Errorf("%s, %s: incomplete: %+v", id, name, f)
				}
				if strings.Contains(f.Command, "'") {
					t.Errorf("%s, %s: single quotes mean nothing to cmd on Windows: %s", id, name, f.Command)
				}
				if strings.HasSuffix(f.Message, ".") || strings.HasSuffix(f.Hint, ".") {
					t.Errorf("%s, %s: a full stop: %+v", id, name, f)
				}
			}
			if (r.Verdict == Skip || r.Verdict == Undecided) && r.Reason == "" {
				t.Errorf("%s, %s: %s without a reason", id, name, r.Verdict)
			}
		}
	}
}

// A check that is stopped by another names one that comes before it and exists.
func TestOrderOfChecks(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Catalogue() {
		for _, id := range c.After {
			if !seen[id] {
				t.Errorf("%s comes after %s, which is not before it", c.ID, id)
			}
		}
		seen[c.ID] = true
		for _, need := range c.Needs {
			if len(strings.Fields(need)) != 2 {
				t.Errorf("%s needs %q, which is not a verb and a resource", c.ID, need)
			}
		}
	}
}

// With the right that a check needs taken away it is skipped with that reason, never passed or failed.
func TestWithoutItsRightsACheckIsSkipped(t *testing.T) {
	for _, c := range Catalogue() {
		for _, need := range c.Needs {
			s := healthy()
			verb, resource, _ := strings.Cut(need, " ")
			s.Denied = []Denial{{Verb: verb, Resource: resource}}
			if r := result(t, c.ID, s); r.Verdict != Skip || !strings.Contains(r.Reason, "you may not "+need) {
				t.Errorf("%s without %q: %s because %q", c.ID, need, r.Verdict, r.Reason)
			}
		}
	}
}
