package verify

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// injectPath is where every known injector answers.
const injectPath = "/mutate"

func judgeReference(v *View) Outcome {
	t := &tally{}
	for _, h := range v.podHooks() {
		i, r := h.Injector, h.Injector.Reference
		t.looked++
		wrong := func(format string, args ...any) {
			t.add(finding(h.object(), format, args...).with(i.reset("set the webhook's service reference right")))
		}
		switch {
		case v.orphaned(i) && refuses(h.MutatingWebhook):
			t.cause = "FC313"
		case v.orphaned(i):
			t.add(finding(h.object(), "it calls %s, which is not there, so pods start without the sensor", i.missing(v)).
				with("install the injector again, or remove the webhook", "kubectl delete mutatingwebhookconfiguration "+h.Configuration.Name))
		case r.foreign():
			t.looked--
		case r.Path != injectPath:
			wrong("it calls the path %q, and injectors answer at %s", r.Path, injectPath)
		case i.Service != nil && !slices.ContainsFunc(i.Service.Spec.Ports, func(p corev1.ServicePort) bool { return p.Port == r.port() }):
			wrong("it calls port %d of %s, which has no such port", r.port(), i.service())
		}
	}
	return t.outcome("the webhook calls an address that is no Service of the cluster")
}

// missing names what is not there of an orphan's reference.
func (i *Injector) missing(v *View) string {
	if len(v.Spaces) > 0 && v.Spaces[i.Reference.Namespace] == nil {
		return "a Service in namespace " + i.Reference.Namespace
	}
	return i.service()
}

func judgeOrphans(v *View) Outcome {
	var all []Finding
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if !v.orphaned(i) || v.orphanCheck(i) != "FC313" {
			continue
		}
		spaces := 0
		for m := range v.Hooks {
			if h := &v.Hooks[m]; h.Injector == i && refuses(h.MutatingWebhook) {
				spaces, _ = v.reach(h)
				break
			}
		}
		what := fmt.Sprintf("it calls %s, which is not there, and its failure policy is Fail: new pods are refused in %s",
			i.missing(v), counted(spaces, "namespace"))
		if ns := v.Spaces[i.Reference.Namespace]; ns != nil && ns.Terminating {
			what += "; the namespace is being deleted"
		}
		c := v.configuration(i)
		hint := "remove the webhook now; then install the injector again if you want it"
		if c.Name == manifest.WebhookName {
			hint = "let pods start now; then install the injector again, or remove the webhook with kubectl falcon uninstall"
		}
		all = append(all, finding(webhookObject(i.Webhook), "%s", what).with(hint, breakGlass(c)))
	}
	return found(all...)
}
