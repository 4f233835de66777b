package verify

import (
	"crypto/x509"
	"encoding/pem"
	"slices"
	"strings"
	"time"
)

// Schema names the form of a report's JSON. It changes when a field changes its meaning or goes away.
const Schema = "kubectl-falcon.verify/v1"

// Report is the judgement on one or several clusters. Its JSON form is stable.
type Report struct {
	Schema string `json:"schema"`
	// Client is the version of the program that judged.
	Client   string    `json:"client"`
	Clusters []Cluster `json:"clusters"`
}

// Cluster is the judgement on one cluster.
type Cluster struct {
	Context string    `json:"context,omitempty"`
	Host    string    `json:"host,omitempty"`
	Server  string    `json:"server,omitempty"`
	Taken   time.Time `json:"taken,omitzero"`
	Scope   Scope     `json:"scope"`
	// Unreachable is why there is nothing else: the cluster could not be asked.
	Unreachable string            `json:"unreachable,omitempty"`
	Injectors   []InjectorSummary `json:"injectors"`
	Coverage    Coverage          `json:"coverage"`
	Namespaces  []NamespaceReport `json:"namespaces"`
	Workloads   []WorkloadReport  `json:"workloads"`
	Checks      []Result          `json:"checks"`
}

// InjectorSummary is an injector in few words.
type InjectorSummary struct {
	Tool          string `json:"tool"`
	Detail        string `json:"detail,omitempty"`
	Namespace     string `json:"namespace"`
	Deployment    string `json:"deployment,omitempty"`
	Webhook       string `json:"webhook,omitempty"`
	Image         string `json:"image,omitempty"`
	FailurePolicy string `json:"failurePolicy,omitempty"`
	Ready         int32  `json:"ready"`
	Replicas      int32  `json:"replicas"`
	// CertificateExpires is the end of what it serves TLS with; zero where that cannot be read.
	CertificateExpires time.Time `json:"certificateExpires,omitzero"`
}

// Coverage counts pods. Ended pods are in none of the counts.
type Coverage struct {
	// Pods are all that run or will, InScope those that should carry the sensor, Protected those that do
	// and whose sensor is ready.
	Pods      int `json:"pods"`
	InScope   int `json:"inScope"`
	Protected int `json:"protected"`
	// Verdicts counts the pods of each verdict.
	Verdicts map[PodVerdict]int `json:"verdicts"`
}

// NamespaceReport is the judgement on one namespace.
type NamespaceReport struct {
	Name    string `json:"name"`
	Covered bool   `json:"covered"`
	// Why says what leaves it out.
	Why string `json:"why,omitempty"`
	// NewPods is what becomes of a pod that is made now: injected, if-asked (injected if it asks for the sensor,
	// else plain), refused, plain (made without the sensor), or unproved.
	NewPods  string   `json:"newPods"`
	Coverage Coverage `json:"coverage"`
}

// The values of NewPods.
const (
	NewInjected = "injected"
	NewIfAsked  = "if-asked"
	NewRefused  = "refused"
	NewPlain    = "plain"
	NewUnproved = "unproved"
)

// WorkloadReport is the judgement on the pods of one workload that have the same verdict for the same
// reason, so that a Deployment in the middle of a roll has two.
type WorkloadReport struct {
	Namespace string     `json:"namespace"`
	Kind      string     `json:"kind"`
	Name      string     `json:"name"`
	Verdict   PodVerdict `json:"verdict"`
	Why       string     `json:"why,omitempty"`
	// Cause is what Kubernetes says of the first of the pods.
	Cause string `json:"cause,omitempty"`
	Pods  int    `json:"pods"`
	// Names are those of the pods, of a healthy workload none.
	Names []string `json:"names,omitempty"`
}

// Selection is which checks are made. Each entry is an id or the beginning of one, such as FC7 or 7.
type Selection struct {
	Only, Skip []string
}

// Judge makes the checks of a snapshot and sums up.
func Judge(s *Snapshot, which Selection) *Cluster {
	v := NewView(s)
	c := &Cluster{
		Context: s.Context, Host: s.Host, Server: s.Server, Taken: s.Taken, Scope: s.Scope,
		Injectors: v.injectorSummaries(), Coverage: Coverage{Verdicts: map[PodVerdict]int{}},
		Namespaces: v.namespaceReports(), Workloads: v.workloadReports(),
		Checks: []Result{},
	}
	for n := range s.Pods {
		c.Coverage.add(v.Verdicts[n].Verdict)
	}
	failed := map[string]bool{}
	for _, check := range Catalogue() {
		r := check.run(v, failed)
		// What a check would have stopped is stopped also where nobody wants to read of it.
		if r.Verdict == Fail || r.Cause != "" || r.stops {
			failed[r.ID] = true
		}
		if which.wants(r.ID) {
			c.Checks = append(c.Checks, r)
		}
	}
	return c
}

