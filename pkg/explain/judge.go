package explain

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// apply has each injector's rules decide about a pod.
func apply(all []source, in space, pod *corev1.Pod) []Injector {
	applied := []Injector{}
	for n := range all {
		s := &all[n]
		base := Injector{Name: s.String(), Tool: string(s.Tool), Namespace: s.Namespace, Configuration: s.Webhook, Orphan: s.Orphan}
		base.Injects = match.Injector(pod.Annotations, s.optIn)
		if s.unread != "" {
			base.Injects = match.ByDefault(pod.Annotations, s.unread)
		}
		if len(s.hooks) == 0 {
			base.Called = match.Decision{Answer: match.No, Steps: []match.Step{
				{Rule: "webhook", Answer: match.No, Why: "it has no webhook, so nothing is ever sent to it"}}}
			applied = append(applied, base)
		}
		for m := range s.hooks {
			hook, i := &s.hooks[m], base
			i.Webhook, i.FailurePolicy = hook.Name, string(admissionv1.Fail)
			if hook.FailurePolicy != nil {
				i.FailurePolicy = string(*hook.FailurePolicy)
			}
			i.Called = match.Webhook(hook, in.labels, pod.Labels)
			if in.hidden {
				i.Called = match.Blind(hook, pod.Labels)
			}
			applied = append(applied, i)
		}
	}
	return applied
}

// follows is what the rules of one injector make of a pod.
func (i *Injector) follows() Outcome {
	switch {
	case i.Called.Answer == match.No:
		return Plain
	case i.Called.Answer == match.Unknown:
		return Unknown
	case i.Orphan && i.FailurePolicy == string(admissionv1.Ignore):
		return Plain
	case i.Orphan:
		return Refused
	case i.Injects.Answer == match.No:
		return Plain
	case i.Injects.Answer == match.Unknown:
		return Unknown
	}
	return Injected
}

// together is what all injectors make of a pod: one that refuses is enough, then one that injects.
func together(all []Injector) (Outcome, *Injector) {
	worst, by := Plain, (*Injector)(nil)
	order := []Outcome{Refused, Injected, Unknown, Plain}
	for n := range all {
		o := all[n].follows()
		if by == nil || slices.Index(order, o) < slices.Index(order, worst) {
			worst, by = o, &all[n]
		}
	}
	return worst, by
}

// judge holds what follows from the rules against the server's answer. It fills in all of an explanation
// that is not there yet and asks nobody.
func (e *Explanation) judge(brings bool) {
	rules, by := together(e.Injectors)
	if e.Unread != "" {
		rules = Unknown
	}
	e.Rules, e.Outcome, e.Agreement = rules, rules, Unproved
	if e.Server.Outcome == "" {
		e.Why, e.Next = why(rules, by, e.Unread)
		return
	}
	e.Outcome, e.Agreement = e.Server.Outcome, Agree
	switch {
	case e.Unread != "":
		e.Agreement = Unproved
	case brings:
		// Then the server's answer says nothing about an injector.
		e.Agreement = Unproved
	case e.Outcome == Refused:
		if rules == Plain && fromInjector(e.Server.Class) && !anyCalled(e.Injectors) {
			e.Agreement = Disagree
		}
	case rules != Unknown && rules != e.Outcome:
		e.Agreement = Disagree
	}
	switch {
	case e.Outcome == Refused:
		e.Why, e.Next = meaning(e.Server.Class, e.Namespace)
	case e.Agreement == Disagree:
		e.Why, e.Next = differs(e.Outcome, rules, by)
	case e.Outcome == Injected:
		e.Why, e.Next = "its sensor is the container "+e.Server.Sidecar, ""
	default:
		e.Why, e.Next = why(Plain, by, e.Unread)
	}
}

func anyCalled(all []Injector) bool {
	return slices.ContainsFunc(all, func(i Injector) bool { return i.Called.Answer != match.No })
}

