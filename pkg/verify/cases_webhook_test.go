package verify

import (
	"maps"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// onHook changes the injector's webhook.
func onHook(change func(h *admissionv1.MutatingWebhook)) func(s *Snapshot) {
	return func(s *Snapshot) { change(&s.Webhooks[0].Webhooks[0]) }
}

func ignoring(h *admissionv1.MutatingWebhook) {
	ignore := admissionv1.Ignore
	h.FailurePolicy = &ignore
}

// byLabelAlone is the scope of the vendor's operator and of the guide's installer: no namespace by name.
func byLabelAlone(h *admissionv1.MutatingWebhook) {
	h.NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
		{Key: InjectionKey, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"disabled"}}}}
}

// other adds a webhook of another product.
func other(name string, policy admissionv1.FailurePolicyType) func(s *Snapshot) {
	return func(s *Snapshot) {
		w := s.Webhooks[0].DeepCopy()
		w.Name, w.Labels = name, nil
		w.Webhooks[0].Name, w.Webhooks[0].FailurePolicy = "inject."+name, &policy
		s.Webhooks = append(s.Webhooks, *w)
	}
}

// twoWebhooks is a second webhook that calls the same Service.
func twoWebhooks(s *Snapshot) {
	w := s.Webhooks[0].DeepCopy()
	w.Name, w.Webhooks[0].Name = "old.falcon-system.svc", "old.falcon-system.svc"
	s.Webhooks = append(s.Webhooks, *w)
	i := s.Injectors[0]
	i.Webhook = w.Name
	s.Injectors = append(s.Injectors, i)
}

var brokenWebhook = func() map[string]breaks {
	all := map[string]breaks{}
	maps.Copy(all, brokenCall)
	maps.Copy(all, brokenScope)
	return all
}()

var brokenCall = map[string]breaks{
	"FC301": {
		"no webhook": func(s *Snapshot) { s.Webhooks, s.Injectors[0].Webhook = nil, "" },
		"no webhook of the operator's": func(s *Snapshot) {
			s.Webhooks, s.Injectors[0].Webhook, s.Injectors[0].Tool = nil, "", owner.Operator
		},
		"not for pods": onHook(func(h *admissionv1.MutatingWebhook) { h.Rules[0].Resources = []string{"deployments"} }),
		"half installed": func(s *Snapshot) {
			s.Webhooks[0] = *manifest.LimitToCanaryNamespace(&s.Webhooks[0])
		},
	},
	"FC302": {"the same Service": twoWebhooks},
	"FC303": {
		"Ignore": onHook(ignoring),
		"broken glass": func(s *Snapshot) {
			ignoring(&s.Webhooks[0].Webhooks[0])
			s.Webhooks[0].Annotations = map[string]string{inject.BrokenGlass: "eve at noon"}
		},
	},
	"FC306": {"30 s": onHook(func(h *admissionv1.MutatingWebhook) { n := int32(30); h.TimeoutSeconds = &n })},
	"FC307": {
		"path":                func(s *Snapshot) { s.Injectors[0].Reference.Path = "/inject" },
		"port":                func(s *Snapshot) { s.Injectors[0].Reference.Port = 8443 },
		"no Service":          serviceGone,
		"no Service, ignored": func(s *Snapshot) { serviceGone(s); ignoring(&s.Webhooks[0].Webhooks[0]) },
		"an address elsewhere": func(s *Snapshot) {
			u := "https://injector.falcon-system.svc/mutate"
			s.Injectors[0].Reference = Reference{URL: u}
			s.Webhooks[0].Webhooks[0].ClientConfig.URL, s.Webhooks[0].Webhooks[0].ClientConfig.Service = &u, nil
		},
	},
	"FC308": {
		"after it": other("zz.example.com", admissionv1.Ignore),
		"before it and after it": func(s *Snapshot) {
			other("0500-aws.example.com", admissionv1.Ignore)(s)
			other("zz.example.com", admissionv1.Ignore)(s)
		},
	},
	"FC310": {"refuses": other("zz.example.com", admissionv1.Fail)},
	"FC311": {
		"some": onHook(func(h *admissionv1.MutatingWebhook) { c := admissionv1.SideEffectClassSome; h.SideEffects = &c }),
	},
	"FC313": {
		"Service gone":   serviceGone,
		"namespace gone": namespaceGone,
		"namespace going": func(s *Snapshot) {
			serviceGone(s)
			s.Namespaces[1].Terminating = true
		},
		"of the chart": func(s *Snapshot) {
			second(s)
			s.Injectors[1].Reference.Missing, s.Injectors[1].Service, s.Injectors[1].Deployment = true, nil, nil
		},
	},
}

// leavingOut has the webhook leave out these namespaces by their names, and no others.
func leavingOut(names ...string) func(s *Snapshot) {
	return onHook(func(h *admissionv1.MutatingWebhook) { h.NamespaceSelector.MatchExpressions[1].Values = names })
}

func both(one, two func(s *Snapshot)) func(s *Snapshot) {
	return func(s *Snapshot) { one(s); two(s) }
}

var conditional = onHook(func(h *admissionv1.MutatingWebhook) {
	h.MatchConditions = []admissionv1.MatchCondition{{Name: "some", Expression: "true"}}
})

var (
	withoutOwn    = leavingOut("kube-system", "kube-public", "kube-node-lease")
	withoutSystem = leavingOut("falcon-system")
)

var brokenScope = map[string]breaks{
	"FC304": {
		"covered":          withoutOwn,
		"covered, ignored": both(withoutOwn, onHook(ignoring)),
		"unknown":          both(withoutOwn, conditional),
		"covered, by the operator": func(s *Snapshot) {
			withoutOwn(s)
			s.Injectors[0].Tool = owner.Operator
		},
	},
	"FC305": {
		"all":          withoutSystem,
		"all, ignored": both(withoutSystem, onHook(ignoring)),
		"unknown":      both(withoutSystem, conditional),
		"leases alone": leavingOut("falcon-system", "kube-system", "kube-public"),
		"all, by the operator": func(s *Snapshot) {
			withoutSystem(s)
			s.Injectors[0].Tool = owner.Operator
		},
	},
	"FC309": {
		"selector": onHook(func(h *admissionv1.MutatingWebhook) {
			h.ObjectSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"falcon": "yes"}}
		}),
		"condition": onHook(func(h *admissionv1.MutatingWebhook) {
			h.MatchConditions = []admissionv1.MatchCondition{{Name: "not-jobs", Expression: "true"}}
		}),
	},
	"FC312": {
		"label": func(s *Snapshot) {
			byLabelAlone(&s.Webhooks[0].Webhooks[0])
			s.Namespaces[1].Labels[InjectionKey] = "disabled"
		},
		"opt-in": onHook(func(h *admissionv1.MutatingWebhook) {
			h.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{InjectionKey: "enabled"}}
		}),
	},
	"FC314": {
		"updates": onHook(func(h *admissionv1.MutatingWebhook) {
			h.Rules[0].Operations = append(h.Rules[0].Operations, admissionv1.Update)
		}),
		"everything": onHook(func(h *admissionv1.MutatingWebhook) {
			h.Rules[0].APIGroups, h.Rules[0].Resources = []string{corev1.NamespaceAll, "apps"}, []string{"*"}
		}),
	},
}
