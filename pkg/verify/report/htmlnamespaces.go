package report

import (
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// namespaces are rows that unfold into their workloads: those with something to mend first, the others in
// one fold where there are many, since nobody reads two hundred rows to learn that they are well.
func (p *page) namespaces(c *verify.Cluster, cluster int) {
	if len(c.Namespaces) == 0 {
		return
	}
	of := map[string][]verify.WorkloadReport{}
	for _, w := range c.Workloads {
		of[w.Namespace] = append(of[w.Namespace], w)
	}
	all := worstFirst(c)
	ill := 0
	for ill < len(all) && trouble(all[ill]) > 0 {
		ill++
	}
	const few = 12
	first, rest := all[:ill], all[ill:]
	if len(all) <= few {
		first, rest = all, nil
	}
	p.f("<h3>Namespaces</h3>\n<div class=\"spaces\">\n")
	p.spaces(first, of, cluster)
	if len(rest) > 0 {
		p.f("<details class=\"rest\"><summary>%s with nothing to mend</summary>\n", count(len(rest), "namespace"))
		p.spaces(rest, of, cluster)
		p.f("</details>\n")
	}
	p.f("</div>\n")
}

func (p *page) spaces(some []verify.NamespaceReport, of map[string][]verify.WorkloadReport, cluster int) {
	for _, ns := range some {
		p.f("<details class=\"ns\" data-c=\"%d\" data-ns=\"%s\"><summary><span class=\"name\">%s</span>", cluster, ns.Name, ns.Name)
		p.bar(ns.Coverage)
		if ns.Coverage.InScope > 0 {
			p.f("<span class=\"num\"><b>%d</b>/%d<small> protected</small></span>", ns.Coverage.Protected, ns.Coverage.InScope)
		} else {
			p.f("<span class=\"num\">%d<small> out of scope</small></span>", ns.Coverage.Pods)
		}
		p.newPods(ns)
		p.f("</summary><div class=\"body\">")
		if !ns.Covered {
			p.f("<p>Not covered: %s</p>", ns.Why)
		}
		p.workloads(of[ns.Name])
		p.f("</div></details>\n")
	}
}

func (p *page) newPods(ns verify.NamespaceReport) {
	class := "unknown"
	switch ns.NewPods {
	case verify.NewInjected, verify.NewIfAsked:
		class = "pass"
	case verify.NewRefused:
		class = "fail"
	case verify.NewPlain:
		class = "skip"
		if ns.Covered {
			class = "fail"
		}
	}
	p.f("<span class=\"pill %s\"><span class=\"sr\">new pods: </span>%s</span>", class, ns.NewPods)
}

func (p *page) workloads(some []verify.WorkloadReport) {
	if len(some) == 0 {
		p.f("<p class=\"sub\">No pods.</p>")
		return
	}
	p.f("<table><thead><tr><th scope=\"col\">Workload</th><th scope=\"col\">Pods</th><th scope=\"col\">Verdict</th><th scope=\"col\">Why</th></tr></thead><tbody>\n")
	for _, w := range some {
		p.f("<tr data-v=\"%s\"><th scope=\"row\">%s</th><td class=\"count\">%d</td><td><svg class=\"dot\" viewBox=\"0 0 10 10\" aria-hidden=\"true\">"+
			"<rect class=\"b-%s\" width=\"10\" height=\"10\" rx=\"3\"/></svg>%s</td><td>%s", string(w.Verdict), strings.ToLower(w.Kind)+"/"+w.Name, w.Pods,
			string(w.Verdict), string(w.Verdict), reason(w))
		if len(w.Names) > 0 {
			p.f("<details class=\"pods\"><summary>%s</summary><code>%s</code></details>", count(len(w.Names), "name"), strings.Join(w.Names, " "))
		}
		p.f("</td></tr>\n")
	}
	p.f("</tbody></table>")
}
