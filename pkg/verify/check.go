package verify

import (
	"fmt"
	"strings"
)

// Severity is how much a check matters if it does not pass.
type Severity string

// The severities.
const (
	// Error is something that does not work, or will not at the next step.
	Error Severity = "error"
	// Warning is something that works but will hurt.
	Warning Severity = "warning"
	// Info is worth knowing and no fault.
	Info Severity = "info"
)

// Verdict is what came of a check.
type Verdict string

// The verdicts. A check of severity Info never fails or warns.
const (
	Pass Verdict = "pass"
	Warn Verdict = "warn"
	Fail Verdict = "fail"
	// Skip is a check that was not made; its reason says why.
	Skip Verdict = "skip"
	// Undecided is a check that was made and could not tell.
	Undecided Verdict = "unknown"
)

// Check is one question to a snapshot. Checks are data, so that the catalogue can be listed, documented and
// tested as a whole.
type Check struct {
	// ID is FC and three digits, and is never used again for another question.
	ID string
	// Title is the question as a statement that holds when the check passes, such as "the injector has
	// ready endpoints".
	Title    string
	Severity Severity
	// Stops are checks whose failure makes this one meaningless; it is skipped then.
	After []string
	// Needs are the rights without which nothing can be said, as "verb resource".
	Needs []string
	// Part is which optional part of a snapshot it judges; nil for what is always there.
	Part *Part
	// Hint says what to do in one imperative sentence, Command how if one command does it. A finding may
	// have its own instead.
	Hint    string
	Command string
	// Judge looks at the snapshot and must not change it.
	Judge func(v *View) Outcome
}

// Part is an optional part of a snapshot.
type Part struct {
	// Flag is how a user asks for it.
	Flag string
	// In says whether the snapshot has it.
	In func(p Parts) bool
}

// The optional parts.
var (
	canaryPart    = &Part{"a run without --no-canary", func(p Parts) bool { return p.Canary }}
	deepPart      = &Part{"--deep", func(p Parts) bool { return p.Deep }}
	aidsPart      = &Part{"--aids", func(p Parts) bool { return p.AIDs }}
	leftoversPart = &Part{"--leftovers", func(p Parts) bool { return p.Leftovers }}
	prePart       = &Part{"--pre", func(p Parts) bool { return p.Pre }}
	awsPart       = &Part{"--aws", func(p Parts) bool { return p.AWS }}
)

// Outcome is what a check's Judge returns; see passed, found, warned, skipped, leftTo and undecided.
type Outcome struct {
	verdict  Verdict
	reason   string
	cause    string
	stops    bool
	findings []Finding
}

// Finding is one thing that is so, with its evidence. Its JSON form is stable.
type Finding struct {
	// Object is what it is about: kind/name, with the namespace before it where it has one and a slash
	// between, such as team-a/deployment/web.
	Object string `json:"object"`
	// Message is the evidence in a sentence without a full stop.
	Message string `json:"message"`
	Hint    string `json:"hint,omitempty"`
	Command string `json:"command,omitempty"`
	// Pods counts those concerned, Examples names some of them.
	Pods     int      `json:"pods,omitempty"`
	Examples []string `json:"examples,omitempty"`
}

// passed is the outcome of a check that holds.
func passed() Outcome { return Outcome{verdict: Pass} }

// found is the outcome of findings: the check fails, or warns if it is of that severity, unless there are
// none. Of a check of severity Info they are told and nothing is wrong.
func found(findings ...Finding) Outcome { return Outcome{findings: findings} }

// warned is the outcome of findings that are no more than a warning here, whatever the check's severity.
func warned(findings ...Finding) Outcome {
	o := found(findings...)
	if len(findings) > 0 {
		o.verdict = Warn
	}
	return o
}

// leftTo is a check that leaves what it saw to another, before or after it, which says it better: of one
// cause there is one finding.
func leftTo(id string) Outcome {
	return Outcome{verdict: Skip, reason: id + " says what is wrong", cause: id}
}

// skipped is a check that has nothing to look at here.
func skipped(format string, args ...any) Outcome {
	return Outcome{verdict: Skip, reason: fmt.Sprintf(format, args...)}
}

// undecided is a check that looked and cannot tell.
func undecided(format string, args ...any) Outcome {
	return Outcome{verdict: Undecided, reason: fmt.Sprintf(format, args...)}
}

// finding makes one about an object.
func finding(object, format string, args ...any) Finding {
	return Finding{Object: object, Message: fmt.Sprintf(format, args...)}
}

// Result is one check's result. Its JSON form is stable.
type Result struct {
	ID       string   `json:"id"`
	Title    string   `json:"title"`
	Severity Severity `json:"severity"`
	Verdict  Verdict  `json:"verdict"`
	// Reason says why it was skipped, or why nothing can be said.
	Reason string `json:"reason,omitempty"`
	// Cause is the check whose failure made this one meaningless.
	Cause    string    `json:"cause,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// stops says that the checks after it are meaningless although it did not fail.
	stops bool
}

// run makes one check of a view. failed are the checks before it that failed.
func (c *Check) run(v *View, failed map[string]bool) Result {
	r := Result{ID: c.ID, Title: c.Title, Severity: c.Severity, Verdict: Skip}
	if c.Part != nil && !c.Part.In(v.Asked) {
		r.Reason = "it needs " + c.Part.Flag
		return r
	}
	for _, id := range c.After {
		if failed[id] {
			r.Reason, r.Cause = id+" comes first", id
			return r
		}
	}
	for _, need := range c.Needs {
		if d, denied := v.denied(need); denied {
			r.Reason = d.Why()
			return r
		}
		if why := v.unread(need); why != "" {
			r.Verdict, r.Reason = Undecided, why
			return r
		}
	}
	o := c.Judge(v)
	r.Verdict, r.Reason, r.Cause, r.stops, r.Findings = o.verdict, o.reason, o.cause, o.stops, o.findings
	if r.Verdict == "" {
		r.Verdict = c.verdict(len(o.findings))
	}
	for n := range r.Findings {
		f := &r.Findings[n]
		if f.Hint == "" && f.Command == "" {
			f.Hint, f.Command = c.Hint, c.Command
		}
	}
	return r
}

// verdict of a number of findings.
func (c *Check) verdict(findings int) Verdict {
	switch {
	case findings == 0 || c.Severity == Info:
		return Pass
	case c.Severity == Warning:
		return Warn
	}
	return Fail
}

// String says what is denied, such as "list resourcequotas in namespace team-a".
func (d Denial) String() string {
	text := d.Verb + " " + d.Resource
	if d.Namespace != "" {
		text += " in namespace " + d.Namespace
	}
	return text
}

// Why says why it is not known.
func (d Denial) Why() string { return "you may not " + d.String() }

// denied looks up a right, written as "verb resource".
func (s *Snapshot) denied(right string) (Denial, bool) {
	verb, resource, _ := strings.Cut(right, " ")
	for _, d := range s.Denied {
		if d.Verb == verb && d.Resource == resource {
			return d, true
		}
	}
	return Denial{}, false
}

// unread returns why what a right is for could not be read although it was permitted, or nothing. Failures
// begin with the right that was used and a colon.
func (s *Snapshot) unread(right string) string {
	for _, failure := range s.Failed {
		if strings.HasPrefix(failure, right+":") {
			return "could not " + failure
		}
	}
	return ""
}
