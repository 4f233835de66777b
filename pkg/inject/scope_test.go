package inject

import (
	"slices"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// A webhook that pods depend on is changed with care; one that covers only canaries is anybody's to change.
func TestWide(t *testing.T) {
	full := manifest.Render(goodOptions(), manifest.Given{}).Webhook
	mixed := manifest.LimitToCanaries(full)
	mixed.Webhooks = append(mixed.Webhooks, full.Webhooks...)
	tests := map[string]struct {
		hook *admissionv1.MutatingWebhookConfiguration
		want bool
	}{
		"none":                     {nil, false},
		"no entries":               {&admissionv1.MutatingWebhookConfiguration{}, false},
		"the whole scope":          {full, true},
		"the canary's namespace":   {manifest.LimitToCanaryNamespace(full), false},
		"canaries everywhere":      {manifest.LimitToCanaries(full), false},
		"one entry of two is wide": {mixed, true},
		"no selectors at all":      {&admissionv1.MutatingWebhookConfiguration{Webhooks: make([]admissionv1.MutatingWebhook, 1)}, true},
	}
	for name, tt := range tests {
		if got := wide(tt.hook); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestOnlyCanaryNamespace(t *testing.T) {
	by := func(key string, op metav1.LabelSelectorOperator, values ...string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: key, Operator: op, Values: values}}}
	}
	const name = corev1.LabelMetadataName
	tests := map[string]struct {
		selector *metav1.LabelSelector
		want     bool
	}{
		"none":          {nil, false},
		"empty":         {&metav1.LabelSelector{}, false},
		"that one":      {by(name, metav1.LabelSelectorOpIn, manifest.CanaryNamespace), true},
		"one more":      {by(name, metav1.LabelSelectorOpIn, manifest.CanaryNamespace, "shop"), false},
		"all but it":    {by(name, metav1.LabelSelectorOpNotIn, manifest.CanaryNamespace), false},
		"another":       {by(name, metav1.LabelSelectorOpIn, "shop"), false},
		"another label": {by("name", metav1.LabelSelectorOpIn, manifest.CanaryNamespace), false},
	}
	for what, tt := range tests {
		if got := onlyCanaryNamespace(tt.selector); got != tt.want {
			t.Errorf("%s: %v", what, got)
		}
	}
}

func TestCovered(t *testing.T) {
	now := metav1.Now()
	ns := func(name, injection string, going bool) corev1.Namespace {
		n := corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: map[string]string{corev1.LabelMetadataName: name}}}
		if injection != "" {
			n.Labels[InjectionKey] = injection
		}
		if going {
			n.DeletionTimestamp = &now
		}
		return n
	}
	all := []corev1.Namespace{ns("plain", "", false), ns("in", manifest.Enabled, false), ns("out", Disabled, false),
		ns("going", "", true), ns("kube-system", "", false), ns(Namespace, "", false), ns("left", "", false)}
	o := goodOptions()
	o.ExcludeNamespaces = []string{"left"}
	optIn := o
	optIn.NamespaceInjection = manifest.OptIn
	tests := map[string]struct {
		hook *admissionv1.MutatingWebhookConfiguration
		want []string
	}{
		"no webhook": {nil, nil},
		"all":        {manifest.Render(o, manifest.Given{}).Webhook, []string{"plain", "in"}},
		"opt-in":     {manifest.Render(optIn, manifest.Given{}).Webhook, []string{"in"}},
	}
	for name, tt := range tests {
		in, out := covered(tt.hook, all)
		if !slices.Equal(in, tt.want) || len(in)+len(out) != len(all) {
			t.Errorf("%s: in %q, out %q", name, in, out)
		}
	}
}
