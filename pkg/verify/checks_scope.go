package verify

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
)

// scopeChecks are about what the API server sends to the injector and what it must not.
var scopeChecks = []Check{{
	ID: "FC304", Title: "the injector's own namespace is left out", Severity: Error, After: []string{"FC205", "FC301"},
	Needs: []string{listWebhooks, listNamespaces}, Judge: judgeOwnNamespace,
}, {
	ID: "FC305", Title: "the namespaces of Kubernetes itself are left out", Severity: Error, After: []string{"FC301"},
	Needs: []string{listWebhooks, listNamespaces}, Judge: judgeSystem,
}, {
	ID: "FC309", Title: "no pod is left out by selectors or conditions on pods", Severity: Warning, After: []string{"FC301"},
	Needs: []string{listWebhooks}, Judge: judgeNarrow,
}, {
	ID: "FC312", Title: "what must be left out is left out by its name", Severity: Warning, After: []string{"FC301"},
	Needs: []string{listWebhooks, listNamespaces}, Judge: judgeMutable,
}, {
	ID: "FC314", Title: "the injector is asked about new pods only", Severity: Warning, After: []string{"FC301"},
	Needs: []string{listWebhooks}, Judge: judgeRules,
}}

// systemNamespaces are without which a cluster cannot heal itself. Only the first has pods.
var systemNamespaces = []string{"kube-system", "kube-public", "kube-node-lease"}

// leaveOut is how a namespace is left out where the tool has no setting for it.
func (i *Injector) leaveOut(namespace string) (hint, command string) {
	if _, command := i.remedy("", "", ""); command != "" {
		return "Install again, which leaves it out by its name", command
	}
	return "Leave it out by its label now, and by its name in the webhook's namespaceSelector where that can be set",
		fmt.Sprintf("kubectl label namespace %s %s=disabled", namespace, InjectionKey)
}

func judgeOwnNamespace(v *View) Outcome {
	var all []Finding
	unclear, refusing := "", false
	for _, h := range v.podHooks() {
		i := h.Injector
		ns := v.Spaces[i.Namespace]
		if ns == nil || v.orphaned(i) {
			continue
		}
		var labels map[string]string
		if i.Deployment != nil {
			labels = i.Deployment.Spec.Template.Labels
		}
		switch sends(h, ns, labels) {
		case match.Unknown:
			unclear = fmt.Sprintf("%s covers namespace %s, and only the API server can evaluate its match conditions", h.object(), ns.Name)
		case match.Yes:
			refusing = refusing || refuses(h.MutatingWebhook)
			what := "it is called for the injector's own pods too: if all are gone at once, none can start again"
			if !refuses(h.MutatingWebhook) {
				what = "it is called for the injector's own pods too, which need no sensor"
			}
			hint, command := i.leaveOut(ns.Name)
			all = append(all, finding(h.object(), "%s (namespace %s)", what, ns.Name).with(hint, command))
		}
	}
	switch {
	case len(all) == 0 && unclear != "":
		return undecided("%s", unclear)
	case !refusing:
		return warned(all...)
	}
	return found(all...)
}

func judgeSystem(v *View) Outcome {
	var all []Finding
	blocking, unclear := false, ""
	for _, h := range v.podHooks() {
		var covered []string
		for _, name := range systemNamespaces {
			if ns := v.Spaces[name]; ns != nil && match.Namespace(h.MutatingWebhook, ns.Labels).Answer == match.Yes {
				covered = append(covered, name)
			}
		}
		if len(covered) == 0 {
			continue
		}
		if len(h.MatchConditions) > 0 {
			unclear = fmt.Sprintf("the selector of %s is for %s, and only the API server can evaluate its match conditions", h.object(), fewOf(covered))
			continue
		}
		what := "pods have no place there, but the injector need not be asked"
		if covered[0] == systemNamespaces[0] {
			blocking = blocking || refuses(h.MutatingWebhook)
			what = "while no injector answers, the network, DNS and other add-ons of nodes cannot start"
			if !refuses(h.MutatingWebhook) {
				what = "the network, DNS and other add-ons of nodes get the sensor too"
			}
		}
		hint, command := h.Injector.leaveOut(covered[0])
		all = append(all, finding(h.object(), "it covers %s: %s", fewOf(covered), what).with(hint, command))
	}
	switch {
	case len(all) == 0 && unclear != "":
		return undecided("%s", unclear)
	case !blocking:
		return warned(all...)
	}
	return found(all...)
}

func judgeNarrow(v *View) Outcome {
	var all []Finding
	for _, h := range v.podHooks() {
		if s := h.ObjectSelector; s != nil && len(s.MatchLabels)+len(s.MatchExpressions) > 0 {
			all = append(all, finding(h.object(), "it is called only for pods with %s; the others get no sensor", metav1.FormatLabelSelector(s)).
				with(h.Injector.reset("take the objectSelector away if that is not meant")))
		}
		for _, c := range h.MatchConditions {
			all = append(all, finding(h.object(), "it is called only for pods that meet match condition %s; the others get no sensor", c.Name).
				with(h.Injector.reset("take the match condition away if that is not meant")))
		}
	}
	return found(all...)
}

// judgeMutable asks what would be so if all labels of a namespace were gone, or if it asked for the
// sensor: the label with its name, which is set by the API server, must be enough.
func judgeMutable(v *View) Outcome {
	var all []Finding
	for _, h := range v.podHooks() {
		var loose []string
		for _, name := range append([]string{h.Injector.Namespace}, systemNamespaces...) {
			ns := v.Spaces[name]
			if ns == nil || match.Namespace(h.MutatingWebhook, ns.Labels).Answer == match.Yes {
				// What is covered now is told of by other checks.
				continue
			}
			for _, labels := range []map[string]string{
				{corev1.LabelMetadataName: name}, {corev1.LabelMetadataName: name, InjectionKey: "enabled"},
			} {
				if match.Namespace(h.MutatingWebhook, labels).Answer == match.Yes && !slices.Contains(loose, name) {
					loose = append(loose, name)
				}
			}
		}
		if len(loose) == 0 {
			continue
		}
		hint := "leave it out by kubernetes.io/metadata.name in the webhook's namespaceSelector, where that can be set"
		_, command := h.Injector.remedy("", "", "")
		if command != "" {
			hint = "install again, which leaves it out by its name"
		}
		all = append(all, finding(h.object(), "it leaves %s out by a label alone, which anybody who may edit the namespace can change", fewOf(loose)).
			with(hint, command))
	}
	return found(all...)
}

func judgeRules(v *View) Outcome {
	var all []Finding
	for _, h := range v.podHooks() {
		var more []string
		for _, r := range h.Rules {
			operations := slices.DeleteFunc(slices.Clone(r.Operations), func(o admissionv1.OperationType) bool { return o == admissionv1.Create })
			resources := slices.DeleteFunc(slices.Clone(r.Resources), func(name string) bool { return name == "pods" })
			groups := slices.DeleteFunc(slices.Clone(r.APIGroups), func(group string) bool { return group == "" })
			if len(operations)+len(resources)+len(groups) == 0 {
				continue
			}
			verbs := make([]string, 0, len(r.Operations))
			for _, o := range r.Operations {
				verbs = append(verbs, string(o))
			}
			more = append(more, strings.Join(verbs, "/")+" of "+strings.Join(r.Resources, "/"))
		}
		if len(more) > 0 {
			all = append(all, finding(h.object(), "it is called for %s too, so more is refused while no injector answers", fewOf(more)).
				with(h.Injector.reset("Leave only CREATE of pods in its rules")))
		}
	}
	return found(all...)
}
