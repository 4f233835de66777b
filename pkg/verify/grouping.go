package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
)

// exampleCount is how many of many a finding names.
const exampleCount = 5

// some returns the first few of many names.
func some(names []string) []string { return slices.Clone(names[:min(exampleCount, len(names))]) }

// remark is what a check has to say of one pod or namespace, before equal ones become one finding.
type remark struct {
	// why is common to those that become one finding, cause is added from the first of them.
	why, cause    string
	hint, command string
}

func (r *remark) message() string {
	// Kubernetes' own words end with full stops and newlines.
	cause := strings.TrimRight(strings.Join(strings.Fields(r.cause), " "), ".")
	if cause == "" {
		return r.why
	}
	return r.why + ": " + cause
}

// perWorkload makes a finding of each workload for whose pods there is the same to say. Of pods that have
// ended nothing is.
func (v *View) perWorkload(say func(p *Pod, j *Judged) *remark) []Finding {
	type key struct {
		object, why string
	}
	var all []Finding
	at := map[key]int{}
	for n := range v.Pods {
		p, j := &v.Pods[n], &v.Verdicts[n]
		if j.Verdict == Ended {
			continue
		}
		r := say(p, j)
		if r == nil {
			continue
		}
		k := key{p.Workload.in(p.Namespace), r.why}
		m, seen := at[k]
		if !seen {
			m = len(all)
			at[k] = m
			all = append(all, Finding{Object: k.object, Message: r.message(), Hint: r.hint, Command: r.command})
		}
		all[m].Pods++
		if len(all[m].Examples) < exampleCount {
			all[m].Examples = append(all[m].Examples, p.Name)
		}
	}
	slices.SortStableFunc(all, func(a, b Finding) int { return strings.Compare(a.Object, b.Object) })
	return all
}

// in names the workload as an object of a namespace.
func (w Workload) in(namespace string) string {
	return namespace + "/" + strings.ToLower(w.Kind) + "/" + w.Name
}

// restart says how a workload gets new pods. example is one of its pods.
func (w Workload) restart(namespace, example string) (hint, command string) {
	switch w.Kind {
	case "Deployment", "StatefulSet", "DaemonSet":
		return "restart it", fmt.Sprintf("kubectl rollout restart -n %s %s/%s", namespace, strings.ToLower(w.Kind), w.Name)
	case "CronJob":
		return "let it be: its next run gets new pods", ""
	case "Job":
		return "let it end, or delete the Job and make it anew", ""
	case "Pod":
		return "delete the pod and make it anew: nothing else does", ""
	}
	return "delete its pods one after the other: what made them makes them anew",
		fmt.Sprintf("kubectl delete pod -n %s %s", namespace, example)
}

// refused says that the pod opts out itself.
func (v *View) optsOut(p *Pod) bool {
	return match.Injector(p.annotations(), v.optIn(v.ScopeOf(p.Namespace).By)).Answer == match.No
}

// said is a remark on a namespace.
type said struct {
	namespace string
	remark
}

// perNamespace makes a finding of each remark, or a single one about what they have in common if there are
// several and the same is to be said of all the namespaces that were looked at. A command then has
// NAMESPACE for what differs.
func perNamespace(all []said, looked int, common string) []Finding {
	var findings []Finding
	same := len(all) > 1 && len(all) == looked
	var names []string
	for n := range all {
		s := &all[n]
		same = same && s.why == all[0].why
		names = append(names, s.namespace)
		findings = append(findings, Finding{Object: "namespace/" + s.namespace, Message: s.message(), Hint: s.hint,
			Command: strings.ReplaceAll(s.command, anyNamespace, s.namespace)})
	}
	if !same {
		return findings
	}
	first := &all[0]
	return []Finding{{Object: common, Message: fmt.Sprintf("in all %d namespaces in scope: %s", len(all), first.message()),
		Hint: first.hint, Command: first.command, Examples: some(names)}}
}

// anyNamespace stands in a command for the namespace.
const anyNamespace = "NAMESPACE"

// common is the object of what holds for all namespaces: the webhook that covers them.
func (v *View) common() string {
	if h := v.hook(); h != nil {
		return "mutatingwebhookconfiguration/" + h.Configuration.Name
	}
	return "cluster/" + v.Context
}
