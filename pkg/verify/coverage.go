package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// The labels by which a namespace asks for pod security, and the level that lets everything through.
const (
	enforceLabel = "pod-security.kubernetes.io/enforce"
	warnLabel    = "pod-security.kubernetes.io/warn"
	auditLabel   = "pod-security.kubernetes.io/audit"
	privileged   = "privileged"
)

// noWebhook is why a check has nothing to judge where no webhook is.
const noWebhook = "there is no webhook in the cluster"

func judgeScope(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	var in []string
	reasons := map[string][]string{}
	seen := 0
	for n := range v.Namespaces {
		name := v.Namespaces[n].Name
		if !v.inQuestion(name) {
			continue
		}
		seen++
		s := v.ScopeOf(name)
		if s.Covered {
			in = append(in, name)
			continue
		}
		why := strings.Replace(s.Why, "namespace "+name+" out by its name", "them out by their names", 1)
		reasons[why] = append(reasons[why], name)
	}
	f := finding(v.common(), "namespaces in scope: %d of %d", len(in), seen)
	f.Examples = some(in)
	all := []Finding{f}
	for _, why := range sortedKeys(reasons) {
		f := finding(v.common(), "namespaces out of scope: %d (%s)", len(reasons[why]), why)
		f.Examples = some(reasons[why])
		all = append(all, f)
	}
	return found(all...)
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for key := range m {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// ofInjector says that a namespace is where an injector or the cluster itself lives, which is left out by
// design.
func (v *View) ofInjector(namespace string) bool {
	return slices.Contains(manifest.AlwaysOut, namespace) ||
		slices.ContainsFunc(v.Injectors, func(i Injector) bool { return i.Namespace == namespace })
}

func judgeOptedOut(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	var all []Finding
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		scope := v.ScopeOf(ns.Name)
		if !v.inQuestion(ns.Name) || scope.Covered || ns.Labels[InjectionKey] != manifest.Disabled ||
			v.ofInjector(ns.Name) || slices.Contains(v.AllowUncovered, ns.Name) {
			continue
		}
		f := finding("namespace/"+ns.Name, "it is labelled %s=%s, so its pods get no sensor", InjectionKey, manifest.Disabled)
		f.Hint = "remove the label, or allow it with --allow-uncovered " + ns.Name
		f.Command = "kubectl label namespace " + ns.Name + " " + InjectionKey + "-"
		all = append(all, f)
	}
	return found(all...)
}

// isRead says whether a mark has a value that an injector or a selector reads.
func isRead(value string) bool { return value == manifest.Enabled || value == manifest.Disabled }

func judgeMarkValues(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	var all []Finding
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		value, marked := ns.Labels[InjectionKey]
		if !marked || isRead(value) || !v.inQuestion(ns.Name) {
			continue
		}
		state := "out of scope"
		if v.ScopeOf(ns.Name).Covered {
			state = "in scope"
		}
		f := finding("namespace/"+ns.Name, "its label %s is %q, which means nothing; the namespace is %s", InjectionKey, value, state)
		f.Hint = "set the label to enabled or disabled"
		f.Command = "kubectl label --overwrite namespace " + ns.Name + " " + InjectionKey + "=VALUE"
		all = append(all, f)
	}
	pods := v.perWorkload(func(p *Pod, _ *Judged) *remark {
		if p.Mark == "" || isRead(p.Mark) {
			return nil
		}
		return &remark{why: fmt.Sprintf("its annotation %s is %q, which means nothing", InjectionKey, p.Mark),
			hint: "set the annotation to enabled or disabled in the template of the pods"}
	})
	return found(append(all, pods...)...)
}

