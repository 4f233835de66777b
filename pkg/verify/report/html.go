package report

import (
	"crypto/sha256"
	_ "embed" // the style and the script
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

//go:embed assets/report.css
var style string

//go:embed assets/report.js
var script string

// HTML writes a report as one file that needs nothing else: no network, no server. All that it says is in
// it as plain HTML, with the pictures, and is there without JavaScript too, which only searches, filters
// and folds. The report's JSON is in the element #report.
//
// It is written by hand and escaped word by word, since a template engine would double the program.
func HTML(w io.Writer, r *verify.Report) error {
	// Marshal writes <, > and & in strings as escapes, so that no text can end the element.
	data, err := json.Marshal(r)
	if err != nil {
		return err
	}
	p := &page{called: names(r)}
	p.head(r)
	p.toolbar(r)
	p.f("<main id=\"main\">\n")
	if len(r.Clusters) > 1 {
		p.overview(r)
	}
	for n := range r.Clusters {
		p.cluster(&r.Clusters[n], n)
	}
	p.f("<p id=\"nothing\" class=\"empty\" hidden>Nothing matches. <button type=\"button\" id=\"reset\">Clear the filters</button></p>\n</main>\n")
	p.f("<footer><p>Made by kubectl falcon %s, an independent project that is not CrowdStrike's.</p></footer>\n", r.Client)
	p.f("<script type=\"application/json\" id=\"report\">%s</script>\n<script>%s</script>\n</body>\n</html>\n", safe(data), safe(script))
	_, err = io.WriteString(w, p.out.String())
	return err
}

// safe is text that is HTML already.
type safe string

// page is the document so far.
type page struct {
	out    strings.Builder
	called []string
}

// f writes a format; every string in it is cleaned and escaped, unless it is safe.
func (p *page) f(format string, args ...any) {
	for n, arg := range args {
		switch text := arg.(type) {
		case safe:
			args[n] = string(text)
		case int, int32:
		case string:
			args[n] = html.EscapeString(clean(text))
		default:
			args[n] = html.EscapeString(clean(fmt.Sprint(text)))
		}
	}
	fmt.Fprintf(&p.out, format, args...)
}

// policy forbids the page everything but its own style and script, above all any connection.
func policy() string {
	sum := func(text string) string {
		hash := sha256.Sum256([]byte(text))
		return "'sha256-" + base64.StdEncoding.EncodeToString(hash[:]) + "'"
	}
	return "default-src 'none'; style-src " + sum(style) + "; script-src " + sum(script) + "; base-uri 'none'; form-action 'none'"
}

func (p *page) head(r *verify.Report) {
	name := "Falcon coverage"
	if len(p.called) == 1 {
		name += " of " + p.called[0]
	}
	p.f("<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n")
	p.f("<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n", safe(policy()))
	p.f("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<meta name=\"referrer\" content=\"no-referrer\">\n")
	p.f("<meta name=\"color-scheme\" content=\"light dark\">\n<title>%s</title>\n<style>%s</style>\n</head>\n<body>\n", name, safe(style))
	p.f("<a class=\"jump\" href=\"#main\">Skip to the report</a>\n<header>\n<div><h1>%s</h1>\n<p class=\"sub\">", name)
	for n := range r.Clusters {
		if t := r.Clusters[n].Taken; !t.IsZero() {
			p.f("looked at <time datetime=\"%s\">%s</time> by kubectl falcon %s", utc(t), t.UTC().Format("2006-01-02 15:04 UTC"), r.Client)
			break
		}
	}
	p.f("</p></div>\n<div class=\"acts\" data-script hidden>")
	p.f("<button type=\"button\" id=\"theme\" aria-label=\"Theme\">Theme: auto</button><button type=\"button\" id=\"save\">Save JSON</button>" +
		"<button type=\"button\" id=\"print\">Print</button></div>\n</header>\n")
}

// toolbar is what searches and filters. The script shows it, as without the script it could do nothing.
func (p *page) toolbar(r *verify.Report) {
	p.f("<form class=\"tools\" role=\"search\" aria-label=\"Search and filter\" data-script hidden>\n" +
		"<label class=\"wide\">Search<input type=\"search\" id=\"q\" placeholder=\"check, object, workload, reason …\" autocomplete=\"off\" spellcheck=\"false\"></label>\n")
	p.pick("verdict", "Checks", "any verdict", [][2]string{{"fail", "failed"}, {"warn", "warnings"}, {"unknown", "could not tell"}, {"pass", "passed"}, {"skip", "skipped"}})
	p.pick("severity", "Severity", "any", [][2]string{{"error", "error"}, {"warning", "warning"}, {"info", "info"}})
	var pods, spaces, clusters [][2]string
	seen := map[string]bool{}
	for _, v := range verify.PodVerdicts {
		for n := range r.Clusters {
			if r.Clusters[n].Coverage.Verdicts[v] > 0 && !seen[string(v)] {
				seen[string(v)] = true
				pods = append(pods, [2]string{string(v), string(v)})
			}
		}
	}
	seen = map[string]bool{}
	for n := range r.Clusters {
		clusters = append(clusters, [2]string{fmt.Sprint(n), p.called[n]})
		for _, ns := range r.Clusters[n].Namespaces {
			if !seen[ns.Name] {
				seen[ns.Name] = true
				spaces = append(spaces, [2]string{ns.Name, ns.Name})
			}
		}
	}
	p.pick("pods", "Pods", "any verdict", pods)
	p.pick("namespace", "Namespace", "all", spaces)
	if len(clusters) > 1 {
		p.pick("cluster", "Cluster", "all", clusters)
	}
	p.f("<div class=\"folds\"><button type=\"button\" id=\"open\">Expand all</button><button type=\"button\" id=\"close\">Collapse all</button></div>\n" +
		"<p id=\"found\" role=\"status\"></p>\n</form>\n")
}

// pick is a choice of one of several values and their names.
func (p *page) pick(id, label, all string, of [][2]string) {
	p.f("<label>%s<select id=\"%s\"><option value=\"\">%s</option>", label, id, all)
	for _, o := range of {
		p.f("<option value=\"%s\">%s</option>", o[0], o[1])
	}
	p.f("</select></label>\n")
}

// overview is a card for each of several clusters.
func (p *page) overview(r *verify.Report) {
	p.f("<nav class=\"cards\" aria-label=\"Clusters\">\n")
	for n := range r.Clusters {
		c := &r.Clusters[n]
		p.f("<a class=\"card\" href=\"#c%d\" data-c=\"%d\">", n, n)
		if c.Unreachable != "" {
			p.f("<b>%s</b><span class=\"pill fail\">not reached</span></a>\n", p.called[n])
			continue
		}
		p.donut(c.Coverage, "small")
		p.f("<span><b>%s</b>", p.called[n])
		p.pills(tally(c))
		p.f("</span></a>\n")
	}
	p.f("</nav>\n")
}

// pills are the verdicts that somebody must read, or that there are none.
func (p *page) pills(t map[verify.Verdict]int) {
	p.f("<span class=\"pills\">")
	if t[verify.Fail] > 0 {
		p.f("<span class=\"pill fail\">%d failed</span>", t[verify.Fail])
	}
	if t[verify.Warn] > 0 {
		p.f("<span class=\"pill warn\">%s</span>", count(t[verify.Warn], "warning"))
	}
	if t[verify.Undecided] > 0 {
		p.f("<span class=\"pill unknown\">%d could not tell</span>", t[verify.Undecided])
	}
	if t[verify.Fail]+t[verify.Warn]+t[verify.Undecided] == 0 {
		p.f("<span class=\"pill pass\">%d passed</span>", t[verify.Pass])
	}
	p.f("</span>")
}
