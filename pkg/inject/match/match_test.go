package match

import (
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

const key = manifest.InjectionKey

// podRule is the usual rule of an injector's webhook.
func podRule() admissionv1.RuleWithOperations {
	return admissionv1.RuleWithOperations{Operations: []admissionv1.OperationType{admissionv1.Create},
		Rule: admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}}}
}

// hook is a webhook for pods with two selectors, either of which may be nil.
func hook(namespaces, pods *metav1.LabelSelector) *admissionv1.MutatingWebhook {
	return &admissionv1.MutatingWebhook{Rules: []admissionv1.RuleWithOperations{podRule()}, NamespaceSelector: namespaces, ObjectSelector: pods}
}

func expression(label string, op metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: label, Operator: op, Values: values}}}
}

func TestWebhookBySelectors(t *testing.T) {
	optOut := expression(key, metav1.LabelSelectorOpNotIn, "disabled")
	optIn := expression(key, metav1.LabelSelectorOpIn, "enabled")
	byName := expression("kubernetes.io/metadata.name", metav1.LabelSelectorOpNotIn, "kube-system")
	operator := expression("control-plane", metav1.LabelSelectorOpDoesNotExist)
	named := func(name string, more ...string) map[string]string {
		set := map[string]string{"kubernetes.io/metadata.name": name}
		for n := 0; n < len(more); n += 2 {
			set[more[n]] = more[n+1]
		}
		return set
	}
	tests := map[string]struct {
		namespaces, pods *metav1.LabelSelector
		namespace, pod   map[string]string
		want             Answer
		why              string
	}{
		"no selectors":                {nil, nil, named("a"), nil, Yes, ""},
		"empty selectors":             {&metav1.LabelSelector{}, &metav1.LabelSelector{}, named("a"), nil, Yes, ""},
		"opt-out, unlabelled":         {optOut, nil, named("a"), nil, Yes, ""},
		"opt-out, disabled":           {optOut, nil, named("a", key, "disabled"), nil, No, "the namespace is labelled " + key + "=disabled"},
		"opt-out, enabled":            {optOut, nil, named("a", key, "enabled"), nil, Yes, ""},
		"opt-out, a wrong value":      {optOut, nil, named("a", key, "false"), nil, Yes, ""},
		"opt-in, unlabelled":          {optIn, nil, named("a"), nil, No, "the namespace lacks the label " + key + "=enabled"},
		"opt-in, enabled":             {optIn, nil, named("a", key, "enabled"), nil, Yes, ""},
		"opt-in, a wrong value":       {optIn, nil, named("a", key, "true"), nil, No, "the namespace is labelled " + key + "=true"},
		"by name, out":                {byName, nil, named("kube-system"), nil, No, "leaves namespace kube-system out by its name"},
		"by name, in":                 {byName, nil, named("a"), nil, Yes, ""},
		"operator's, in":              {operator, nil, named("a"), nil, Yes, ""},
		"operator's, out":             {operator, nil, named("a", "control-plane", "x"), nil, No, "labelled control-plane=x"},
		"exists, lacking":             {expression("team", metav1.LabelSelectorOpExists), nil, named("a"), nil, No, "lacks the label team"},
		"matchLabels, met":            {&metav1.LabelSelector{MatchLabels: map[string]string{"team": "x", "zone": "y"}}, nil, named("a", "team", "x", "zone", "y"), nil, Yes, ""},
		"matchLabels, one not met":    {&metav1.LabelSelector{MatchLabels: map[string]string{"team": "x", "zone": "y"}}, nil, named("a", "team", "x"), nil, No, "lacks the label zone=y"},
		"an operator that is unknown": {expression("team", "Near", "x"), nil, named("a"), nil, No, "cannot be read"},
		"pod selected":                {nil, expression("sensor", metav1.LabelSelectorOpIn, "yes"), named("a"), map[string]string{"sensor": "yes"}, Yes, ""},
		"pod not selected":            {nil, expression("sensor", metav1.LabelSelectorOpIn, "yes", "y"), named("a"), nil, No, "the pod lacks the label sensor=yes or y"},
		"pod left out":                {nil, expression("sensor", metav1.LabelSelectorOpNotIn, "no"), named("a"), map[string]string{"sensor": "no"}, No, "the pod is labelled sensor=no"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := Webhook(hook(test.namespaces, test.pods), test.namespace, test.pod)
			if d.Answer != test.want || !strings.Contains(d.Why(), test.why) {
				t.Errorf("%s because %q, want %s because %q", d.Answer, d.Why(), test.want, test.why)
			}
		})
	}
}

// What holds for a whole namespace does not hang on what a pod is labelled.
func TestNamespaceLeavesPodsOut(t *testing.T) {
	h := hook(nil, expression("sensor", metav1.LabelSelectorOpExists))
	h.MatchConditions = []admissionv1.MatchCondition{{Name: "c", Expression: "false"}}
	if d := Namespace(h, nil); d.Answer != Yes {
		t.Errorf("%s because %s", d.Answer, d.Why())
	}
}

