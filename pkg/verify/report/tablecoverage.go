package report

import (
	"fmt"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// namespaces is one row for each, those with most to mend first.
func (t *table) namespaces(c *verify.Cluster) {
	if len(c.Namespaces) == 0 {
		return
	}
	all := worstFirst(c)
	shown := all
	if !t.wide && len(shown) > maxNamespaces+1 {
		shown = shown[:maxNamespaces]
	}
	rows := make([][]string, 0, len(shown))
	for _, ns := range shown {
		inScope := "-"
		if ns.Coverage.InScope > 0 {
			inScope = fmt.Sprintf("%d/%d", ns.Coverage.Protected, ns.Coverage.InScope)
		}
		rows = append(rows, []string{clean(ns.Name), clean(ns.NewPods), fmt.Sprint(ns.Coverage.Pods), inScope, t.about(ns)})
	}
	t.blank()
	t.rows(0, []string{"NAMESPACE", "NEW PODS", "PODS", "PROTECTED", "NOT PROTECTED"}, rows)
	t.more(0, len(all)-len(shown), "namespaces")
}

// about says what of a namespace is not protected, or what leaves it out.
func (t *table) about(ns verify.NamespaceReport) string {
	words := verdictCounts(ns.Coverage)
	if ns.Covered || ns.Why == "" || !t.wide && words != "" {
		return words
	}
	if words == "" {
		return clean(ns.Why)
	}
	return words + ": " + clean(ns.Why)
}

// workload is its name as kubectl's -o name has it, with the namespace before it.
func workload(w verify.WorkloadReport) string {
	return clean(w.Namespace + "/" + strings.ToLower(w.Kind) + "/" + w.Name)
}

// workloads are those that are not fully protected, under a heading for each verdict.
func (t *table) workloads(c *verify.Cluster) {
	for _, v := range verify.PodVerdicts {
		var some []verify.WorkloadReport
		for _, w := range c.Workloads {
			if w.Verdict == v {
				some = append(some, w)
			}
		}
		// Nobody has to do anything about those that are left out on purpose, and the row of their
		// namespace counts them.
		if len(some) == 0 || !t.wide && !v.Fault() && v != verify.Starting {
			continue
		}
		t.verdict(v, some)
	}
}

func (t *table) verdict(v verify.PodVerdict, some []verify.WorkloadReport) {
	pods, shown := 0, some
	for _, w := range some {
		pods += w.Pods
	}
	if !t.wide && len(shown) > maxWorkloads+1 {
		shown = shown[:maxWorkloads]
	}
	mark := Faint
	switch {
	case v.Fault():
		mark = Bad
	case v == verify.Starting:
		mark = Attention
	case v == verify.Injected:
		mark = Good
	}
	t.blank()
	head := string(v) + ": "
	t.say(t.mark(mark, string(v))+": ", len(head), count(pods, "pod")+", "+meaning[v])
	// What all have in common is said once.
	why := shared(some)
	if why != "" {
		t.say("  ", 2, why)
	}
	for _, w := range shown {
		text := workload(w)
		if w.Pods != 1 {
			text += " (" + count(w.Pods, "pod") + ")"
		}
		if because := reason(w); because != "" && because != why {
			text += ": " + because
		}
		t.say("  - ", 4, text)
		if t.wide && len(w.Names) > 0 {
			t.marked(Faint, "      ", 6, clean(strings.Join(w.Names, " ")))
		}
	}
	t.more(2, len(some)-len(shown), "workloads")
}

// shared is the reason that all of several workloads have; empty if they have several.
func shared(some []verify.WorkloadReport) string {
	why := reason(some[0])
	for _, w := range some {
		if reason(w) != why {
			return ""
		}
	}
	if len(some) == 1 {
		return ""
	}
	return why
}

// reason is why, and what Kubernetes says.
func reason(w verify.WorkloadReport) string {
	why, cause := clean(w.Why), clean(w.Cause)
	if why == "" || cause == "" {
		return why + cause
	}
	return why + ": " + cause
}

// meaning says each verdict in words.
var meaning = map[verify.PodVerdict]string{
	verify.Missed:      "younger than the webhook, and yet without the sensor",
	verify.NotReady:    "with a sensor that is not ready",
	verify.NoProfile:   "waiting for a Fargate profile that selects them",
	verify.Unprotected: "without the sensor, as there is no injector",
	verify.Stale:       "older than the webhook: a restart brings the sensor",
	verify.Drifted:     "with another sensor image than is configured",
	verify.Starting:    "with a sensor that is on its way",
	verify.Impossible:  "of a kind that can carry no sidecar",
	verify.OptedOut:    "without the sensor because somebody said so",
	verify.OutOfScope:  "in namespaces that the webhook is not called for",
	verify.Injected:    "with the configured sensor, and it is ready",
}
