package verify

import (
	"maps"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	hookName       = "injector.falcon-system.svc"
	failedCall     = `Internal error occurred: failed calling webhook "` + hookName + `": failed to call webhook: Post "https://injector.falcon-system.svc:443/mutate?timeout=15s": `
	psaRefusal     = `pods "falcon-canary-cbg5k" is forbidden: violates PodSecurity "baseline:latest": non-default capabilities (container "crowdstrike-falcon-container" must not include "SYS_PTRACE" in securityContext.capabilities.add)`
	quotaRefusal   = `pods "falcon-canary-pnnd9" is forbidden: failed quota: q: must specify requests.cpu for: crowdstrike-falcon-container`
	unknownCA      = failedCall + `tls: failed to verify certificate: x509: certificate signed by unknown authority`
	policyRefusal  = `admission webhook "policy.example.com" denied the request: `
	imageRefusal   = `admission webhook "` + hookName + `" denied the request: Failed to get the image config/digest for "registry.example.com/web:1" on "registry.example.com": unauthorized: authentication required`
	noServiceThere = failedCall + `service "injector" not found`
)

// labelled labels a namespace.
func labelled(namespace string, labels map[string]string) func(s *Snapshot) {
	return func(s *Snapshot) {
		for n := range s.Namespaces {
			if ns := &s.Namespaces[n]; ns.Name == namespace {
				ns.Labels = maps.Clone(ns.Labels)
				maps.Copy(ns.Labels, labels)
			}
		}
	}
}

// changedHook changes the webhook.
func changedHook(change func(h *admissionv1.MutatingWebhook)) func(s *Snapshot) {
	return func(s *Snapshot) { change(&s.Webhooks[0].Webhooks[0]) }
}

// both does one after the other.
func both(all ...func(s *Snapshot)) func(s *Snapshot) {
	return func(s *Snapshot) {
		for _, one := range all {
			one(s)
		}
	}
}

// ignoring makes the failure policy Ignore.
func ignoring(s *Snapshot) {
	ignore := admissionv1.Ignore
	s.Webhooks[0].Webhooks[0].FailurePolicy = &ignore
}

// answered changes the answer of one namespace.
func answered(namespace string, change func(c *Canary)) func(s *Snapshot) {
	return func(s *Snapshot) {
		for n := range s.Canaries {
			if c := &s.Canaries[n]; c.Namespace == namespace {
				change(c)
			}
		}
	}
}

// trial changes the trial of the application's image.
func trial(class Class, message string) func(s *Snapshot) {
	return func(s *Snapshot) { s.Images[0].Class, s.Images[0].Message = class, message }
}

// forbidden takes away the right to create pods, everywhere.
func forbidden(s *Snapshot) {
	s.Canaries = nil
	s.Denied = []Denial{{Verb: "create", Resource: "pods"}}
}

// uninstalled takes the injector away, and what is left of its webhook.
func uninstalled(s *Snapshot) { s.Injectors, s.Webhooks = nil, nil }

// quotaOn leaves little of a quota in team-a, where no dry-run pod was sent.
func quotaOn(s *Snapshot) {
	sensorUses(s)
	unasked(s)
	s.Quotas = []Quota{{Namespace: "team-a", Name: "quota",
		Hard: corev1.ResourceList{corev1.ResourceLimitsMemory: resource.MustParse("1Gi"), corev1.ResourcePods: resource.MustParse("5")},
		Used: corev1.ResourceList{corev1.ResourceLimitsMemory: resource.MustParse("900Mi"), corev1.ResourcePods: resource.MustParse("1")}}}
}

