package verify

import "github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"

// namespaceReports says of each namespace in question whether it is in scope and what becomes of its pods.
func (v *View) namespaceReports() []NamespaceReport {
	all := make([]NamespaceReport, 0, len(v.Namespaces))
	at := map[string]int{}
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		// That one is an installation's own, and goes with it.
		if !v.inQuestion(ns.Name) || ns.Name == manifest.CanaryNamespace && ns.Terminating {
			continue
		}
		scope := v.ScopeOf(ns.Name)
		at[ns.Name] = len(all)
		all = append(all, NamespaceReport{Name: ns.Name, Covered: scope.Covered, Why: scope.Why, NewPods: v.newPods(ns.Name),
			Coverage: Coverage{Verdicts: map[PodVerdict]int{}}})
	}
	for n := range v.Pods {
		if m, seen := at[v.Pods[n].Namespace]; seen {
			all[m].Coverage.add(v.Verdicts[n].Verdict)
		}
	}
	return all
}

// canary returns the answer that a namespace gave, or nil.
func (v *View) canary(namespace string) *Canary {
	for n := range v.Canaries {
		if v.Canaries[n].Namespace == namespace {
			return &v.Canaries[n]
		}
	}
	return nil
}

func (v *View) newPods(namespace string) string {
	c := v.canary(namespace)
	switch {
	case c == nil && !v.ScopeOf(namespace).Covered:
		return NewPlain
	case c == nil || c.Class == NotPermitted || c.Class == Ending:
		return NewUnproved
	case c.Class != None:
		return NewRefused
	case c.Sidecar != "" && v.optIn(v.ScopeOf(namespace).By):
		return NewIfAsked
	case c.Sidecar != "":
		return NewInjected
	}
	return NewPlain
}
