package report

import (
	"fmt"
	"math"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

func (p *page) cluster(c *verify.Cluster, n int) {
	p.f("<section class=\"cluster\" id=\"c%d\" data-c=\"%d\" aria-labelledby=\"h%d\">\n<h2 id=\"h%d\">%s</h2>\n", n, n, n, n, p.called[n])
	if c.Unreachable != "" {
		p.f("<p class=\"banner fail\"><b>The cluster could not be asked.</b> %s</p>\n</section>\n", c.Unreachable)
		return
	}
	p.f("<div class=\"hero\">\n<div class=\"panel cover\">\n<h3>Coverage</h3>\n")
	p.donut(c.Coverage, "big")
	p.legend(c.Coverage)
	p.f("</div>\n<div class=\"panel\">\n<h3>State</h3>\n")
	p.pills(tally(c))
	p.facts(c)
	p.f("</div>\n</div>\n")
	p.checks(c, n)
	p.namespaces(c, n)
	p.f("</section>\n")
}

func (p *page) facts(c *verify.Cluster) {
	p.f("<dl>\n")
	fact := func(word, text string) {
		if text != "" {
			p.f("<dt>%s</dt><dd>%s</dd>\n", word, text)
		}
	}
	fact("Scope", scope(c.Scope))
	if len(c.Injectors) == 0 {
		fact("Injector", "none")
	}
	for _, i := range c.Injectors {
		fact("Injector", injector(i))
		fact("Replicas", state(i))
		fact("Image", shortImage(i.Image))
		if !i.CertificateExpires.IsZero() && !c.Taken.IsZero() {
			days := int(i.CertificateExpires.Sub(c.Taken).Hours() / 24)
			fact("Certificate", fmt.Sprintf("ends %s, in %s", i.CertificateExpires.UTC().Format("2006-01-02"), count(days, "day")))
		}
	}
	fact("API server", c.Host)
	if c.Server != "" {
		fact("Kubernetes", c.Server)
	}
	p.f("</dl>\n")
}

// shades are the verdicts in the order in which the pictures show them: what is well first.
var shades = []verify.PodVerdict{verify.Injected, verify.Starting, verify.Drifted, verify.Stale, verify.NotReady, verify.Missed,
	verify.NoProfile, verify.Unprotected, verify.Impossible, verify.OptedOut, verify.OutOfScope}

// donut is a coverage as a ring, with the share that is protected in its middle.
func (p *page) donut(c verify.Coverage, class string) {
	const radius = 42
	around := 2 * math.Pi * radius
	p.f("<svg class=\"donut %s\" viewBox=\"0 0 100 100\" role=\"img\" aria-label=\"%s\"><circle class=\"ring\" cx=\"50\" cy=\"50\" r=\"%d\"/>",
		class, protected(c), radius)
	begin := 0.0
	for _, v := range shades {
		n := c.Verdicts[v]
		if n == 0 {
			continue
		}
		part := around * float64(n) / float64(c.Pods)
		p.f("<circle class=\"arc s-%s\" cx=\"50\" cy=\"50\" r=\"%d\" stroke-dasharray=\"%s %s\" stroke-dashoffset=\"%s\" transform=\"rotate(-90 50 50)\"/>",
			string(v), radius, fmt.Sprintf("%.2f", part), fmt.Sprintf("%.2f", around-part), fmt.Sprintf("%.2f", -begin))
		begin += part
	}
	p.f("<text x=\"50\" y=\"%d\" class=\"pct\">%s</text>", 56, percent(c))
	p.f("</svg>\n")
}

// legend says the same in numbers.
func (p *page) legend(c verify.Coverage) {
	p.f("<div class=\"legend\"><p><b>%d</b> of %s in scope protected", c.Protected, count(c.InScope, "pod"))
	if rest := c.Pods - c.InScope; rest > 0 {
		p.f(", %d out of scope", rest)
	}
	p.f("</p>\n<ul>")
	for _, v := range shades {
		if n := c.Verdicts[v]; n > 0 {
			p.f("<li><svg class=\"dot\" viewBox=\"0 0 10 10\" aria-hidden=\"true\"><rect class=\"b-%s\" width=\"10\" height=\"10\" rx=\"3\"/></svg>"+
				"<span><b>%d</b> %s <small>%s</small></span></li>", string(v), n, string(v), meaning[v])
		}
	}
	p.f("</ul></div>\n")
}

// bar is a coverage as a strip. It has no styles of its own, which the page's policy would refuse.
func (p *page) bar(c verify.Coverage) {
	p.f("<svg class=\"bar\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\"><rect class=\"ground\" width=\"100\" height=\"8\"/>", protected(c))
	x := 0.0
	for _, v := range shades {
		if n := c.Verdicts[v]; n > 0 {
			part := 100 * float64(n) / float64(c.Pods)
			p.f("<rect class=\"b-%s\" x=\"%s\" width=\"%s\" height=\"8\"/>", string(v), fmt.Sprintf("%.2f", x), fmt.Sprintf("%.2f", part))
			x += part
		}
	}
	p.f("</svg>")
}

// checks are the findings, then in one fold what there is nothing to do about.
func (p *page) checks(c *verify.Cluster, n int) {
	p.f("<h3>Findings</h3>\n")
	matter := with(c, verify.Fail, verify.Warn, verify.Undecided)
	if len(matter) == 0 {
		p.f("<p class=\"banner pass\">Nothing to mend: no check failed or warned.</p>\n")
	}
	for _, r := range matter {
		p.check(r, n, r.Verdict == verify.Fail && len(matter) <= 20)
	}
	rest := with(c, verify.Pass, verify.Skip)
	if len(rest) == 0 {
		return
	}
	t := tally(c)
	p.f("<details class=\"rest\"><summary>%d passed, %d skipped</summary>\n", t[verify.Pass], t[verify.Skip])
	for _, r := range rest {
		p.check(r, n, false)
	}
	p.f("</details>\n")
}

func (p *page) check(r verify.Result, cluster int, open bool) {
	word, _ := badge(r.Verdict)
	attribute := ""
	if open {
		attribute = " open"
	}
	p.f("<details class=\"check\" id=\"c%d-%s\" data-c=\"%d\" data-v=\"%s\" data-s=\"%s\"%s><summary><span class=\"pill %s\">%s</span>"+
		"<code>%s</code><span class=\"what\">%s</span>", cluster, r.ID, cluster, string(r.Verdict), string(r.Severity), safe(attribute),
		string(r.Verdict), word, r.ID, title(r))
	if n := len(r.Findings); n > 1 {
		p.f("<span class=\"n\">%d</span>", n)
	}
	p.f("</summary><div class=\"body\">")
	if r.Reason != "" {
		p.f("<p>%s</p>", r.Reason)
	}
	hint, command := inShort(r.Findings)
	if len(r.Findings) > 0 {
		p.f("<ul class=\"findings\">")
	}
	for _, f := range r.Findings {
		space := ""
		if parts := strings.Split(f.Object, "/"); len(parts) > 2 {
			space = parts[0]
		} else if kind, name, _ := strings.Cut(f.Object, "/"); kind == "namespace" {
			space = name
		}
		p.f("<li data-ns=\"%s\"><code class=\"object\">%s</code> %s", space, f.Object, f.Message)
		if f.Pods > 0 {
			p.f(" <small>%s%s</small>", count(f.Pods, "pod"), examples(f))
		}
		if f.Hint != hint || f.Command != command {
			p.advice(f.Hint, f.Command)
		}
		p.f("</li>")
	}
	if len(r.Findings) > 0 {
		p.f("</ul>")
	}
	p.advice(hint, command)
	p.f("<p class=\"sub\"><a href=\"%s\" rel=\"noreferrer\">What %s means</a> · severity %s</p></div></details>\n", HelpURL(r.ID), r.ID, string(r.Severity))
}

func (p *page) advice(hint, command string) {
	if hint != "" {
		p.f("<p class=\"next\"><b>Next</b> %s</p>", hint)
	}
	if command != "" {
		p.f("<pre tabindex=\"0\"><code>%s</code></pre>", command)
	}
}