func judgeMarkPlaces(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	var all []Finding
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		value, marked := ns.Annotations[InjectionKey]
		if !marked || value == ns.Labels[InjectionKey] || !v.inQuestion(ns.Name) {
			continue
		}
		f := finding("namespace/"+ns.Name, "it has the annotation %s=%s, and of a namespace only the label is read", InjectionKey, value)
		f.Hint = "make it a label"
		f.Command = "kubectl label --overwrite namespace " + ns.Name + " " + InjectionKey + "=" + value
		all = append(all, f)
	}
	pods := v.perWorkload(func(p *Pod, _ *Judged) *remark {
		if p.WrongMark == "" || p.WrongMark == p.Mark {
			return nil
		}
		return &remark{why: fmt.Sprintf("it has the label %s=%s, and of a pod only the annotation is read", InjectionKey, p.WrongMark),
			hint: "make it an annotation in the template of the pods"}
	})
	return found(append(all, pods...)...)
}

func judgePodSecurity(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	const command = "kubectl label --overwrite namespace " + anyNamespace + " " + enforceLabel + "=" + privileged
	answers, none := v.answers()
	proved := refusals(answers, "FC604")
	for n := range proved {
		r := &proved[n]
		r.hint, r.command = "let the namespace run privileged pods, or leave it out of the injector's scope", command
		if _, fields, cut := strings.Cut(r.cause, "violates PodSecurity "); cut {
			r.cause = fields
		}
	}
	var feared []said
	unproved := v.unproved()
	for _, name := range unproved {
		level := v.Spaces[name].Labels[enforceLabel]
		// On Fargate the sensor needs less than elsewhere.
		if level == "" || level == privileged || v.onFargate(name) {
			continue
		}
		feared = append(feared, said{name, remark{
			why: fmt.Sprintf("it enforces the level %s, which refuses what the sensor adds off Fargate, SYS_PTRACE and "+
				"an unconfined seccomp profile (not proved by a dry-run pod)", level),
			hint: "let the namespace run privileged pods, or leave it out of the injector's scope", command: command}})
	}
	more := perNamespace(feared, len(unproved), v.common())
	switch {
	case len(proved) > 0:
	case len(more) == 0 && v.unprovable(none):
		return *none
	default:
		return warned(more...)
	}
	return found(append(perNamespace(proved, len(answers), v.common()), more...)...)
}

// onFargate says whether any pod of a namespace is for Fargate.
func (v *View) onFargate(namespace string) bool {
	return slices.ContainsFunc(v.Pods, func(p Pod) bool { return p.Namespace == namespace && p.Traits.Fargate })
}

func judgePodSecurityNoise(v *View) Outcome {
	if len(v.Hooks) == 0 {
		return skipped(noWebhook)
	}
	var all []said
	covered := v.covered()
	for _, name := range covered {
		c := v.canary(name)
		var modes []string
		for _, label := range []string{warnLabel, auditLabel} {
			level := v.Spaces[name].Labels[label]
			// A dry-run pod without a warning shows that this namespace's sensor is not warned of.
			silent := label == warnLabel && c != nil && c.Sidecar != "" && !warnsOfSensor(c)
			if level != "" && level != privileged && !silent && (label == warnLabel || !v.onFargate(name)) {
				modes = append(modes, strings.TrimPrefix(label, "pod-security.kubernetes.io/")+"="+level)
			}
		}
		if len(modes) == 0 || c != nil && c.Class == PodSecurity {
			continue
		}
		proof := ", which the sensor does not meet off Fargate (not proved by a dry-run pod)"
		if c != nil && warnsOfSensor(c) {
			proof = ", and a dry-run pod with the sensor was warned of"
		}
		all = append(all, said{name, remark{why: "pod security is set to " + strings.Join(modes, " and ") + proof}})
	}
	return found(perNamespace(all, len(covered), v.common())...)
}

// warnsOfSensor says whether a dry-run pod came back with a warning about the sensor.
func warnsOfSensor(c *Canary) bool {
	return slices.ContainsFunc(c.Warnings, func(w string) bool {
		return strings.Contains(w, "violate PodSecurity") && namesSensor(w)
	})
}
