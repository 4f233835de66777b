// Package match is the API server's decision whether it sends a new pod to a webhook, and the injector's
// whether it then injects the sensor, rule by rule, as pure functions of the objects.
//
// It decides about no cluster: what it says is compared with the server's own answer by whoever uses it.
package match

import (
	"fmt"
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// Answer is what a rule says.
type Answer string

// The answers. Unknown is a rule that only the API server can apply.
const (
	Yes     Answer = "yes"
	No      Answer = "no"
	Unknown Answer = "unknown"
)

// Step is one rule that was applied.
type Step struct {
	// Rule names it, such as "namespace selector".
	Rule   string `json:"rule"`
	Answer Answer `json:"answer"`
	// Why says what decided, in a sentence without a full stop.
	Why string `json:"why"`
}

// Decision is the answer of all rules together: No as soon as one says no, else Unknown if any is.
type Decision struct {
	Answer Answer `json:"answer"`
	Steps  []Step `json:"steps"`
}

// Why is the reason of the step that decided, or of the last.
func (d Decision) Why() string {
	for _, s := range d.Steps {
		if s.Answer == d.Answer && d.Answer != Yes {
			return s.Why
		}
	}
	if len(d.Steps) == 0 {
		return ""
	}
	return d.Steps[len(d.Steps)-1].Why
}

// The names of rules that are looked for in a decision.
const (
	namespaceSelector = "namespace selector"
	injectorDefault   = "injector's default"
)

func decide(steps ...Step) Decision {
	d := Decision{Answer: Yes, Steps: steps}
	for _, s := range steps {
		switch {
		case s.Answer == No:
			d.Answer = No
			return d
		case s.Answer == Unknown:
			d.Answer = Unknown
		}
	}
	return d
}

// Webhook decides whether the API server calls one webhook for the creation of a pod: by its rules, its
// two selectors and its match conditions, which are the server's alone to evaluate (they are CEL).
// namespace are the labels of the pod's namespace with the name label that the server sets, pod those of
// the pod.
func Webhook(hook *admissionv1.MutatingWebhook, namespace, pod map[string]string) Decision {
	return decide(append([]Step{
		rules(hook.Rules, admissionv1.Create, "", "v1", "pods"),
		selector(namespaceSelector, "namespace", hook.NamespaceSelector, namespace),
		selector("object selector", "pod", hook.ObjectSelector, pod),
	}, conditions(hook.MatchConditions)...)...)
}

// Namespace decides the same for a pod without labels in a namespace: what holds for the whole namespace.
// A webhook whose object selector wants labels of the pod is not decided by it.
func Namespace(hook *admissionv1.MutatingWebhook, namespace map[string]string) Decision {
	return decide(
		rules(hook.Rules, admissionv1.Create, "", "v1", "pods"),
		selector(namespaceSelector, "namespace", hook.NamespaceSelector, namespace))
}

// rules decides whether any of a webhook's rules is for this operation on this resource.
func rules(all []admissionv1.RuleWithOperations, op admissionv1.OperationType, group, version, resource string) Step {
	for _, r := range all {
		operation := slices.Contains(r.Operations, op) || slices.Contains(r.Operations, admissionv1.OperationAll)
		named := slices.ContainsFunc(r.Resources, func(name string) bool {
			// "*/*" is everything with its subresources, "pods/*" a pod with its own.
			return name == "*" || name == "*/*" || name == resource || name == resource+"/*"
		})
		scope := r.Scope == nil || *r.Scope == admissionv1.AllScopes || *r.Scope == admissionv1.NamespacedScope
		if operation && named && scope && has(r.APIGroups, group) && has(r.APIVersions, version) {
			return Step{"rules", Yes, fmt.Sprintf("a rule is for %s of %s", op, resource)}
		}
	}
	return Step{"rules", No, fmt.Sprintf("no rule is for %s of %s", op, resource)}
}

// has says whether a list names the value or all.
func has(list []string, value string) bool {
	return slices.Contains(list, "*") || slices.Contains(list, value)
}

// selector applies a label selector; of one that is not met it names the first requirement that is not.
func selector(rule, what string, s *metav1.LabelSelector, set map[string]string) Step {
	if s == nil || len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		return Step{rule, Yes, "it is empty, so it selects every " + what}
	}
	for _, r := range requirements(s) {
		one := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{r}}
		parsed, err := metav1.LabelSelectorAsSelector(one)
		if err != nil {
			return Step{rule, No, fmt.Sprintf("it cannot be read (%v)", err)}
		}
		if !parsed.Matches(labels.Set(set)) {
			return Step{rule, No, leftOut(what, r, set)}
		}
	}
	return Step{rule, Yes, "the " + what + " meets it"}
}

// requirements are those of a selector, labels first, in a stable order.
func requirements(s *metav1.LabelSelector) []metav1.LabelSelectorRequirement {
	var all []metav1.LabelSelectorRequirement
	keys := make([]string, 0, len(s.MatchLabels))
	for key := range s.MatchLabels {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	for _, key := range keys {
		all = append(all, metav1.LabelSelectorRequirement{
			Key: key, Operator: metav1.LabelSelectorOpIn, Values: []string{s.MatchLabels[key]}})
	}
	return append(all, s.MatchExpressions...)
}

// leftOut says why a requirement is not met.
func leftOut(what string, r metav1.LabelSelectorRequirement, set map[string]string) string {
	value, there := set[r.Key]
	switch {
	case r.Key == corev1.LabelMetadataName && what == "namespace":
		return fmt.Sprintf("the webhook leaves namespace %s out by its name", value)
	case !there && r.Operator == metav1.LabelSelectorOpIn:
		return fmt.Sprintf("the %s lacks the label %s=%s", what, r.Key, strings.Join(r.Values, " or "))
	case !there:
		return fmt.Sprintf("the %s lacks the label %s", what, r.Key)
	}
	return fmt.Sprintf("the %s is labelled %s=%s", what, r.Key, value)
}

func conditions(all []admissionv1.MatchCondition) (steps []Step) {
	for _, c := range all {
		steps = append(steps, Step{"match condition " + c.Name, Unknown,
			"only the API server can evaluate it: " + c.Expression})
	}
	return steps
}