var brokenCoverage = map[string]breaks{
	"FC601": {
		"one opted out": labelled("team-a", map[string]string{InjectionKey: "disabled"}),
		"one asked":     func(s *Snapshot) { s.Scope.Namespace = "team-a" },
		"no webhook":    uninstalled,
	},
	"FC602": {
		"opted out": labelled("team-a", map[string]string{InjectionKey: "disabled"}),
		"one of two may": both(labelled("team-a", map[string]string{InjectionKey: "disabled"}),
			labelled("team-b", map[string]string{InjectionKey: "disabled"}),
			func(s *Snapshot) { s.AllowUncovered = []string{"team-b"} }),
		"no webhook": uninstalled,
	},
	"FC603": {
		"namespace": labelled("team-a", map[string]string{InjectionKey: "true"}),
		"namespace, opt-in": both(labelled("team-a", map[string]string{InjectionKey: "true"}), changedHook(func(h *admissionv1.MutatingWebhook) {
			h.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{InjectionKey: "enabled"}}
		})),
		"pods":       func(s *Snapshot) { s.Pods[2].Mark, s.Pods[3].Mark = "false", "false" },
		"no webhook": uninstalled,
	},
	"FC604": {
		"refused":            refused(PodSecurity, psaRefusal, "team-a"),
		"refused everywhere": refused(PodSecurity, psaRefusal),
		"not proved":         both(unasked, labelled("team-a", map[string]string{enforceLabel: "restricted"})),
		"refused, and not proved": both(refused(PodSecurity, psaRefusal, "team-a"), refused(NotPermitted, "no", "team-b"),
			labelled("team-b", map[string]string{enforceLabel: "baseline"})),
		"no webhook": uninstalled,
	},
	"FC605": {
		"warned of": both(labelled("team-a", map[string]string{warnLabel: "baseline"}), answered("team-a", func(c *Canary) {
			c.Warnings = []string{`would violate PodSecurity "baseline:latest": non-default capabilities (container "crowdstrike-falcon-container" ...)`}
		})),
		"audited":           labelled("team-a", map[string]string{auditLabel: "restricted"}),
		"both, not proved":  both(unasked, labelled("team-a", map[string]string{warnLabel: "baseline", auditLabel: "baseline"})),
		"without a webhook": uninstalled,
	},
	"FC606": {
		"everywhere":      refused(UnknownCA, unknownCA),
		"in one":          refused(Denies, imageRefusal, "team-a"),
		"in two, unalike": both(refused(NoService, noServiceThere, "team-a"), refused(Refused, failedCall+"connect: connection refused", "team-b")),
		"patch":           refused(BadPatch, "Internal error occurred: replace operation does not apply: doc is missing path: /spec/nope/0: missing value"),
		"mixed":           answered("team-a", func(c *Canary) { c.Answers = []string{"injected", "timeout", "injected"} }),
		"mixed, refused": both(refused(Refused, failedCall+"connect: connection refused", "team-a"),
			answered("team-a", func(c *Canary) { c.Answers = []string{"connection-refused", "injected", "connection-refused"} })),
		"pod security in one": refused(PodSecurity, psaRefusal, "team-a"),
		"plain in one":        refused(None, "", "team-a"),
		"may not in one":      refused(NotPermitted, `cannot create resource "pods"`, "team-a"),
		"may not":             forbidden,
		"may not, everywhere": refused(NotPermitted, `cannot create resource "pods"`),
		"ending":              refused(Ending, "because it is being terminated"),
		"nobody asked":        func(s *Snapshot) { s.Canaries = nil },
		"out of scope":        func(s *Snapshot) { s.Scope.Namespace = "kube-system" },
		"no webhook":          uninstalled,
	},
	"FC607": {
		"timeout":           refused(TimedOut, failedCall+"context deadline exceeded"),
		"unknown":           refused(Unclassified, "the moon is in the wrong house.", "team-a"),
		"another denies":    refused(OtherWebhook, policyRefusal+"every pod needs an owner", "team-a"),
		"another, for us":   refused(OtherWebhook, policyRefusal+"container crowdstrike-falcon-container adds SYS_PTRACE", "team-a"),
		"another is broken": refused(OtherWebhook, `Internal error occurred: failed calling webhook "policy.example.com": failed to call webhook: connection refused`),
		"may not":           forbidden,
	},
	"FC608": {
		"Ignore":         both(ignoring, refused(None, "")),
		"Fail":           refused(None, "", "team-a"),
		"another object": both(refused(None, ""), changedHook(func(h *admissionv1.MutatingWebhook) { h.ObjectSelector.MatchLabels = map[string]string{"a": "b"} })),
		"conditions": both(refused(None, ""), changedHook(func(h *admissionv1.MutatingWebhook) {
			h.MatchConditions = []admissionv1.MatchCondition{{Name: "c", Expression: "true"}}
		})),
		"may not": forbidden,
	},
	"FC609": {
		"slow": answered("team-a", func(c *Canary) { c.Took = 2500 * time.Millisecond }),
		"for a short timeout": both(changedHook(func(h *admissionv1.MutatingWebhook) { one := int32(1); h.TimeoutSeconds = &one }),
			answered("team-a", func(c *Canary) { c.Took = 600 * time.Millisecond })),
		"may not": forbidden,
	},
	"FC610": {
		"namespace": func(s *Snapshot) { s.Namespaces[5].Annotations = map[string]string{InjectionKey: "disabled"} },
		"pods":      func(s *Snapshot) { s.Pods[2].WrongMark = "disabled" },
	},
	"FC611": {
		"refused":    refused(QuotaFull, quotaRefusal, "team-a"),
		"not proved": quotaOn,
	},
	"FC612": {
		"injected": func(s *Snapshot) {
			s.Canaries = append(s.Canaries, Canary{Namespace: "kube-system", Sidecar: "crowdstrike-falcon-container"})
		},
		"called": func(s *Snapshot) {
			s.Canaries = append(s.Canaries, Canary{Namespace: "kube-public", Class: UnknownCA, Message: unknownCA})
		},
		"may not": forbidden,
	},
	"FC613": {
		"credentials":    trial(Denies, imageRefusal),
		"timeout":        trial(TimedOut, failedCall+"context deadline exceeded"),
		"refused at all": both(refused(UnknownCA, unknownCA), trial(UnknownCA, unknownCA)),
	},
}
