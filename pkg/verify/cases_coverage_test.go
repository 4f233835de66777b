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
	quotaAnswer    = `pods "falcon-canary-pnnd9" is forbidden: failed quota: q: must specify requests.cpu for: crowdstrike-falcon-container`
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

// allOf does one after the other.
func allOf(all ...func(s *Snapshot)) func(s *Snapshot) {
	return func(s *Snapshot) {
		for _, one := range all {
			one(s)
		}
	}
}

// policyIgnore makes the failure policy Ignore.
func policyIgnore(s *Snapshot) {
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

// noInjector takes the injector away, and what is left of its webhook.
func noInjector(s *Snapshot) { s.Injectors, s.Webhooks = nil, nil }

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
		"no webhook":    noInjector,
	},
	"FC602": {
		"opted out": labelled("team-a", map[string]string{InjectionKey: "disabled"}),
		"one of two may": allOf(labelled("team-a", map[string]string{InjectionKey: "disabled"}),
			labelled("team-b", map[string]string{InjectionKey: "disabled"}),
			func(s *Snapshot) { s.AllowUncovered = []string{"team-b"} }),
		"no webhook": noInjector,
	},
	"FC603": {
		"namespace": labelled("team-a", map[string]string{InjectionKey: "true"}),
		"namespace, opt-in": allOf(labelled("team-a", map[string]string{InjectionKey: "true"}), changedHook(func(h *admissionv1.MutatingWebhook) {
			h.NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{InjectionKey: "enabled"}}
		})),
		"pods":       func(s *Snapshot) { s.Pods[2].Mark, s.Pods[3].Mark = "false", "false" },
		"no webhook": noInjector,
	},
	"FC604": {
		"refused":            refusing(PodSecurity, psaRefusal, "team-a"),
		"refused everywhere": refusing(PodSecurity, psaRefusal),
		"not proved":         allOf(unasked, labelled("team-a", map[string]string{enforceLabel: "restricted"})),
		"refused, and not proved": allOf(refusing(PodSecurity, psaRefusal, "team-a"), refusing(NotPermitted, "no", "team-b"),
			labelled("team-b", map[string]string{enforceLabel: "baseline"})),
		"no webhook": noInjector,
	},
	"FC605": {
		"warned of": allOf(labelled("team-a", map[string]string{warnLabel: "baseline"}), answered("team-a", func(c *Canary) {
			c.Warnings = []string{`would violate PodSecurity "baseline:latest": non-default capabilities (container "crowdstrike-falcon-container" ...)`}
		})),
		"audited":           labelled("team-a", map[string]string{auditLabel: "restricted"}),
		"both, not proved":  allOf(unasked, labelled("team-a", map[string]string{warnLabel: "baseline", auditLabel: "baseline"})),
		"without a webhook": noInjector,
	},
	"FC606": {
		"everywhere":      refusing(UnknownCA, unknownCA),
		"in one":          refusing(Denies, imageRefusal, "team-a"),
		"in two, unalike": allOf(refusing(NoService, noServiceThere, "team-a"), refusing(Refused, failedCall+"connect: connection refused", "team-b")),
		"patch":           refusing(BadPatch, "Internal error occurred: replace operation does not apply: doc is missing path: /spec/nope/0: missing value"),
		"mixed":           answered("team-a", func(c *Canary) { c.Answers = []string{"injected", "timeout", "injected"} }),
		"mixed, refused": allOf(refusing(Refused, failedCall+"connect: connection refused", "team-a"),
			answered("team-a", func(c *Canary) { c.Answers = []string{"connection-refused", "injected", "connection-refused"} })),
		"pod security in one": refusing(PodSecurity, psaRefusal, "team-a"),
		"plain in one":        refusing(None, "", "team-a"),
		"may not in one":      refusing(NotPermitted, `cannot create resource "pods"`, "team-a"),
		"may not":             forbidden,
		"may not, everywhere": refusing(NotPermitted, `cannot create resource "pods"`),
		"ending":              refusing(Ending, "because it is being terminated"),
		"nobody asked":        func(s *Snapshot) { s.Canaries = nil },
		"out of scope":        func(s *Snapshot) { s.Scope.Namespace = "kube-system" },
		"no webhook":          noInjector,
	},
	"FC607": {
		"timeout":           refusing(TimedOut, failedCall+"context deadline exceeded"),
		"unknown":           refusing(Unclassified, "the moon is in the wrong house.", "team-a"),
		"another denies":    refusing(OtherWebhook, policyRefusal+"every pod needs an owner", "team-a"),
		"another, for us":   refusing(OtherWebhook, policyRefusal+"container crowdstrike-falcon-container adds SYS_PTRACE", "team-a"),
		"another is broken": refusing(OtherWebhook, `Internal error occurred: failed calling webhook "policy.example.com": failed to call webhook: connection refused`),
		"may not":           forbidden,
	},
	"FC608": {
		"Ignore":         allOf(policyIgnore, refusing(None, "")),
		"Fail":           refusing(None, "", "team-a"),
		"another object": allOf(refusing(None, ""), changedHook(func(h *admissionv1.MutatingWebhook) { h.ObjectSelector.MatchLabels = map[string]string{"a": "b"} })),
		"conditions": allOf(refusing(None, ""), changedHook(func(h *admissionv1.MutatingWebhook) {
			h.MatchConditions = []admissionv1.MatchCondition{{Name: "c", Expression: "true"}}
		})),
		"may not": forbidden,
	},
	"FC609": {
		"slow": answered("team-a", func(c *Canary) { c.Took = 2500 * time.Millisecond }),
		"for a short timeout": allOf(changedHook(func(h *admissionv1.MutatingWebhook) { one := int32(1); h.TimeoutSeconds = &one }),
			answered("team-a", func(c *Canary) { c.Took = 600 * time.Millisecond })),
		"may not": forbidden,
	},
	"FC610": {
		"namespace": func(s *Snapshot) { s.Namespaces[5].Annotations = map[string]string{InjectionKey: "disabled"} },
		"pods":      func(s *Snapshot) { s.Pods[2].WrongMark = "disabled" },
	},
	"FC611": {
		"refused":    refusing(QuotaFull, quotaAnswer, "team-a"),
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
		"refused at all": allOf(refusing(UnknownCA, unknownCA), trial(UnknownCA, unknownCA)),
	},
}
