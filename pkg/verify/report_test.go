package verify

import (
	"maps"
	"reflect"
	"slices"
	"testing"
)

func TestSelection(t *testing.T) {
	tests := map[string]struct {
		s       Selection
		in, out []string
	}{
		"all":            {Selection{}, []string{"FC101", "FC956"}, nil},
		"one":            {Selection{Only: []string{"FC606"}}, []string{"FC606"}, []string{"FC607", "FC501"}},
		"a group":        {Selection{Only: []string{"FC7"}}, []string{"FC701", "FC714"}, []string{"FC607"}},
		"without FC":     {Selection{Only: []string{"7"}}, []string{"FC701"}, []string{"FC607"}},
		"as documented":  {Selection{Only: []string{"6xx"}}, []string{"FC601"}, []string{"FC701"}},
		"small letters":  {Selection{Only: []string{"fc95x"}}, []string{"FC951"}, []string{"FC901"}},
		"several":        {Selection{Only: []string{"FC501", "6"}}, []string{"FC501", "FC602"}, []string{"FC502"}},
		"skipped":        {Selection{Skip: []string{"FC5"}}, []string{"FC601"}, []string{"FC501"}},
		"skip from some": {Selection{Only: []string{"6"}, Skip: []string{"FC606"}}, []string{"FC607"}, []string{"FC606", "FC701"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for _, id := range test.in {
				if !test.s.wants(id) {
					t.Errorf("%s is left out", id)
				}
			}
			for _, id := range test.out {
				if test.s.wants(id) {
					t.Errorf("%s is made", id)
				}
			}
		})
	}
}

func TestUnknownSelection(t *testing.T) {
	for entry, want := range map[string]string{"FC606": "", "6": "", "6xx": "", "FC999": "FC999", "FC6060": "FC6060", "pods": "pods"} {
		for _, s := range []Selection{{Only: []string{entry}}, {Skip: []string{"FC501", entry}}} {
			if got := s.Unknown(); got != want {
				t.Errorf("%+v: %q is unknown, want %q", s, got, want)
			}
		}
	}
	if got := (Selection{}).Unknown(); got != "" {
		t.Errorf("of nothing %q is unknown", got)
	}
}

// What nobody wants to read of is judged all the same, and not printed.
func TestJudgeMakesTheSelectedChecks(t *testing.T) {
	c := Judge(healthy(), Selection{Only: []string{"FC606", "FC50"}, Skip: []string{"FC501"}})
	for _, r := range c.Checks {
		if r.ID != "FC606" && r.ID[:4] != "FC50" || r.ID == "FC501" {
			t.Errorf("%s is made", r.ID)
		}
	}
	if len(c.Checks) < 5 {
		t.Errorf("only %d are made", len(c.Checks))
	}
}

func TestCoverage(t *testing.T) {
	s := healthy()
	s.Pods = append(s.Pods,
		plain("team-a", "missed", api),
		with(plain("team-a", "stale", api), old),
		with(carrier("team-a", "drifted", api), func(p *Pod) { p.Sidecar.Image = "other:1" }),
		notUp("team-a", "not-ready", api, func(p *Pod) { p.Sidecar.Trouble = "x" }),
		with(plain("team-b", "opted-out", api), func(p *Pod) { p.Mark = "disabled" }),
		with(plain("team-b", "ended", batch), func(p *Pod) { p.Phase = "Succeeded" }),
		plain("kube-system", "dns", api))
	c := Judge(s, Selection{})
	want := Coverage{Pods: 12, InScope: 10, Protected: 7, Verdicts: map[PodVerdict]int{
		Injected: 6, Missed: 1, Stale: 1, Drifted: 1, NotReady: 1, OptedOut: 1, OutOfScope: 1}}
	if !reflect.DeepEqual(c.Coverage, want) {
		t.Errorf("%+v, want %+v", c.Coverage, want)
	}
	sum := Coverage{Verdicts: map[PodVerdict]int{}}
	for _, ns := range c.Namespaces {
		sum.Pods, sum.InScope, sum.Protected = sum.Pods+ns.Coverage.Pods, sum.InScope+ns.Coverage.InScope, sum.Protected+ns.Coverage.Protected
		for v, n := range ns.Coverage.Verdicts {
			sum.Verdicts[v] += n
		}
	}
	if !reflect.DeepEqual(sum, want) {
		t.Errorf("the namespaces together have %+v", sum)
	}
}

