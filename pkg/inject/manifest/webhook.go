package manifest

import (
	"bytes"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
)

const (
	// servicePort is where API servers call the Service.
	servicePort = 443
	// injectCAFrom tells cert-manager's cainjector whose authority to put into the webhook.
	injectCAFrom = "cert-manager.io/inject-ca-from"
)

// webhook covers the creation of pods everywhere but in namespaces that opt out and in those without
// which a cluster cannot heal itself. Those are left out by the label that the API server sets to the
// namespace's name and that cannot be edited.
func webhook(o Options, given Given) *admissionv1.MutatingWebhookConfiguration {
	path, port, timeout, failure := "/mutate", int32(servicePort), o.TimeoutSeconds, o.FailurePolicy
	none, equivalent := admissionv1.SideEffectClassNone, admissionv1.Equivalent
	never, scope := admissionv1.NeverReinvocationPolicy, admissionv1.NamespacedScope
	w := &admissionv1.MutatingWebhookConfiguration{
		TypeMeta: metav1.TypeMeta{
			APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "MutatingWebhookConfiguration"},
		// Cluster-wide, so it has no namespace.
		ObjectMeta: metav1.ObjectMeta{Name: WebhookName, Labels: labels()},
		Webhooks: []admissionv1.MutatingWebhook{{
			Name: WebhookName,
			ClientConfig: admissionv1.WebhookClientConfig{
				CABundle: bytes.Clone(given.Bundle),
				Service:  &admissionv1.ServiceReference{Namespace: Namespace, Name: Name, Path: &path, Port: &port},
			},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule: admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"},
					Resources: []string{"pods"}, Scope: &scope},
			}},
			FailurePolicy:     &failure,
			MatchPolicy:       &equivalent,
			NamespaceSelector: scopeSelector(o),
			// Empty, not unset: applying it then removes one that limited the webhook to canaries.
			ObjectSelector:          &metav1.LabelSelector{},
			SideEffects:             &none,
			TimeoutSeconds:          &timeout,
			AdmissionReviewVersions: []string{"v1"},
			ReinvocationPolicy:      &never,
		}},
	}
	if o.CertManager != "" {
		w.Annotations = map[string]string{injectCAFrom: o.CertManager}
	}
	if given.NamespaceUID != "" {
		no := false
		w.OwnerReferences = []metav1.OwnerReference{{
			APIVersion: "v1", Kind: "Namespace", Name: Namespace, UID: given.NamespaceUID, BlockOwnerDeletion: &no,
		}}
	}
	return w
}

// scopeSelector selects the namespaces in scope.
func scopeSelector(o Options) *metav1.LabelSelector {
	choice := metav1.LabelSelectorRequirement{
		Key: InjectionKey, Operator: metav1.LabelSelectorOpNotIn, Values: []string{Disabled}}
	if o.NamespaceInjection == OptIn {
		choice.Operator, choice.Values = metav1.LabelSelectorOpIn, []string{Enabled}
	}
	out := slices.Clone(AlwaysOut)
	for _, name := range slices.Sorted(slices.Values(o.ExcludeNamespaces)) {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		choice, {Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: out},
	}}
}

// LimitToCanaryNamespace returns a copy of the webhook that covers nothing but the canary's namespace,
// whatever its scope.
func LimitToCanaryNamespace(w *admissionv1.MutatingWebhookConfiguration) *admissionv1.MutatingWebhookConfiguration {
	limited := w.DeepCopy()
	for i := range limited.Webhooks {
		limited.Webhooks[i].NamespaceSelector = &metav1.LabelSelector{
			MatchExpressions: []metav1.LabelSelectorRequirement{{
				Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpIn, Values: []string{CanaryNamespace},
			}},
		}
	}
	return limited
}

// LimitToCanaries returns a copy of the webhook that covers its whole scope, but of the pods there only
// those with CanaryLabel.
func LimitToCanaries(w *admissionv1.MutatingWebhookConfiguration) *admissionv1.MutatingWebhookConfiguration {
	limited := w.DeepCopy()
	for i := range limited.Webhooks {
		limited.Webhooks[i].ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{CanaryLabel: "true"}}
	}
	return limited
}

// Covers says whether the webhook is called for any pod of a namespace with these labels, as the API
// server decides it. That needs the label with the namespace's name, which every namespace has.
func Covers(w *admissionv1.MutatingWebhookConfiguration, namespaceLabels map[string]string) bool {
	if w == nil {
		return false
	}
	for i := range w.Webhooks {
		s := w.Webhooks[i].NamespaceSelector
		if s == nil {
			return true
		}
		// The API server keeps no selector that does not parse, so one like that covers nothing.
		selector, err := metav1.LabelSelectorAsSelector(s)
		if err == nil && selector.Matches(k8slabels.Set(namespaceLabels)) {
			return true
		}
	}
	return false
}

// CanaryWebhookName is the webhook beside the one in use, by which namespaces are proved that that one does
// not cover yet.
const CanaryWebhookName = "canary." + WebhookName

// Beside is a webhook of another name that is called for canaries alone, wherever the given one would be.
func Beside(w *admissionv1.MutatingWebhookConfiguration) *admissionv1.MutatingWebhookConfiguration {
	beside := LimitToCanaries(w)
	beside.Name = CanaryWebhookName
	for n := range beside.Webhooks {
		beside.Webhooks[n].Name = CanaryWebhookName
	}
	return beside
}
