package verify

import (
	"slices"
	"strings"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
)

// View is a snapshot with what several checks derive from it, so that each is derived once. It is built
// from the snapshot alone.
type View struct {
	*Snapshot
	// Main is the injector that the cluster relies on: the first with a webhook, else the first. Nil if
	// there is none.
	Main *Injector
	// Hooks are the webhooks of all injectors that pods are sent to, in the order of their configurations.
	Hooks []Hook
	// Spaces are the namespaces by name.
	Spaces map[string]*Namespace
	// Verdicts are those on the pods, in their order.
	Verdicts []Judged

	scopes map[string]NamespaceScope
}

// Hook is one entry of an injector's webhook configuration.
type Hook struct {
	Configuration *admissionv1.MutatingWebhookConfiguration
	*admissionv1.MutatingWebhook
	Injector *Injector
}

// NamespaceScope says whether the API server asks an injector about new pods of a namespace.
type NamespaceScope struct {
	Covered bool
	// Why says what leaves it out; empty where it is covered.
	Why string
	// By is the webhook that covers it.
	By *Hook
	// Marked says that the namespace's own label decided.
	Marked bool
}

// NewView derives a view from a snapshot.
func NewView(s *Snapshot) *View {
	v := &View{Snapshot: s, Spaces: map[string]*Namespace{}, scopes: map[string]NamespaceScope{}}
	for n := range s.Namespaces {
		v.Spaces[s.Namespaces[n].Name] = &s.Namespaces[n]
	}
	for n := range s.Injectors {
		i := &s.Injectors[n]
		if v.Main == nil || v.Main.Webhook == "" && i.Webhook != "" {
			v.Main = i
		}
	}
	for n := range s.Webhooks {
		c := &s.Webhooks[n]
		at := slices.IndexFunc(s.Injectors, func(i Injector) bool { return i.Webhook == c.Name })
		if at < 0 {
			continue
		}
		for m := range c.Webhooks {
			v.Hooks = append(v.Hooks, Hook{c, &c.Webhooks[m], &s.Injectors[at]})
		}
	}
	for n := range s.Namespaces {
		v.scopes[s.Namespaces[n].Name] = v.scopeOf(&s.Namespaces[n])
	}
	v.Verdicts = make([]Judged, 0, len(s.Pods))
	for n := range s.Pods {
		v.Verdicts = append(v.Verdicts, v.judgePod(&s.Pods[n]))
	}
	return v
}

// ScopeOf says whether a namespace is covered. One that was not seen is not.
func (v *View) ScopeOf(namespace string) NamespaceScope {
	if s, seen := v.scopes[namespace]; seen {
		return s
	}
	return NamespaceScope{Why: "the namespace was not seen"}
}

func (v *View) scopeOf(ns *Namespace) NamespaceScope {
	if len(v.Hooks) == 0 {
		return NamespaceScope{Why: "there is no webhook in the cluster"}
	}
	var left NamespaceScope
	for n := range v.Hooks {
		h := &v.Hooks[n]
		d := match.Namespace(h.MutatingWebhook, ns.Labels)
		if d.Answer == match.Yes {
			return NamespaceScope{Covered: true, By: h}
		}
		if left.Why == "" {
			left.Why = d.Why()
			left.Marked = strings.Contains(d.Why(), InjectionKey)
		}
	}
	return left
}

// Asked says whether a namespace is one that the question is about.
func (v *View) inQuestion(namespace string) bool {
	return v.Scope.Namespace == "" || v.Scope.Namespace == namespace
}

// covered returns the names of the namespaces in question that a webhook covers, in order.
func (v *View) covered() (names []string) {
	for n := range v.Namespaces {
		ns := &v.Namespaces[n]
		if v.inQuestion(ns.Name) && !ns.Terminating && v.ScopeOf(ns.Name).Covered {
			names = append(names, ns.Name)
		}
	}
	return names
}

// configuration returns the webhook configuration of an injector, or nil.
func (v *View) configuration(i *Injector) *admissionv1.MutatingWebhookConfiguration {
	if i == nil {
		return nil
	}
	for n := range v.Webhooks {
		if v.Webhooks[n].Name == i.Webhook {
			return &v.Webhooks[n]
		}
	}
	return nil
}

// hook returns the entry of the main injector's webhook that pods are sent by, or nil.
func (v *View) hook() *Hook {
	for n := range v.Hooks {
		if v.Hooks[n].Injector == v.Main {
			return &v.Hooks[n]
		}
	}
	return nil
}

// refuses says whether a webhook refuses pods while nobody answers it. Not said means Fail.
func refuses(h *admissionv1.MutatingWebhook) bool {
	return h.FailurePolicy == nil || *h.FailurePolicy == admissionv1.Fail
}
