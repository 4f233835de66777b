package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Mark is what a piece of the table means to the reader; whoever paints it chooses the colour. The zero
// value is plain.
type Mark int

// The marks.
const (
	Good Mark = iota + 1
	Bad
	Attention
	Faint
)

// TableOptions are how a table is written.
type TableOptions struct {
	// Wide shows everything: also what passed, why checks were skipped, and healthy workloads.
	Wide bool
	// Width is that of the screen; lines are folded to it. 0 leaves them whole.
	Width int
	// Paint colours a text for its mark; nil leaves it plain.
	Paint func(Mark, string) string
}

// How much of a long list is shown when it is not wide.
const (
	maxFindings   = 5
	maxNamespaces = 20
	maxWorkloads  = 10
)

// Table writes a report for people: for each cluster its injector, then what is wrong and what to do, then
// who is covered, and one line that sums up. Of several clusters there is a summary first. It returns only
// errors of the writer.
func Table(w io.Writer, r *verify.Report, o TableOptions) error {
	t := &table{lines: lines{width: o.Width, paint: o.Paint}, wide: o.Wide}
	called := names(r)
	if len(r.Clusters) > 1 {
		t.clusters(r, called)
	}
	for n := range r.Clusters {
		if n > 0 || len(r.Clusters) > 1 {
			t.blank()
		}
		t.cluster(&r.Clusters[n], called[n])
	}
	return t.flush(w)
}

type table struct {
	lines
	wide bool
}

// clusters is one row for each.
func (t *table) clusters(r *verify.Report, called []string) {
	rows := make([][]string, 0, len(r.Clusters))
	for n := range r.Clusters {
		c := &r.Clusters[n]
		if c.Unreachable != "" {
			rows = append(rows, []string{called[n], "-", "-", "-", "not reached"})
			continue
		}
		k := tally(c)
		rows = append(rows, []string{called[n], fmt.Sprint(k[verify.Fail]), fmt.Sprint(k[verify.Warn]),
			fmt.Sprintf("%d/%d", c.Coverage.Protected, c.Coverage.InScope), percent(c.Coverage)})
	}
	t.rows(0, []string{"CLUSTER", "FAILED", "WARNINGS", "PROTECTED", ""}, rows)
}

func (t *table) cluster(c *verify.Cluster, called string) {
	t.headline(c, called)
	if c.Unreachable != "" {
		return
	}
	t.checks(with(c, verify.Fail, verify.Warn, verify.Undecided))
	if t.wide {
		t.others(c)
	} else {
		t.skipped(with(c, verify.Skip))
	}
	t.namespaces(c)
	t.workloads(c)
	t.blank()
	mark := Good
	if k := tally(c); k[verify.Fail] > 0 {
		mark = Bad
	} else if k[verify.Warn] > 0 {
		mark = Attention
	}
	t.marked(mark, "", 0, counts(tally(c))+"; "+protected(c.Coverage))
}

// key is the width of the words before a headline's lines.
const key = len("injector  ")

func (t *table) fact(word, text string) {
	t.say(t.mark(Faint, word)+strings.Repeat(" ", key-len(word)), key, text)
}

func (t *table) headline(c *verify.Cluster, called string) {
	text := called
	if c.Host != "" && c.Host != called {
		text += ", " + clean(c.Host)
	}
	if c.Server != "" {
		text += ", Kubernetes " + clean(c.Server)
	}
	t.fact("cluster", text)
	if about := scope(c.Scope); about != "" {
		t.fact("scope", about)
	}
	if c.Unreachable != "" {
		t.marked(Bad, t.mark(Bad, "FAIL")+strings.Repeat(" ", key-4), key, "it cannot be asked: "+clean(c.Unreachable))
		return
	}
	if len(c.Injectors) == 0 {
		t.fact("injector", "none")
	}
	for _, i := range c.Injectors {
		t.fact("injector", injector(i)+", "+state(i))
		if i.Image != "" {
			t.fact("image", clean(shortImage(i.Image)))
		}
	}
}

// scope says what was asked about; empty if it was everything.
func scope(s verify.Scope) string {
	var words []string
	if s.Namespace != "" {
		words = append(words, "namespace "+s.Namespace)
	}
	if s.Selector != "" {
		words = append(words, "pods with "+s.Selector)
	}
	for _, target := range s.Targets {
		words = append(words, strings.ToLower(target.Kind)+"/"+target.Name)
	}
	return clean(strings.Join(words, ", "))
}

