package verify

import (
	"fmt"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// installCommand makes whatever is missing of this tool's injector.
const installCommand = "kubectl falcon install --cid CID --image IMAGE"

// tally gathers what a check finds at several injectors.
type tally struct {
	looked   int
	findings []Finding
	// cause is the check that says better what was seen at one of them.
	cause string
}

func (t *tally) add(findings ...Finding) { t.findings = append(t.findings, findings...) }

// outcome is the findings, or else who says more, or else that nothing was found; lacking is why there was
// nothing to look at.
func (t *tally) outcome(lacking string) Outcome {
	switch {
	case len(t.findings) > 0:
		return found(t.findings...)
	case t.cause != "":
		return leftTo(t.cause)
	case t.looked == 0:
		return skipped("%s", lacking)
	}
	return passed()
}

// noDeployment is why nothing is said of an injector's pods.
const noDeployment = "there is no Deployment of an injector to look at"

// deployed judges each injector that has a Deployment.
func (v *View) deployed(judge func(i *Injector, t *tally)) Outcome {
	t := &tally{}
	for n := range v.Injectors {
		if i := &v.Injectors[n]; i.Deployment != nil && !v.sharesDeployment(n) {
			t.looked++
			judge(i, t)
		}
	}
	return t.outcome(noDeployment)
}

// sharesDeployment says whether an injector before this one has the same Deployment: two webhooks may call
// one Service.
func (v *View) sharesDeployment(n int) bool {
	return slices.ContainsFunc(v.Injectors[:n], func(before Injector) bool {
		return before.Deployment != nil && before.Namespace == v.Injectors[n].Namespace &&
			before.Deployment.Name == v.Injectors[n].Deployment.Name
	})
}

// orphaned says whether an injector's webhook calls a Service that is not there.
func (v *View) orphaned(i *Injector) bool {
	if i.Webhook == "" || i.Reference.Namespace == "" {
		return false
	}
	// Without the right to list namespaces none was seen.
	gone := len(v.Spaces) > 0 && v.Spaces[i.Reference.Namespace] == nil
	return i.Reference.Missing || gone
}

// orphanCheck is the check that tells of an orphaned injector.
func (v *View) orphanCheck(i *Injector) string {
	for n := range v.Hooks {
		if h := &v.Hooks[n]; h.Injector == i && refuses(h.MutatingWebhook) {
			return "FC313"
		}
	}
	return "FC307"
}

// podHooks are the entries that the API server sends new pods to, without the one that an installation
// has beside its own for a moment.
func (v *View) podHooks() (hooks []*Hook) {
	for n := range v.Hooks {
		h := &v.Hooks[n]
		if forPods(h.MutatingWebhook) && h.Configuration.Name != manifest.CanaryWebhookName {
			hooks = append(hooks, h)
		}
	}
	return hooks
}

// forPods says whether a webhook's rules are for new pods, wherever they are.
func forPods(h *admissionv1.MutatingWebhook) bool {
	return match.Namespace(&admissionv1.MutatingWebhook{Rules: h.Rules}, nil).Answer == match.Yes
}

// object names the webhook configuration of an entry.
func (h *Hook) object() string { return webhookObject(h.Configuration.Name) }

func webhookObject(name string) string { return "mutatingwebhookconfiguration/" + name }

// object names an injector by its Deployment, or by what there is of it.
func (i *Injector) object() string {
	switch {
	case i.Deployment != nil:
		return i.Namespace + "/deployment/" + i.Deployment.Name
	case i.Webhook != "":
		return webhookObject(i.Webhook)
	}
	return "namespace/" + i.Namespace
}

func (i *Injector) service() string { return i.Reference.Namespace + "/service/" + i.Reference.Name }

// by says who made an injector, such as "Helm, release falcon".
func (i *Injector) by() string {
	if i.Detail == "" {
		return string(i.Tool)
	}
	return string(i.Tool) + ", " + i.Detail
}

// replicas is how many pods the injector should have.
func (i *Injector) replicas() int32 {
	if i.Deployment.Spec.Replicas == nil {
		return 1
	}
	return *i.Deployment.Spec.Replicas
}

// serves says whether a pod of the injector answers now, as far as its Deployment knows.
func (i *Injector) serves() bool {
	return i.Deployment == nil || i.Deployment.Status.AvailableReplicas > 0
}

// server is the container that answers the webhook's requests.
func server(spec *corev1.PodSpec) *corev1.Container { return owner.Server(spec) }

// remedy says how a field of an injector is set right with the tool that would else set it back. flags
// are those of this tool's install; chart is how the chart is told, empty where it cannot be; operator is
// the field of a FalconContainer, likewise.
func (i *Injector) remedy(flags, chart, operator string) (hint, command string) {
	command = strings.TrimSpace(installCommand + " " + flags)
	switch i.Tool {
	case owner.Ours:
		return "set it right with the next install", command
	case owner.Guide, owner.Kubectl:
		return "take the injector over, or change it with kubectl", strings.TrimSpace(installCommand + " --adopt " + flags)
	case owner.Helm:
		if chart == "" {
			return "change it with kubectl after each helm upgrade: the vendor's chart has no value for it", ""
		}
		return "set " + chart + " in the chart's values, and run helm upgrade", ""
	case owner.Operator:
		if operator == "" {
			return "ask the vendor for it: a FalconContainer has no field for it, and the operator may set back what is changed by hand", ""
		}
		return "set " + operator + " in the FalconContainer", ""
	case owner.ArgoCD, owner.Flux:
		return "change it in the git repository that " + string(i.Tool) + " installs it from", ""
	}
	return "change it with what made the injector", ""
}

// with gives a finding its own way out.
func (f Finding) with(hint, command string) Finding {
	f.Hint, f.Command = hint, command
	return f
}

// fewOf names the first of a list and how many there are besides.
func fewOf(names []string) string {
	const shown = 3
	if len(names) <= shown {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:shown], ", "), len(names)-shown)
}

// counted puts a number before a word that may need an s.
func counted[N int | int32](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// stamp writes a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }
