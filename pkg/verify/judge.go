package verify

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Verdict is what is so about a pod or a namespace, in one stable word.
type Verdict string

// The verdicts.
const (
	// Injected pods carry the sensor, and it is ready.
	Injected Verdict = "injected"
	// NotReady pods carry the sensor, and it is not ready.
	NotReady Verdict = "not-ready"
	// Missing pods should carry the sensor and do not.
	Missing Verdict = "missing"
	// OptedOut pods do not carry the sensor because somebody said so.
	OptedOut Verdict = "opted-out"
	// OutOfScope pods are in a namespace that the webhook leaves out.
	OutOfScope Verdict = "out-of-scope"
	// Unproved is what cannot be found out with this user's rights.
	Unproved Verdict = "unproved"
	// Done pods have ended, or are being deleted: nothing about them is to be mended.
	Done Verdict = "ended"
)

// Report is the judgement on one namespace. Its JSON form is stable.
type Report struct {
	Namespace string `json:"namespace"`
	// Injection is the verdict on a pod that would be made now: injected, missing, out-of-scope or unproved.
	Injection Verdict `json:"injection"`
	// Reason says why in a sentence, Next what to do about it.
	Reason string      `json:"reason"`
	Next   string      `json:"next,omitempty"`
	Pods   []PodReport `json:"pods"`
}

// PodReport is the judgement on one pod.
type PodReport struct {
	Name    string  `json:"name"`
	Verdict Verdict `json:"verdict"`
	// Sidecar is the sensor's container, if there is one.
	Sidecar string `json:"sidecar,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Next    string `json:"next,omitempty"`
}

// Faults counts what is not as it should be: the namespace's injection, and its pods.
func (r *Report) Faults() (faults int) {
	if r.Injection == Missing {
		faults++
	}
	for _, p := range r.Pods {
		if p.Verdict == Missing || p.Verdict == NotReady {
			faults++
		}
	}
	return faults
}

const install = "kubectl falcon install --cid CID --image IMAGE"

// Judge turns a snapshot into a report.
func Judge(s *Snapshot) *Report {
	r := &Report{Namespace: s.Namespace.Name, Pods: make([]PodReport, 0, len(s.Pods))}
	scope := scopeOf(s)
	r.Injection, r.Reason, r.Next = judgeCanary(s, scope)
	for i := range s.Pods {
		r.Pods = append(r.Pods, judgePod(s, &s.Pods[i], scope))
	}
	return r
}

// scope is whether the webhook is called for pods of the namespace, and if not, why.
type scope struct {
	covered bool
	why     string
}

func scopeOf(s *Snapshot) scope {
	if !s.Injector.Webhook {
		return scope{why: "there is no webhook in the cluster"}
	}
	why := "the webhook's namespace selector leaves it out"
	for i := range s.Injector.Config.Webhooks {
		selector := s.Injector.Config.Webhooks[i].NamespaceSelector
		// The server fills in an empty selector, which selects all; none means the same.
		if selector == nil || selects(selector, s.Namespace.Labels) {
			return scope{covered: true}
		}
		for _, e := range selector.MatchExpressions {
			one := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{e}}
			if !selects(one, s.Namespace.Labels) {
				why = leftOut(e, s.Namespace)
				break
			}
		}
	}
	return scope{why: why}
}

func leftOut(e metav1.LabelSelectorRequirement, ns *corev1.Namespace) string {
	if e.Key == corev1.LabelMetadataName {
		return "the webhook leaves this namespace out by its name"
	}
	value, set := ns.Labels[e.Key]
	if !set {
		return fmt.Sprintf("the namespace lacks the label %s", e.Key)
	}
	return fmt.Sprintf("the namespace is labelled %s=%s", e.Key, value)
}

func selects(selector *metav1.LabelSelector, set map[string]string) bool {
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	return err == nil && parsed.Matches(labels.Set(set))
}

func judgeCanary(s *Snapshot, in scope) (verdict Verdict, reason, next string) {
	switch {
	case s.Canary.Injected():
		return Injected, "a dry-run pod came back with the container " + s.Canary.Sidecar, ""
	case s.Namespace.DeletionTimestamp != nil:
		return Unproved, "the namespace is being deleted", ""
	case s.Canary.Forbidden():
		return Unproved, "you may not create pods here, so no dry-run pod could be sent", ""
	case s.Canary.Refused != nil:
		return Missing, "a dry-run pod was refused: " + s.Canary.Refused.Error(),
			"kubectl falcon status; until it is mended, pods here may not start"
	case !s.Injector.Webhook:
		return Missing, in.why, install
	case !in.covered:
		return OutOfScope, in.why, ""
	}
	return Missing, "a dry-run pod came back without the sensor although the webhook covers it",
		"kubectl logs -n " + inject.Namespace + " deployment/" + inject.Name
}

func judgePod(s *Snapshot, pod *corev1.Pod, in scope) PodReport {
	r := PodReport{Name: pod.Name}
	name, found := sidecar.In(&pod.Spec, s.Injector.Image)
	r.Sidecar = name
	switch {
	case pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed:
		r.Verdict = Done
	case pod.DeletionTimestamp != nil:
		r.Verdict, r.Reason = Done, "it is being deleted"
	case found && sidecar.Ready(pod, name):
		r.Verdict = Injected
	case found:
		r.Verdict, r.Reason = NotReady, kube.Trouble(pod)
		if r.Reason == "" {
			r.Reason = "it is starting"
		}
		r.Next = "kubectl describe pod -n " + pod.Namespace + " " + pod.Name
	case pod.Annotations[inject.InjectionKey] == inject.Disabled:
		r.Verdict, r.Reason = OptedOut, "the pod is annotated "+inject.InjectionKey+"=disabled"
	case !s.Injector.Webhook:
		r.Verdict, r.Reason, r.Next = Missing, in.why, install
	case !in.covered:
		r.Verdict, r.Reason = OutOfScope, in.why
	case pod.CreationTimestamp.Before(&s.Injector.Config.CreationTimestamp):
		r.Verdict, r.Reason = Missing, "the pod is older than the webhook"
		r.Next = "restart what made it: kubectl rollout restart"
	default:
		r.Verdict, r.Reason = Missing, "the pod is younger than the webhook, yet was not injected"
		r.Next = "kubectl logs -n " + inject.Namespace + " deployment/" + inject.Name
	}
	return r
}