// why says what decided by the rules alone, and what would change it.
func why(o Outcome, by *Injector, unread string) (string, string) {
	switch {
	case unread != "":
		return "only the server knows why: the injectors could not be looked at", ""
	case by == nil:
		return "there is no injector in the cluster", "kubectl falcon install --cid CID --image IMAGE"
	case o == Refused:
		return "the service behind webhook " + by.Webhook + " is gone, so nobody answers it",
			"kubectl falcon uninstall --break-glass lets pods start"
	case by.Called.Answer != match.Yes:
		return by.Called.Why(), advice(by.Called)
	case by.Orphan:
		return "the service behind webhook " + by.Webhook + " is gone, and pods start without it", "kubectl falcon status"
	case by.Injects.Answer != match.Yes:
		return by.Injects.Why(), advice(by.Injects)
	case o == Plain:
		// The rules could not tell, and the server has decided.
		return "the API server did not send it to the injector, or the injector left it alone", ""
	}
	return "every rule says that it is sent to the injector and gets the sensor, which is not proved", ""
}

// advice is what makes a decision another one.
func advice(d match.Decision) string {
	for _, s := range d.Steps {
		if s.Answer != match.No {
			continue
		}
		switch {
		case strings.Contains(s.Why, "by its name"):
			return "nothing: this namespace is left out on purpose"
		case s.Rule == "namespace selector" && strings.Contains(s.Why, manifest.InjectionKey+"=disabled"):
			return "kubectl label namespace NAMESPACE " + manifest.InjectionKey + "- takes the namespace in, if that is meant"
		case s.Rule == "namespace selector":
			return "label the namespace as the selector asks, if it is to be covered"
		case s.Rule == "object selector":
			return "label the pod's template as the selector asks, if it is to be covered"
		case s.Rule == "injection annotation":
			return "take the annotation " + manifest.InjectionKey + " off the pod's template, if the sensor is wanted"
		case s.Rule == "injector's default":
			return "annotate the pod's template with " + manifest.InjectionKey + "=" + manifest.Enabled
		case s.Rule == "webhook":
			return "kubectl falcon status"
		}
	}
	return ""
}

// differs words a disagreement, with what usually is behind it.
func differs(server, rules Outcome, by *Injector) (string, string) {
	text := "by the rules it is " + words[rules] + ", and the server's answer is " + words[server]
	switch {
	case server == Plain && by != nil && by.FailurePolicy == string(admissionv1.Ignore):
		return text + ": the injector does not answer, and the webhook's failure policy is Ignore",
			"kubectl falcon verify says what is wrong with the injector"
	case server == Plain:
		return text + ": the injector left the pod alone, or the webhook has just changed",
			"run this again; if it stays so, please report it with this output"
	}
	return text + ": another webhook or program adds the sensor, or the webhook has just changed",
		"run this again; if it stays so, please report it with this output"
}

// words are the outcomes in sentences.
var words = map[Outcome]string{Injected: "injected", Plain: "made without the sensor", Refused: "refused", Unknown: "unknown"}

// notes are what is worth knowing of a pod besides.
func notes(pod *corev1.Pod, all []source) (said []string) {
	windows := pod.Spec.NodeSelector[corev1.LabelOSStable] == "windows" || pod.Spec.OS != nil && pod.Spec.OS.Name == corev1.Windows
	if windows {
		said = append(said, "it is for Windows, for which there is no container sensor")
	}
	if pod.Spec.HostNetwork {
		said = append(said, "it is on the node's network, which a sensor in a sidecar does not cover")
	}
	if value, there := pod.Labels[manifest.InjectionKey]; there {
		said = append(said, "its label "+manifest.InjectionKey+"="+value+" means nothing: pods want it as an annotation")
	}
	for n := range all {
		for m := range all[n].hooks {
			for _, c := range all[n].hooks[m].MatchConditions {
				if strings.Contains(c.Expression, "request.userInfo") {
					said = append(said, "match condition "+c.Name+" looks at who asks: here you, for a workload its controller")
				}
			}
		}
	}
	return said
}

// carrying says whether a pod brings the sensor along before any injector sees it.
func carrying(pod *corev1.Pod, all []source) bool {
	for n := range all {
		if _, found := sidecar.In(&pod.Spec, all[n].image); found {
			return true
		}
	}
	_, found := sidecar.In(&pod.Spec, "")
	return found
}

// fromInjector says whether a refusal can only come from a webhook that was called.
func fromInjector(c verify.Class) bool {
	switch c {
	case verify.UnknownCA, verify.Expired, verify.WrongName, verify.Refused, verify.TimedOut, verify.NoService,
		verify.NoEndpoints, verify.HostAddress, verify.ServerError, verify.NotInjector, verify.Denies:
		return true
	}
	return false
}
