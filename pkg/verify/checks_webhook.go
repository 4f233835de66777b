package verify

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

var webhookChecks = slices.Concat(callChecks, scopeChecks)

// callChecks are about whether and how the API server calls the injector.
var callChecks = []Check{{
	ID: "FC301", Title: "a webhook sends new pods to the injector", Severity: Error, After: []string{"FC201"},
	Needs: []string{listWebhooks, listDeployments}, Judge: judgeCalled,
}, {
	ID: "FC302", Title: "no pod is sent to two injector webhooks", Severity: Error, After: []string{"FC202", "FC301"},
	Needs: []string{listWebhooks, listNamespaces},
	Hint:  "remove the one that is too many, with what made it", Judge: judgeTwice,
}, {
	ID: "FC303", Title: "pods do not start without the sensor while no injector answers", Severity: Info,
	After: []string{"FC301"}, Needs: []string{listWebhooks, listNamespaces}, Judge: judgePolicy,
}, {
	ID: "FC306", Title: "no pod waits longer than 15 s for the injector", Severity: Warning,
	After: []string{"FC301"}, Needs: []string{listWebhooks}, Judge: judgeTimeout,
}, {
	ID: "FC307", Title: "what the webhook calls exists", Severity: Error, After: []string{"FC211", "FC301"},
	Needs: []string{listWebhooks, getServices}, Judge: judgeReference,
}, {
	ID: "FC308", Title: "no other webhook changes pods after the injector's", Severity: Info, After: []string{"FC301"},
	Needs: []string{listWebhooks}, Judge: judgeOrder,
}, {
	ID: "FC310", Title: "no other webhook can refuse pods while nobody answers it", Severity: Info, After: []string{"FC301"},
	Needs: []string{listWebhooks}, Judge: judgeOthers,
}, {
	ID: "FC311", Title: "dry runs reach the injector", Severity: Error, After: []string{"FC301"},
	Needs: []string{listWebhooks}, Judge: judgeSideEffects,
}, {
	ID: "FC313", Title: "no webhook refuses pods for an injector that is gone", Severity: Error, After: []string{"FC201"},
	Needs: []string{listWebhooks, getServices}, Judge: judgeOrphans,
}}

func judgeCalled(v *View) Outcome {
	hooks := v.podHooks()
	whole := slices.DeleteFunc(slices.Clone(hooks), func(h *Hook) bool { return onlyCanaries(h.NamespaceSelector) })
	switch {
	case len(whole) > 0:
		return passed()
	case len(hooks) > 0:
		return found(finding(hooks[0].object(), "it covers nothing but namespace %s: the installation did not come to its end", manifest.CanaryNamespace).
			with("install again", installCommand))
	}
	var all []Finding
	for n := range v.Hooks {
		h := &v.Hooks[n]
		all = append(all, finding(h.object(), "none of its rules is for the creation of pods, so no pod gets the sensor").
			with(h.Injector.reset("Give it a rule for CREATE of pods")))
	}
	for _, i := range v.standing() {
		if len(v.Hooks) > 0 {
			break
		}
		f := finding(i.object(), "no webhook sends pods to it, so no pod gets the sensor")
		hint, command := i.remedy("", "", "")
		if i.Tool == owner.Helm || i.Tool == owner.Operator {
			hint = "have " + string(i.Tool) + " make its MutatingWebhookConfiguration again"
		} else if command != "" {
			hint = "install again"
		}
		all = append(all, f.with(hint, command))
	}
	return found(all...)
}

// onlyCanaries says whether a selector is that of an installation in its middle.
func onlyCanaries(s *metav1.LabelSelector) bool {
	return s != nil && slices.ContainsFunc(s.MatchExpressions, func(r metav1.LabelSelectorRequirement) bool {
		return r.Key == corev1.LabelMetadataName && r.Operator == metav1.LabelSelectorOpIn &&
			slices.Equal(r.Values, []string{manifest.CanaryNamespace})
	})
}

func judgeTwice(v *View) Outcome {
	var hooks []*Hook
	for _, h := range v.podHooks() {
		if !v.orphaned(h.Injector) {
			hooks = append(hooks, h)
		}
	}
	var all []Finding
	for n, h := range hooks {
		for _, before := range hooks[:n] {
			var both []string
			for m := range v.Namespaces {
				ns := &v.Namespaces[m]
				if sends(h, ns, nil) == match.Yes && sends(before, ns, nil) == match.Yes {
					both = append(both, ns.Name)
				}
			}
			if len(both) > 0 {
				other := before.object()
				if other == h.object() {
					// Two entries of one configuration.
					other = before.Name
				}
				all = append(all, finding(h.object(), "new pods of %s are sent to it and to %s: %s",
					counted(len(both), "namespace"), other, fewOf(both)))
			}
		}
	}
	return found(all...)
}

// sends says whether a webhook is called for a pod with these labels.
func sends(h *Hook, ns *Namespace, pod map[string]string) match.Answer {
	return match.Webhook(h.MutatingWebhook, ns.Labels, pod).Answer
}

