package report

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// SARIF writes a report in the Static Analysis Results Interchange Format 2.1.0, a run for each cluster.
// The rules are the checks of the catalogue. Each finding is a result; one that is told and no fault is
// informational, and a check without findings is a result of kind pass, notApplicable (skipped) or open
// (it could not tell).
//
// Fingerprints are made of the check and the object, and not of the words, so that a reader knows a result
// again when a number in it has changed.
func SARIF(w io.Writer, r *verify.Report, rules []verify.Check) error {
	log := sarifLog{
		Schema:  "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
		Version: "2.1.0", Runs: []sarifRun{},
	}
	called := names(r)
	for n := range r.Clusters {
		log.Runs = append(log.Runs, sarifOf(&r.Clusters[n], called[n], r.Client, rules))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(log)
}

func sarifOf(c *verify.Cluster, called, client string, rules []verify.Check) sarifRun {
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "kubectl-falcon", Version: client, InformationURI: repository, Rules: []sarifRule{}}
	index := map[string]int{}
	for n := range rules {
		index[rules[n].ID] = n
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, ruleOf(&rules[n]))
	}
	// What is behind the last slash would tell runs of one kind apart; a category ends with it.
	run.Automation.ID = "kubectl-falcon/verify/" + url.PathEscape(called) + "/"
	asked := sarifInvocation{Successful: c.Unreachable == "", EndTime: utc(c.Taken)}
	if c.Unreachable != "" {
		asked.Notifications = []sarifNotification{{Level: "error", Message: sarifText{"the cluster could not be asked: " + clean(c.Unreachable)}}}
	}
	run.Invocations = []sarifInvocation{asked}
	seen := map[string]int{}
	for _, check := range c.Checks {
		for _, result := range resultsOf(check, called, seen) {
			if n, known := index[check.ID]; known {
				result.RuleIndex = &n
			}
			run.Results = append(run.Results, result)
		}
	}
	return run
}

func ruleOf(c *verify.Check) sarifRule {
	rule := sarifRule{ID: c.ID, Short: sarifText{clean(c.Title)}, HelpURI: HelpURL(c.ID)}
	rule.Default.Level = levels[c.Severity]
	help := clean(c.Title) + "."
	if c.Hint != "" {
		help += " If not: " + clean(c.Hint) + "."
	}
	markdown := help
	if c.Command != "" {
		help += " Run: " + clean(c.Command)
		markdown += "\n\n```\n" + clean(c.Command) + "\n```"
	}
	rule.Help = sarifHelp{Text: help, Markdown: markdown + "\n\n[" + c.ID + "](" + HelpURL(c.ID) + ")"}
	rule.Properties.Tags = []string{"kubernetes", verify.Group(c.ID)}
	return rule
}

var levels = map[verify.Severity]string{verify.Error: "error", verify.Warning: "warning", verify.Info: "note"}

// kinds of results that are not of kind fail; of those the level is always none.
var kinds = map[verify.Verdict]string{verify.Pass: "pass", verify.Skip: "notApplicable", verify.Undecided: "open"}

// resultsOf makes a result of each finding, or one of a check without. seen counts the fingerprints, as
// there may be several findings about one object.
func resultsOf(check verify.Result, called string, seen map[string]int) []sarifResult {
	about := func(kind, level, text, object string) sarifResult {
		key := check.ID + "\x00" + called + "\x00" + object
		seen[key]++
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, seen[key]))
		known := hex.EncodeToString(sum[:16])
		// The second is the only one that GitHub reads.
		one := sarifResult{RuleID: check.ID, Kind: kind, Level: level, Message: sarifText{text},
			Fingerprints: map[string]string{"kubectlFalcon/v1": known, "primaryLocationLineHash": known}}
		one.Locations = []sarifLocation{place(called, object)}
		return one
	}
	if len(check.Findings) == 0 {
		text := title(check)
		switch check.Verdict {
		case verify.Skip:
			text = "not checked: " + clean(check.Reason)
		case verify.Undecided:
			text = "could not tell: " + clean(check.Reason)
		}
		kind, level := kinds[check.Verdict], "none"
		if kind == "" {
			kind, level = "fail", levels[check.Severity]
		}
		return []sarifResult{about(kind, level, text, "")}
	}
	var all []sarifResult
	for _, f := range check.Findings {
		kind, level := "fail", "error"
		switch check.Verdict {
		case verify.Warn:
			level = "warning"
		case verify.Fail:
		default:
			kind, level = "informational", "none"
		}
		text := said(f)
		if f.Hint != "" {
			text += ". Next: " + clean(f.Hint)
		}
		one := about(kind, level, text, clean(f.Object))
		one.Properties = &sarifFinding{Pods: f.Pods, Command: clean(f.Command)}
		if *one.Properties == (sarifFinding{}) {
			one.Properties = nil
		}
		all = append(all, one)
	}
	return all
}

// place is where a result is: an object of the cluster, or the cluster. Readers that know files alone get
// the same as a relative address.
func place(called, object string) sarifLocation {
	at := sarifLogical{Name: called, FullName: called, Kind: "cluster"}
	address := []string{"kubernetes", url.PathEscape(called)}
	if object != "" {
		parts := strings.Split(object, "/")
		at = sarifLogical{Name: parts[len(parts)-1], FullName: called + "/" + object, Kind: "object"}
		if len(parts) > 1 {
			at.Kind = parts[len(parts)-2]
		}
		for _, p := range parts {
			address = append(address, url.PathEscape(p))
		}
	}
	l := sarifLocation{Logical: []sarifLogical{at}}
	l.Physical.Artifact.URI = strings.Join(address, "/")
	return l
}