// badge is a verdict in capitals.
func badge(v verify.Verdict) (string, Mark) {
	switch v {
	case verify.Fail:
		return "FAIL", Bad
	case verify.Warn:
		return "WARN", Attention
	case verify.Pass:
		return "PASS", Good
	case verify.Skip:
		return "SKIP", Faint
	}
	return "UNKNOWN", Attention
}

// checks writes each with its findings, and what to do.
func (t *table) checks(results []verify.Result) {
	for _, r := range results {
		t.blank()
		t.check(r)
	}
}

func (t *table) check(r verify.Result) {
	word, mark := badge(r.Verdict)
	head := word + " " + r.ID + " "
	t.say(t.mark(mark, word)+" "+r.ID+" ", len(head), title(r))
	if r.Reason != "" {
		reason := clean(r.Reason)
		if r.Verdict == verify.Undecided {
			reason = "could not tell: " + reason
		}
		t.say("  ", 2, reason)
	}
	shown := r.Findings
	if !t.wide && len(shown) > maxFindings+1 {
		shown = shown[:maxFindings]
	}
	hint, command := inShort(r.Findings)
	for _, f := range shown {
		text := clean(f.Object) + ": " + clean(f.Message)
		if f.Object == "" {
			text = clean(f.Message)
		}
		if f.Pods > 0 {
			text += " (" + count(f.Pods, "pod") + examples(f) + ")"
		}
		t.say("  - ", 4, text)
		if f.Hint != hint || f.Command != command {
			t.advice(6, f.Hint, f.Command)
		}
	}
	t.more(2, len(r.Findings)-len(shown), "")
	t.advice(2, hint, command)
}

// examples names pods of a finding, unless they are all that it says anyway.
func examples(f verify.Finding) string {
	if len(f.Examples) == 0 {
		return ""
	}
	text := ": " + strings.Join(f.Examples[:min(len(f.Examples), 3)], ", ")
	if f.Pods > 3 {
		text += ", …"
	}
	return clean(text)
}

// advice is what to do. A command is never folded: it is there to be copied.
func (t *table) advice(indent int, hint, command string) {
	space := strings.Repeat(" ", indent)
	if hint != "" {
		t.say(space+t.mark(Faint, "next:")+" ", indent+6, clean(hint))
	}
	if command != "" {
		t.text.WriteString(space + t.mark(Faint, "$") + " " + clean(command) + "\n")
	}
}

// more says how many rows a list has besides those shown.
func (t *table) more(indent, hidden int, noun string) {
	if hidden <= 0 {
		return
	}
	if noun != "" {
		noun = " " + noun
	}
	t.text.WriteString(strings.Repeat(" ", indent) +
		t.mark(Faint, fmt.Sprintf("and %d more%s (-o wide shows all)", hidden, noun)) + "\n")
}

// others are the checks with nothing to do about: passed ones, with what they tell, and skipped ones.
func (t *table) others(c *verify.Cluster) {
	for _, v := range []verify.Verdict{verify.Pass, verify.Skip} {
		if some := with(c, v); len(some) > 0 {
			t.blank()
			for _, r := range some {
				t.check(r)
			}
		}
	}
}

// skipped says in a few words why checks were not made: whoever lacks a right should know what was not
// looked at.
func (t *table) skipped(results []verify.Result) {
	reasons := map[string]int{}
	for _, r := range results {
		reasons[clean(r.Reason)]++
	}
	type reason struct {
		text string
		n    int
	}
	all := make([]reason, 0, len(reasons))
	for text, n := range reasons {
		all = append(all, reason{text, n})
	}
	slices.SortFunc(all, func(a, b reason) int { return cmp.Or(b.n-a.n, strings.Compare(a.text, b.text)) })
	if len(all) == 0 {
		return
	}
	t.blank()
	t.text.WriteString(t.mark(Faint, "SKIP") + " " + count(len(results), "check") + ":\n")
	for _, r := range all[:min(len(all), maxFindings)] {
		t.say("  - ", 4, fmt.Sprintf("%s (%s)", r.text, count(r.n, "check")))
	}
	t.more(2, len(all)-maxFindings, "reasons")
}