func TestWorkloadsAreGrouped(t *testing.T) {
	s := healthy()
	s.Pods = append(s.Pods, plain("team-a", "web-old-1", Workload{"Deployment", "web"}), plain("team-a", "web-old-2", Workload{"Deployment", "web"}),
		with(plain("team-b", "done", batch), func(p *Pod) { p.Phase = "Succeeded" }))
	got := Judge(s, Selection{}).Workloads
	want := []WorkloadReport{
		{Namespace: "team-a", Kind: "Deployment", Name: "web", Verdict: Missed, Why: "younger than the webhook, yet was not injected", Pods: 2, Names: []string{"web-old-1", "web-old-2"}},
		{Namespace: "default", Kind: "Deployment", Name: "web", Verdict: Injected, Pods: 2},
		{Namespace: "team-a", Kind: "Deployment", Name: "web", Verdict: Injected, Pods: 2},
		{Namespace: "team-b", Kind: "Deployment", Name: "web", Verdict: Injected, Pods: 2},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v\nwant %+v", got, want)
	}
}

func TestNewPods(t *testing.T) {
	s := healthy()
	refusing(UnknownCA, "x", "team-a")(s)
	answered("team-b", func(c *Canary) { c.Sidecar = "" })(s)
	s.Canaries = append(s.Canaries, Canary{Namespace: "forbidden", Class: NotPermitted})
	for _, name := range []string{"forbidden", "unasked"} {
		s.Namespaces = append(s.Namespaces, space(name))
	}
	got := map[string]string{}
	for _, ns := range Judge(s, Selection{}).Namespaces {
		got[ns.Name] = ns.NewPods
	}
	want := map[string]string{"default": NewInjected, "team-a": NewRefused, "team-b": NewPlain, "forbidden": NewUnproved, "unasked": NewUnproved,
		"kube-system": NewPlain, "kube-public": NewPlain, "kube-node-lease": NewPlain, "falcon-system": NewPlain}
	if !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// Where pods must ask for the sensor the dry-run pod does, and what is proved is said.
func TestNewPodsThatMustAsk(t *testing.T) {
	s := healthy()
	s.Injectors[0].Config.OptIn = true
	v := NewView(s)
	for namespace, want := range map[string]string{"team-a": "enabled", "kube-system": ""} {
		if got := v.wanting(namespace).Annotations[InjectionKey]; got != want {
			t.Errorf("the dry-run pod for %s is marked %q, want %q", namespace, got, want)
		}
	}
	for _, ns := range Judge(s, Selection{}).Namespaces {
		if want := map[bool]string{true: NewIfAsked, false: NewPlain}[ns.Covered]; ns.NewPods != want {
			t.Errorf("%s: new pods are %s, want %s", ns.Name, ns.NewPods, want)
		}
	}
}

func TestOneNamespaceIsAsked(t *testing.T) {
	s := healthy()
	s.Scope.Namespace = "team-a"
	c := Judge(s, Selection{})
	if len(c.Namespaces) != 1 || c.Namespaces[0].Name != "team-a" {
		t.Errorf("%+v", c.Namespaces)
	}
}

func TestWorst(t *testing.T) {
	cluster := func(verdicts ...Verdict) Cluster {
		var c Cluster
		for _, v := range verdicts {
			c.Checks = append(c.Checks, Result{Verdict: v})
		}
		return c
	}
	tests := map[string]struct {
		clusters []Cluster
		want     Verdict
	}{
		"nothing":     {nil, Pass},
		"passed":      {[]Cluster{cluster(Pass, Skip, Undecided)}, Pass},
		"warned":      {[]Cluster{cluster(Pass, Warn, Pass)}, Warn},
		"failed":      {[]Cluster{cluster(Warn), cluster(Pass, Fail)}, Fail},
		"unreachable": {[]Cluster{cluster(Pass), {Unreachable: "no route"}}, Fail},
	}
	for name, test := range tests {
		if got := (&Report{Clusters: test.clusters}).Worst(); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}

// A verdict that no list has would be shown nowhere.
func TestPodVerdictsAreAll(t *testing.T) {
	for _, v := range []PodVerdict{Injected, Starting, NotReady, Drifted, Stale, Missed, OptedOut, OutOfScope, Impossible, NoProfile, Unprotected, Ended} {
		if !slices.Contains(PodVerdicts, v) {
			t.Errorf("%s is not in PodVerdicts", v)
		}
	}
	if Injected.Fault() || OptedOut.Fault() || !Missed.Fault() || !NoProfile.Fault() {
		t.Error("what is a fault has changed")
	}
}