func judgePolicy(v *View) Outcome {
	var ignoring, told []Finding
	cause := ""
	for _, h := range v.podHooks() {
		if v.orphaned(h.Injector) {
			cause = v.orphanCheck(h.Injector)
			continue
		}
		spaces, pods := v.reach(h)
		where := counted(spaces, "namespace") + ", where " + counted(pods, "pod") + map[bool]string{true: " runs", false: " run"}[pods == 1] + " now"
		if refuses(h.MutatingWebhook) {
			told = append(told, finding(h.object(), "failure policy Fail: while no injector answers, new pods are refused in %s", where).
				with("if nothing can start, let pods start without the sensor", breakGlass(h.Configuration)))
			continue
		}
		f := finding(h.object(), "failure policy Ignore: while no injector answers, new pods start without the sensor in %s", where)
		hint, command := h.Injector.remedy("", "", "")
		if by := h.Configuration.Annotations[inject.BrokenGlass]; by != "" {
			f.Message += "; glass broken by " + by
			hint = "install again, which sets it back to what you choose"
		}
		ignoring = append(ignoring, f.with(hint, command))
	}
	switch {
	case len(ignoring) > 0:
		return warned(append(ignoring, told...)...)
	case len(told) == 0 && cause != "":
		return leftTo(cause)
	}
	return found(told...)
}

// reach is how many namespaces in question a webhook covers, and how many pods are there that it is for.
func (v *View) reach(h *Hook) (spaces, pods int) {
	covered := map[string]bool{}
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		if v.inQuestion(ns.Name) && match.Namespace(h.MutatingWebhook, ns.Labels).Answer == match.Yes {
			covered[ns.Name] = true
		}
	}
	for n := range v.Pods {
		if covered[v.Pods[n].Namespace] && v.Verdicts[n].Verdict != Ended {
			pods++
		}
	}
	return len(covered), pods
}

// breakGlass is the command that keeps a webhook from refusing pods.
func breakGlass(c *admissionv1.MutatingWebhookConfiguration) string {
	if c.Name == manifest.WebhookName {
		return "kubectl falcon uninstall --break-glass"
	}
	return "kubectl delete mutatingwebhookconfiguration " + c.Name
}

// longest is how long a pod may wait, in seconds, defaultTimeout what a webhook waits that says nothing.
const (
	longest        = 15
	defaultTimeout = 10
)

func judgeTimeout(v *View) Outcome {
	var all []Finding
	for _, h := range v.podHooks() {
		seconds := int32(defaultTimeout)
		if h.TimeoutSeconds != nil {
			seconds = *h.TimeoutSeconds
		}
		if refuses(h.MutatingWebhook) && seconds > longest {
			hint, command := h.Injector.remedy("--timeout-seconds 15", "", "")
			all = append(all, finding(h.object(), "while no injector answers, each new pod waits %d s before it is refused", seconds).
				with(hint, command))
		}
	}
	return found(all...)
}

// others are the webhooks that new pods are sent to and that are no injector's.
func (v *View) others() (all []Hook) {
	for n := range v.Webhooks {
		c := &v.Webhooks[n]
		if slices.ContainsFunc(v.Injectors, func(i Injector) bool { return i.Webhook == c.Name }) {
			continue
		}
		for m := range c.Webhooks {
			if forPods(&c.Webhooks[m]) {
				all = append(all, Hook{Configuration: c, MutatingWebhook: &c.Webhooks[m]})
			}
		}
	}
	return all
}

func judgeOrder(v *View) Outcome {
	var all []Finding
	for _, h := range v.podHooks() {
		if h.ReinvocationPolicy != nil && *h.ReinvocationPolicy == admissionv1.IfNeededReinvocationPolicy {
			continue
		}
		for _, o := range v.others() {
			// The API server calls them in the order of the configurations' names.
			if strings.Compare(o.Configuration.Name, h.Configuration.Name) > 0 {
				all = append(all, finding(o.object(), "%s is called after %s, so containers that it adds are not seen by the injector", o.Name, h.Name))
			}
		}
	}
	return found(all...)
}

func judgeOthers(v *View) Outcome {
	var all []Finding
	for _, o := range v.others() {
		if refuses(o.MutatingWebhook) {
			all = append(all, finding(o.object(), "%s has failure policy Fail: while nobody answers it, pods are refused too", o.Name))
		}
	}
	return found(all...)
}

func judgeSideEffects(v *View) Outcome {
	var all []Finding
	for _, h := range v.podHooks() {
		if s := h.SideEffects; s == nil || *s != admissionv1.SideEffectClassNone && *s != admissionv1.SideEffectClassNoneOnDryRun {
			said := "nothing"
			if s != nil {
				said = string(*s)
			}
			all = append(all, finding(h.object(), "it declares side effects %s, so the API server refuses dry runs and nothing can be proved", said).
				with(h.Injector.reset("set sideEffects to None")))
		}
	}
	return found(all...)
}
