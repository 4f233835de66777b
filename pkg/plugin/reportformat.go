package plugin

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify/report"
)

// reportFormat is how a report is printed: the name of a format, or jsonpath with its template.
type reportFormat string

const (
	reportTable reportFormat = ""
	reportWide  reportFormat = "wide"
	jsonPath                 = "jsonpath="
)

// writers print a report for programs. failOn is the least verdict that counts as a failure, for the one
// form that has only failures.
var writers = map[reportFormat]func(w io.Writer, r *verify.Report, failOn verify.Verdict) error{
	"json":  func(w io.Writer, r *verify.Report, _ verify.Verdict) error { return term.Structured(w, term.JSON, r) },
	"yaml":  func(w io.Writer, r *verify.Report, _ verify.Verdict) error { return term.Structured(w, term.YAML, r) },
	"name":  plainly(report.Name),
	"junit": report.JUnit,
	"sarif": func(w io.Writer, r *verify.Report, _ verify.Verdict) error {
		return report.SARIF(w, r, verify.Catalogue())
	},
	"openmetrics": plainly(report.OpenMetrics),
	"html":        plainly(report.HTML),
}

func plainly(write func(io.Writer, *verify.Report) error) func(io.Writer, *verify.Report, verify.Verdict) error {
	return func(w io.Writer, r *verify.Report, _ verify.Verdict) error { return write(w, r) }
}

// reportFormats are the values of -o.
var reportFormats = []string{"wide", "json", "yaml", "name", jsonPath, "junit", "sarif", "openmetrics", "html"}

// String returns the format as it was given.
func (f *reportFormat) String() string { return string(*f) }

// Type is what help shows for the value.
func (f *reportFormat) Type() string { return "format" }

// Set reads a format from a flag's value and refuses one that is not known.
func (f *reportFormat) Set(text string) error {
	_, path := strings.CutPrefix(text, jsonPath)
	if !path && !slices.Contains(reportFormats, text) {
		known := strings.Join(reportFormats, ", ")
		return fmt.Errorf("it is not a format; use %s", strings.Replace(known, jsonPath, jsonPath+"'{...}'", 1))
	}
	*f = reportFormat(text)
	return nil
}

// people says whether it is for people to read on a screen.
func (f reportFormat) people() bool { return f == reportTable || f == reportWide }

// table are the options of a table on this run's screen.
func (s *session) table(f reportFormat) report.TableOptions {
	painter := s.painter()
	styles := map[report.Mark]term.Style{report.Good: term.Good, report.Bad: term.Bad, report.Attention: term.Warn, report.Faint: term.Dim}
	return report.TableOptions{Wide: f == reportWide, Width: term.Width(s.Out),
		Paint: func(m report.Mark, text string) string { return painter.Paint(styles[m], text) }}
}

// writeReport prints a report in a format; o is for the one that people read, failOn what counts as failed.
func writeReport(w io.Writer, f reportFormat, r *verify.Report, o report.TableOptions, failOn verify.Verdict) error {
	if template, is := strings.CutPrefix(string(f), jsonPath); is {
		return report.JSONPath(w, r, template)
	}
	if write := writers[f]; write != nil {
		return write(w, r, failOn)
	}
	return report.Table(w, r, o)
}
