package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// OpenMetrics writes a report as OpenMetrics 1.0, for a file that a collector picks up. All metrics are
// gauges, as node_exporter's textfile collector reads the older text format, in which it is valid too. No
// label has the name of a pod or a workload, so the number of series is bounded by checks and namespaces.
func OpenMetrics(w io.Writer, r *verify.Report) error {
	m := &metrics{}
	called := names(r)
	m.family("falcon_verify_info", "The program that judged")
	m.sample(1, "version", r.Client)
	m.family("falcon_verify_up", "1 if the cluster could be asked")
	each(r, called, false, func(c *verify.Cluster, name string) {
		up := 0
		if c.Unreachable == "" {
			up = 1
		}
		m.sample(up, "cluster", name)
	})
	m.family("falcon_verify_timestamp_seconds", "When the cluster was looked at, by its own clock")
	each(r, called, true, func(c *verify.Cluster, name string) { m.moment(c.Taken, "cluster", name) })
	m.ofChecks(r, called)
	m.ofPods(r, called)
	m.ofInjectors(r, called)
	m.text.WriteString("# EOF\n")
	_, err := io.WriteString(w, m.text.String())
	return err
}

type metrics struct {
	text strings.Builder
	name string
}

// family begins a metric; all its samples must follow.
func (m *metrics) family(name, help string) {
	m.name = name
	fmt.Fprintf(&m.text, "# HELP %s %s.\n# TYPE %s gauge\n", name, help, name)
}

// escapes are those of a label's value.
var escapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

// sample writes a value with its labels, which are names and values by turns.
func (m *metrics) sample(value int, labels ...string) { m.write(strconv.Itoa(value), labels) }

// moment writes a time in seconds, or nothing for none.
func (m *metrics) moment(t time.Time, labels ...string) {
	if !t.IsZero() {
		m.write(strconv.FormatInt(t.Unix(), 10), labels)
	}
}

func (m *metrics) write(value string, labels []string) {
	m.text.WriteString(m.name)
	for n := 0; n < len(labels); n += 2 {
		open := ","
		if n == 0 {
			open = "{"
		}
		m.text.WriteString(open + labels[n] + `="` + escapes.Replace(clean(labels[n+1])) + `"`)
	}
	m.text.WriteString("} " + value + "\n")
}

// each calls do for the clusters, or for those that could be asked.
func each(r *verify.Report, called []string, reached bool, do func(c *verify.Cluster, name string)) {
	for n := range r.Clusters {
		if c := &r.Clusters[n]; c.Unreachable == "" || !reached {
			do(c, called[n])
		}
	}
}

// verdicts are the states of a check.
var verdicts = []verify.Verdict{verify.Fail, verify.Warn, verify.Undecided, verify.Pass, verify.Skip}

func (m *metrics) ofChecks(r *verify.Report, called []string) {
	m.family("falcon_verify_check", "1 for the verdict that the check came to, 0 for each other")
	each(r, called, true, func(c *verify.Cluster, name string) {
		for _, check := range c.Checks {
			for _, v := range verdicts {
				is := 0
				if check.Verdict == v {
					is = 1
				}
				m.sample(is, "cluster", name, "check", check.ID, "severity", string(check.Severity), "verdict", string(v))
			}
		}
	})
	m.family("falcon_verify_findings", "How many things the check found")
	each(r, called, true, func(c *verify.Cluster, name string) {
		for _, check := range c.Checks {
			m.sample(len(check.Findings), "cluster", name, "check", check.ID, "severity", string(check.Severity))
		}
	})
}

func (m *metrics) ofPods(r *verify.Report, called []string) {
	spaces := func(name, help string, do func(ns *verify.NamespaceReport, labels ...string)) {
		m.family(name, help)
		each(r, called, true, func(c *verify.Cluster, name string) {
			for n := range c.Namespaces {
				do(&c.Namespaces[n], "cluster", name, "namespace", c.Namespaces[n].Name)
			}
		})
	}
	spaces("falcon_pods", "Pods with each verdict", func(ns *verify.NamespaceReport, labels ...string) {
		for _, v := range verify.PodVerdicts {
			if v != verify.Ended {
				m.sample(ns.Coverage.Verdicts[v], append(labels[:4:4], "verdict", string(v))...)
			}
		}
	})
	spaces("falcon_pods_in_scope", "Pods that should carry the sensor", func(ns *verify.NamespaceReport, labels ...string) {
		m.sample(ns.Coverage.InScope, labels...)
	})
	spaces("falcon_pods_protected", "Pods with a ready sensor", func(ns *verify.NamespaceReport, labels ...string) {
		m.sample(ns.Coverage.Protected, labels...)
	})
	spaces("falcon_namespace_covered", "1 if the API server asks the injector about new pods", func(ns *verify.NamespaceReport, labels ...string) {
		is := 0
		if ns.Covered {
			is = 1
		}
		m.sample(is, labels...)
	})
}

func (m *metrics) ofInjectors(r *verify.Report, called []string) {
	injectors := func(name, help string, do func(i verify.InjectorSummary, labels ...string)) {
		m.family(name, help)
		each(r, called, true, func(c *verify.Cluster, name string) {
			for _, i := range c.Injectors {
				// An injector may lack either, and no two share both.
				do(i, "cluster", name, "namespace", i.Namespace, "deployment", i.Deployment, "webhook", i.Webhook)
			}
		})
	}
	injectors("falcon_injector_replicas", "Replicas of the injector that are asked for", func(i verify.InjectorSummary, labels ...string) {
		m.sample(int(i.Replicas), labels...)
	})
	injectors("falcon_injector_ready_replicas", "Replicas of the injector that are ready", func(i verify.InjectorSummary, labels ...string) {
		m.sample(int(i.Ready), labels...)
	})
	injectors("falcon_injector_certificate_expiry_timestamp_seconds", "When the injector's certificate expires",
		func(i verify.InjectorSummary, labels ...string) { m.moment(i.CertificateExpires, labels...) })
}