func (s Selection) wants(id string) bool {
	names := func(entry string) bool {
		entry = strings.ToUpper(entry)
		if !strings.HasPrefix(entry, "FC") {
			entry = "FC" + entry
		}
		return strings.HasPrefix(id, strings.TrimRight(entry, "X"))
	}
	return (len(s.Only) == 0 || slices.ContainsFunc(s.Only, names)) && !slices.ContainsFunc(s.Skip, names)
}

// Unknown returns an entry that no check answers to, or nothing.
func (s Selection) Unknown() string {
	for _, entry := range slices.Concat(s.Only, s.Skip) {
		one := Selection{Only: []string{entry}}
		if entry == "" || !slices.ContainsFunc(Catalogue(), func(c Check) bool { return one.wants(c.ID) }) {
			return entry
		}
	}
	return ""
}

// add counts one pod.
func (c *Coverage) add(v PodVerdict) {
	if v == Ended {
		return
	}
	c.Verdicts[v]++
	c.Pods++
	switch v {
	case OptedOut, OutOfScope, Impossible, Unprotected:
		return
	case Injected, Drifted:
		c.Protected++
	}
	c.InScope++
}

func (v *View) injectorSummaries() []InjectorSummary {
	all := make([]InjectorSummary, 0, len(v.Injectors))
	for n := range v.Injectors {
		i := &v.Injectors[n]
		s := InjectorSummary{Tool: string(i.Tool), Detail: i.Detail, Namespace: i.Namespace, Webhook: i.Webhook}
		if i.Config != nil {
			s.Image = i.Config.Image
		}
		if i.TLS != nil {
			s.CertificateExpires = ends(i.TLS.Chain)
		}
		if d := i.Deployment; d != nil {
			s.Deployment, s.Ready, s.Replicas = d.Name, d.Status.ReadyReplicas, 1
			if d.Spec.Replicas != nil {
				s.Replicas = *d.Spec.Replicas
			}
		}
		for m := range v.Hooks {
			if v.Hooks[m].Injector != i {
				continue
			}
			s.FailurePolicy = "Ignore"
			if refuses(v.Hooks[m].MutatingWebhook) {
				s.FailurePolicy = "Fail"
			}
			break
		}
		all = append(all, s)
	}
	return all
}

// ends is when the first certificate of a chain in PEM expires; zero if there is none.
func ends(chain string) time.Time {
	block, _ := pem.Decode([]byte(chain))
	if block == nil {
		return time.Time{}
	}
	leaf, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return time.Time{}
	}
	return leaf.NotAfter
}

// group is what makes pods one row.
type group struct {
	namespace string
	workload  Workload
	verdict   PodVerdict
	why       string
}

func (v *View) workloadReports() []WorkloadReport {
	all := []WorkloadReport{}
	at := map[group]int{}
	for n := range v.Pods {
		p, j := &v.Pods[n], v.Verdicts[n]
		if j.Verdict == Ended {
			continue
		}
		g := group{p.Namespace, p.Workload, j.Verdict, j.Why}
		m, seen := at[g]
		if !seen {
			m = len(all)
			at[g] = m
			all = append(all, WorkloadReport{Namespace: p.Namespace, Kind: p.Workload.Kind, Name: p.Workload.Name,
				Verdict: j.Verdict, Why: j.Why, Cause: j.Cause})
		}
		all[m].Pods++
		if j.Verdict != Injected {
			all[m].Names = append(all[m].Names, p.Name)
		}
	}
	slices.SortStableFunc(all, func(a, b WorkloadReport) int {
		if d := slices.Index(PodVerdicts, a.Verdict) - slices.Index(PodVerdicts, b.Verdict); d != 0 {
			return d
		}
		return strings.Compare(a.Namespace+"/"+a.Kind+"/"+a.Name, b.Namespace+"/"+b.Kind+"/"+b.Name)
	})
	return all
}

// Worst is the worst verdict of a report: Fail, Warn or Pass. A cluster that could not be asked is Fail.
func (r *Report) Worst() Verdict {
	worst := Pass
	for _, c := range r.Clusters {
		if c.Unreachable != "" {
			return Fail
		}
		for _, check := range c.Checks {
			switch {
			case check.Verdict == Fail:
				return Fail
			case check.Verdict == Warn:
				worst = Warn
			}
		}
	}
	return worst
}
