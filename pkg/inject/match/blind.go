package match

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Blind is Webhook by somebody who may not read the pod's namespace: the namespace selector stays unknown
// unless it selects every namespace.
func Blind(hook *admissionv1.MutatingWebhook, pod map[string]string) Decision {
	d := Webhook(hook, nil, pod)
	if s := hook.NamespaceSelector; s == nil || len(s.MatchLabels) == 0 && len(s.MatchExpressions) == 0 {
		return d
	}
	for n := range d.Steps {
		if d.Steps[n].Rule == namespaceSelector {
			d.Steps[n].Answer = Unknown
			d.Steps[n].Why = "you may not read the namespace's labels; it is " + metav1.FormatLabelSelector(hook.NamespaceSelector)
		}
	}
	return decide(d.Steps...)
}

// ByDefault is Injector where the injector's default could not be read, for the reason why: a pod without
// an annotation that says yes or no is not decided.
func ByDefault(annotations map[string]string, why string) Decision {
	d := Injector(annotations, false)
	last := &d.Steps[len(d.Steps)-1]
	if last.Rule == injectorDefault {
		last.Answer, last.Why = Unknown, why
	}
	return decide(d.Steps...)
}
