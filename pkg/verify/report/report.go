// Package report writes a verify.Report in every form that people and programs read: a table, names, JUnit,
// SARIF, OpenMetrics, one HTML file, and what a JSONPath template picks.
//
// Everything in it is a pure function from a report to bytes. It must not ask a cluster, read the clock or
// the environment, or know what it writes to; and since a report carries words of the cluster, which anyone
// who can write an object may have chosen, nothing of it is written unescaped.
package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// repository is where the pages of the checks are published.
const repository = "https://github.com/kubectl-falcon/kubectl-falcon"

// HelpURL is the address of a check's page.
func HelpURL(id string) string { return repository + "/blob/main/docs/checks/" + id + ".md" }

// names gives each cluster of a report a name of its own: its context, else its server's address. Two of
// the same name, as bundles may have, are numbered, or their results would be taken for one.
func names(r *verify.Report) []string {
	all := make([]string, 0, len(r.Clusters))
	taken := map[string]bool{}
	for _, c := range r.Clusters {
		name := c.Context
		if name == "" {
			name = c.Host
		}
		if name == "" {
			name = "cluster"
		}
		name = clean(name)
		unique := name
		for n := 2; taken[unique]; n++ {
			unique = fmt.Sprintf("%s (%d)", name, n)
		}
		taken[unique] = true
		all = append(all, unique)
	}
	return all
}

// clean makes one harmless line of a text that comes from a cluster: breaks and tabs become spaces, and
// every other control character, those that turn the direction of writing, and broken UTF-8 become U+FFFD.
func clean(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t' || r == '\r':
			return ' '
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.In(r, unicode.Zl, unicode.Zp):
			return unicode.ReplacementChar
		}
		return r
	}, text))
}

// count says a number of things: 1 pod, 2 pods.
func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// with returns a cluster's results of some verdicts, in the order of the verdicts.
func with(c *verify.Cluster, verdicts ...verify.Verdict) []verify.Result {
	var some []verify.Result
	for _, v := range verdicts {
		for _, r := range c.Checks {
			if r.Verdict == v {
				some = append(some, r)
			}
		}
	}
	return some
}

// tally is how many checks of a cluster came to what.
func tally(c *verify.Cluster) map[verify.Verdict]int {
	t := map[verify.Verdict]int{}
	for _, r := range c.Checks {
		t[r.Verdict]++
	}
	return t
}

// counts says a tally in words, the worst first, such as "2 failed, 1 warning, 40 passed".
func counts(t map[verify.Verdict]int) string {
	var words []string
	add := func(v verify.Verdict, word string) {
		if t[v] > 0 {
			words = append(words, fmt.Sprintf("%d %s", t[v], word))
		}
	}
	add(verify.Fail, "failed")
	if t[verify.Warn] > 0 {
		words = append(words, count(t[verify.Warn], "warning"))
	}
	add(verify.Undecided, "could not tell")
	add(verify.Pass, "passed")
	add(verify.Skip, "skipped")
	if len(words) == 0 {
		return "no check was made"
	}
	return strings.Join(words, ", ")
}

// protected says a coverage in words.
func protected(c verify.Coverage) string {
	if c.InScope == 0 {
		return fmt.Sprintf("%s, none in scope", count(c.Pods, "pod"))
	}
	return fmt.Sprintf("%d of %s in scope protected (%s)", c.Protected, count(c.InScope, "pod"), percent(c))
}

// percent of the pods in scope that are protected. Only all of them are 100%, and only none are 0%.
func percent(c verify.Coverage) string {
	if c.InScope == 0 {
		return "–"
	}
	n := c.Protected * 100 / c.InScope
	if n == 0 && c.Protected > 0 {
		return "<1%"
	}
	return fmt.Sprintf("%d%%", n)
}

// faults are the pods of a coverage that something is to be done about.
func faults(c verify.Coverage) int {
	n := 0
	for v, pods := range c.Verdicts {
		if v.Fault() {
			n += pods
		}
	}
	return n
}

// verdictCounts says how many pods have which verdict, the worst first, without those that are protected.
func verdictCounts(c verify.Coverage) string {
	var words []string
	for _, v := range verify.PodVerdicts {
		if n := c.Verdicts[v]; n > 0 && v != verify.Injected {
			words = append(words, fmt.Sprintf("%d %s", n, v))
		}
	}
	return strings.Join(words, ", ")
}

// worstFirst returns a cluster's namespaces, those with most to mend first, then by name.
func worstFirst(c *verify.Cluster) []verify.NamespaceReport {
	all := slices.Clone(c.Namespaces)
	slices.SortStableFunc(all, func(a, b verify.NamespaceReport) int {
		if d := trouble(b) - trouble(a); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all
}

// trouble is how much is to be mended in a namespace. New pods that are refused are an outage, so they
// come before any number of pods.
func trouble(ns verify.NamespaceReport) int {
	n := faults(ns.Coverage)
	switch {
	case ns.NewPods == verify.NewRefused:
		n += 2_000_000
	case ns.Covered && ns.NewPods == verify.NewPlain:
		n += 1_000_000
	}
	return n
}

// shortImage is an image without the middle of its digest.
func shortImage(image string) string {
	name, digest, found := strings.Cut(image, "@sha256:")
	if !found || len(digest) <= 12 {
		return image
	}
	return name + "@sha256:" + digest[:12]
}

// injector says an injector in words, such as "Helm (release falcon) in falcon-system".
func injector(i verify.InjectorSummary) string {
	text := i.Tool
	if i.Detail != "" {
		text += " (" + i.Detail + ")"
	}
	return clean(text + " in " + i.Namespace)
}

// state says how an injector is.
func state(i verify.InjectorSummary) string {
	text := fmt.Sprintf("%d of %s ready", i.Ready, count(int(i.Replicas), "replica"))
	if i.Deployment == "" {
		text = "no Deployment"
	}
	if i.FailurePolicy != "" {
		return text + ", failure policy " + i.FailurePolicy
	}
	return text + ", no webhook for pods"
}

// title is a check's with a capital only where it has one: ids come before it.
func title(r verify.Result) string { return clean(r.Title) }

// inShort returns the hint and the command that all findings of a result share, or nothing.
func inShort(findings []verify.Finding) (hint, command string) {
	if len(findings) == 0 {
		return "", ""
	}
	hint, command = findings[0].Hint, findings[0].Command
	for _, f := range findings {
		if f.Hint != hint || f.Command != command {
			return "", ""
		}
	}
	return hint, command
}
