package verify

import (
	"fmt"
	"slices"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
)

// classMeaning is what a class says about new pods, and what to do.
type classMeaning struct {
	// check is the one check that reports it.
	check string
	why   string
	hint  string
}

// classMeanings are those of every class. Exactly one check reports each, so that one cause is one finding:
// FC606 those of the way to the injector and of its own answer, with the check that shows the cause.
var classMeanings = map[Class]classMeaning{
	UnknownCA: {"FC606", "the API server does not trust the injector's certificate",
		"see FC403: the webhook's caBundle and the certificate do not fit"},
	Expired:   {"FC606", "the injector's certificate has expired or is not valid yet", "see FC405: renew the certificate"},
	WrongName: {"FC606", "the injector's certificate is for another name", "see FC404: issue it for the name of the injector's Service"},
	Refused: {"FC606", "nothing listens where the webhook is called",
		"see FC211 and FC307: the injector must run, and the Service must lead to its port"},
	NoEndpoints: {"FC606", "the injector's Service has no ready pod", "see FC211: bring up the injector"},
	HostAddress: {"FC606", "the API server may not call the address of the injector's pods",
		"see FC211: the pods seem to be on the network of their nodes"},
	NoService: {"FC606", "the webhook names a Service that is not there",
		"see FC307 and FC313: bring back the injector, or remove its webhook"},
	ServerError: {"FC606", "the injector answers with an error of its own", "read the injector's log"},
	NotInjector: {"FC606", "what answers the webhook is not an injector",
		"see FC307: the webhook's Service and port must lead to the injector"},
	BadPatch: {"FC606", "a change that a webhook makes does not fit the pod, and the server does not say whose",
		"read the injector's log; FC308 lists the other webhooks that change pods"},
	Denies: {"FC606", "the injector refuses the pod", "do what its message asks for"},
	TimedOut: {"FC607", "no answer came in time",
		"see FC211 and FC212: something must answer, and the network must let the API server through"},
	OtherWebhook: {"FC607", "another webhook refuses the pod", "ask whoever runs that webhook"},
	Unclassified: {"FC607", "the pod is refused for a reason that is not known here", "read the server's answer, which is printed in full"},
	PodSecurity:  {"FC604", "pod security refuses the sensor", ""},
	QuotaFull:    {"FC611", "a quota refuses a pod with the sensor", ""},
	LimitBroken:  {"FC509", "a limit range refuses the sensor", ""},
	// These two say nothing of the injector.
	NotPermitted: {"FC104", "you may not create pods", ""},
	Ending:       {"", "the namespace is being deleted", ""},
}

// answer is what became of a dry-run pod in a namespace that is covered.
type answer struct {
	*Canary
	hook *Hook
}

// answers returns those of the covered namespaces in question that tell something, or why there is none.
func (v *View) answers() ([]answer, *Outcome) {
	none := func(o Outcome) ([]answer, *Outcome) { return nil, &o }
	if len(v.Hooks) == 0 {
		return none(skipped("there is no webhook in the cluster"))
	}
	if len(v.covered()) == 0 {
		return none(skipped("no namespace in question is in scope"))
	}
	var all []answer
	var forbidden, ending int
	for n := range v.Canaries {
		c := &v.Canaries[n]
		scope := v.ScopeOf(c.Namespace)
		switch {
		case !scope.Covered || !v.inQuestion(c.Namespace):
		case c.Class == NotPermitted:
			forbidden++
		case c.Class == Ending:
			ending++
		default:
			all = append(all, answer{c, scope.By})
		}
	}
	if len(all) > 0 {
		return all, nil
	}
	d, denied := v.denied("create pods")
	switch {
	case forbidden > 0:
		return none(skipped("you may not create pods in any namespace in scope"))
	case denied:
		return none(skipped("you may not %s", d.String()))
	case ending > 0:
		return none(skipped("every namespace in scope is being deleted"))
	}
	return none(undecided("no dry-run pod was sent to a namespace in scope"))
}

// unprovable says that dry-run pods were asked for and none could be sent: what only they prove must not pass
// because nothing is to be feared.
func (v *View) unprovable(none *Outcome) bool {
	return v.Asked.Canary && none != nil && none.verdict == Skip
}

// unproved returns the covered namespaces in question for which no dry-run pod told anything.
func (v *View) unproved() (names []string) {
	for _, name := range v.covered() {
		if c := v.canary(name); c == nil || c.Class == NotPermitted {
			names = append(names, name)
		}
	}
	return names
}

// refusals are the remarks that a check has on the answers of its classes.
func refusals(all []answer, check string) (list []said) {
	for _, a := range all {
		if m := classMeanings[a.Class]; a.Class != None && m.check == check {
			list = append(list, said{a.Namespace, remark{why: m.why, cause: a.evidence(), hint: m.hint}})
		}
	}
	return list
}

// evidence is the server's answer without its first words, which are the same in all, with the other
// answers if they were not alike.
func (a answer) evidence() string {
	text := strings.TrimPrefix(a.Message, "Internal error occurred: ")
	if _, after, found := strings.Cut(text, "failed to call webhook: "); found && a.Class != OtherWebhook && a.Class != Unclassified {
		text = after
	}
	if m := a.mixed(); m != "" {
		text += " (" + m + ")"
	}
	return text
}

// mixed says that several trials had different answers, or nothing.
func (a answer) mixed() string {
	distinct := slices.Compact(slices.Sorted(slices.Values(a.Answers)))
	if len(distinct) < 2 {
		return ""
	}
	var parts []string
	for _, d := range distinct {
		n := 0
		for _, one := range a.Answers {
			if one == d {
				n++
			}
		}
		parts = append(parts, fmt.Sprintf("%d %s", n, d))
	}
	return fmt.Sprintf("of %d trials: %s", len(a.Answers), strings.Join(parts, ", "))
}

// injected says that the pod would carry the sensor.
func (a answer) injected() bool { return a.Class == None && a.Sidecar != "" }

// plain says that the pod would be made without the sensor.
func (a answer) plain() bool { return a.Class == None && a.Sidecar == "" }

// sent says whether the dry-run pod is one that the webhook is called for: it may be only for pods with
// labels that this one lacks.
func (v *View) sent(a answer) match.Decision {
	return match.Webhook(a.hook.MutatingWebhook, v.Spaces[a.Namespace].Labels, canary.Pod().Labels)
}

// namesSensor says whether a refusal is about the sensor's container.
func namesSensor(message string) bool {
	return slices.ContainsFunc(sidecar.Names, func(name string) bool { return strings.Contains(message, name) }) ||
		strings.Contains(message, sidecar.InitContainer)
}
