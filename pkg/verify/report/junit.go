package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// The JUnit form, as Ant made it and Jenkins, GitLab and others read it.
type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Skipped  int          `xml:"skipped,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr,omitempty"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Skipped *junitTrouble `xml:"skipped"`
		Error   *junitTrouble `xml:"error"`
		Failure *junitTrouble `xml:"failure"`
		Out     string        `xml:"system-out,omitempty"`
	}
	junitTrouble struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr,omitempty"`
		Text    string `xml:",chardata"`
	}
)

// JUnit writes a report as the result of tests: a testsuite for each cluster, a testcase for each check.
// A warning is a failure only where failOn is verify.Warn, so that what is red is what made the exit code;
// else it passes and says what it found. A check that could not tell is skipped, a cluster that could not
// be asked is an error.
func JUnit(w io.Writer, r *verify.Report, failOn verify.Verdict) error {
	all := junitSuites{Name: "kubectl falcon verify"}
	called := names(r)
	for n := range r.Clusters {
		s := suite(&r.Clusters[n], called[n], failOn)
		all.Tests += s.Tests
		all.Failures += s.Failures
		all.Errors += s.Errors
		all.Skipped += s.Skipped
		all.Suites = append(all.Suites, s)
	}
	text, err := xml.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(w, "%s%s\n", xml.Header, text)
	return err
}

func suite(c *verify.Cluster, called string, failOn verify.Verdict) junitSuite {
	s := junitSuite{Name: called, Time: "0"}
	if !c.Taken.IsZero() {
		s.Timestamp = c.Taken.UTC().Format("2006-01-02T15:04:05")
	}
	if c.Unreachable != "" {
		why := clean(c.Unreachable)
		s.Tests, s.Errors = 1, 1
		s.Cases = []junitCase{{Name: "the cluster can be asked", Class: class(called, "access"), Time: "0",
			Error: &junitTrouble{Message: why, Type: "unreachable", Text: why}}}
		return s
	}
	for _, r := range c.Checks {
		one := junitCase{Name: r.ID + " " + title(r), Class: class(called, verify.Group(r.ID)), Time: "0"}
		switch {
		case r.Verdict == verify.Fail, r.Verdict == verify.Warn && failOn == verify.Warn:
			one.Failure = &junitTrouble{Message: inOneLine(r), Type: string(r.Severity), Text: prose(r)}
			s.Failures++
		case r.Verdict == verify.Skip:
			one.Skipped = &junitTrouble{Message: clean(r.Reason)}
			s.Skipped++
		case r.Verdict == verify.Undecided:
			one.Skipped = &junitTrouble{Message: "could not tell: " + clean(r.Reason)}
			s.Skipped++
		default:
			one.Out = prose(r)
		}
		s.Tests++
		s.Cases = append(s.Cases, one)
	}
	return s
}

// class is a test's class: readers make a tree of it at its dots, so the cluster's own become dashes.
func class(called, group string) string {
	return strings.ReplaceAll(called, ".", "-") + "." + group
}

// inOneLine is a result's first finding, and how many there are besides.
func inOneLine(r verify.Result) string {
	if len(r.Findings) == 0 {
		return clean(r.Reason)
	}
	text := said(r.Findings[0])
	if n := len(r.Findings) - 1; n > 0 {
		text += fmt.Sprintf(" (and %d more)", n)
	}
	return text
}

// said is a finding in a sentence.
func said(f verify.Finding) string {
	if f.Object == "" {
		return clean(f.Message)
	}
	return clean(f.Object) + ": " + clean(f.Message)
}

// prose is all that a result says, in lines.
func prose(r verify.Result) string {
	var all []string
	hint, command := inShort(r.Findings)
	advise := func(hint, command string) {
		if hint != "" {
			all = append(all, "next: "+clean(hint))
		}
		if command != "" {
			all = append(all, "$ "+clean(command))
		}
	}
	for _, f := range r.Findings {
		all = append(all, said(f))
		if f.Hint != hint || f.Command != command {
			advise(f.Hint, f.Command)
		}
	}
	advise(hint, command)
	if len(r.Findings) > 0 && r.Verdict != verify.Pass {
		all = append(all, HelpURL(r.ID))
	}
	return strings.Join(all, "\n")
}

// utc is a time as most formats write it; empty for none.
func utc(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}