func TestWebhookByRules(t *testing.T) {
	cluster, namespaced, all := admissionv1.ClusterScope, admissionv1.NamespacedScope, admissionv1.AllScopes
	rule := func(change func(r *admissionv1.RuleWithOperations)) []admissionv1.RuleWithOperations {
		r := podRule()
		change(&r)
		return []admissionv1.RuleWithOperations{r}
	}
	resources := func(names ...string) []admissionv1.RuleWithOperations {
		return rule(func(r *admissionv1.RuleWithOperations) { r.Resources = names })
	}
	tests := map[string]struct {
		rules []admissionv1.RuleWithOperations
		want  Answer
	}{
		"none":              {nil, No},
		"pods":              {resources("pods"), Yes},
		"everything":        {resources("*"), Yes},
		"with subresources": {resources("*/*"), Yes},
		"pods' own":         {resources("pods/*"), Yes},
		"a subresource":     {resources("pods/exec"), No},
		"others":            {resources("deployments", "services"), No},
		"others and pods":   {resources("deployments", "pods"), Yes},
		"all operations": {rule(func(r *admissionv1.RuleWithOperations) {
			r.Operations = []admissionv1.OperationType{admissionv1.OperationAll}
		}), Yes},
		"only updates": {rule(func(r *admissionv1.RuleWithOperations) {
			r.Operations = []admissionv1.OperationType{admissionv1.Update}
		}), No},
		"any group":          {rule(func(r *admissionv1.RuleWithOperations) { r.APIGroups = []string{"*"} }), Yes},
		"another group":      {rule(func(r *admissionv1.RuleWithOperations) { r.APIGroups = []string{"apps"} }), No},
		"any version":        {rule(func(r *admissionv1.RuleWithOperations) { r.APIVersions = []string{"*"} }), Yes},
		"another version":    {rule(func(r *admissionv1.RuleWithOperations) { r.APIVersions = []string{"v2"} }), No},
		"cluster scope":      {rule(func(r *admissionv1.RuleWithOperations) { r.Scope = &cluster }), No},
		"namespaced":         {rule(func(r *admissionv1.RuleWithOperations) { r.Scope = &namespaced }), Yes},
		"any scope":          {rule(func(r *admissionv1.RuleWithOperations) { r.Scope = &all }), Yes},
		"the second of them": {append(resources("services"), podRule()), Yes},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			h := hook(nil, nil)
			h.Rules = test.rules
			if d := Webhook(h, nil, nil); d.Answer != test.want {
				t.Errorf("%s because %s", d.Answer, d.Why())
			}
		})
	}
}

// Match conditions are the server's alone, so the answer is unknown, unless something else has said no.
func TestMatchConditions(t *testing.T) {
	h := hook(expression(key, metav1.LabelSelectorOpNotIn, "disabled"), nil)
	h.MatchConditions = []admissionv1.MatchCondition{{Name: "not-mine", Expression: "object.metadata.name != 'x'"}}
	d := Webhook(h, nil, nil)
	if d.Answer != Unknown || !strings.Contains(d.Why(), "object.metadata.name != 'x'") {
		t.Errorf("%s because %q", d.Answer, d.Why())
	}
	if len(d.Steps) != 4 || d.Steps[3].Rule != "match condition not-mine" {
		t.Errorf("steps %+v", d.Steps)
	}
	if d := Webhook(h, map[string]string{key: "disabled"}, nil); d.Answer != No || !strings.Contains(d.Why(), "disabled") {
		t.Errorf("%s because %q", d.Answer, d.Why())
	}
}

func TestInjector(t *testing.T) {
	marked := func(value string) map[string]string { return map[string]string{key: value} }
	tests := map[string]struct {
		annotations map[string]string
		optIn       bool
		want        Answer
		why         string
	}{
		"by default":            {nil, false, Yes, "every pod that does not opt out"},
		"disabled":              {marked("disabled"), false, No, "annotated " + key + "=disabled"},
		"enabled":               {marked("enabled"), false, Yes, "annotated " + key + "=enabled"},
		"a wrong value":         {marked("false"), false, Yes, "every pod"},
		"opt-in":                {nil, true, No, "only pods annotated"},
		"opt-in, enabled":       {marked("enabled"), true, Yes, "annotated " + key + "=enabled"},
		"opt-in, disabled":      {marked("disabled"), true, No, "annotated " + key + "=disabled"},
		"opt-in, a wrong value": {marked("true"), true, No, "only pods annotated"},
		"another annotation":    {map[string]string{"a": "disabled"}, false, Yes, "every pod"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := Injector(test.annotations, test.optIn)
			if d.Answer != test.want || !strings.Contains(d.Why(), test.why) {
				t.Errorf("%s because %q, want %s because %q", d.Answer, d.Why(), test.want, test.why)
			}
		})
	}
	if d := Injector(marked("true"), true); len(d.Steps) != 2 || !strings.Contains(d.Steps[0].Why, "means nothing") {
		t.Errorf("a wrong value is not pointed at: %+v", d.Steps)
	}
	if (Decision{}).Why() != "" {
		t.Error("no decision has a reason")
	}
}
