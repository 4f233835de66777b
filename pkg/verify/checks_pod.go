package verify

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
)

var podChecks = []Check{
	{ID: "FC701", Title: "every pod that is younger than the webhook and in scope has the sensor", Severity: Error,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgeMissed},
	{ID: "FC702", Title: "no pod in scope is older than the webhook", Severity: Warning,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgeStale},
	{ID: "FC703", Title: "the sensor is ready in every pod that has it", Severity: Error,
		Needs: []string{listPods}, Judge: judgeReady},
	{ID: "FC704", Title: "the sensor's init container comes through in every pod", Severity: Error,
		Needs: []string{listPods}, Judge: judgeInit},
	{ID: "FC705", Title: "every pod has the sensor image that is configured", Severity: Warning,
		Needs: []string{listPods, listDeployments, listConfigMaps}, Judge: judgeDrifted},
	{ID: "FC706", Title: "no pod has two sensors", Severity: Error,
		Needs: []string{listPods}, Judge: judgeTwoSensors},
	{ID: "FC707", Title: "which pods have opted out", Severity: Info,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgePodsOptedOut},
	{ID: "FC708", Title: "no pod in scope shares its node's network or processes, or is privileged", Severity: Warning,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgeTraits},
	{ID: "FC709", Title: "no workload's pods are refused now because of the injector", Severity: Error,
		Needs: append([]string{listWebhooks, listDeployments, listEvents}, getOwners...), Judge: judgeBlocked},
	{ID: "FC710", Title: "no Job is held open by the sensor", Severity: Warning,
		Needs: []string{listPods}, Judge: judgeHeldOpen},
	{ID: "FC711", Title: "which static pods no webhook can reach", Severity: Info,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgeStatic},
	{ID: "FC712", Title: "no pod for Windows is in scope", Severity: Warning,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgeWindows},
	{ID: "FC713", Title: "no namespace alone fails to pull the sensor image", Severity: Error,
		Needs: []string{listPods}, Judge: judgePullsHere},
	{ID: "FC714", Title: "every pod for Fargate in scope has a profile", Severity: Error,
		Needs: []string{listPods, listNamespaces, listWebhooks}, Judge: judgeProfiles},
}

// fault is which check reports that a pod's sensor does not come up.
type fault int

// The faults, in the order in which one comes before another: each pod is reported by one check alone, by
// the one nearest to the cause.
const (
	noFault fault = iota
	// windowsFault pods are for Windows (FC712).
	windowsFault
	// secretFault pods lack the pull secret in their namespace (FC507).
	secretFault
	// ecrFault pods are refused by ECR or do not reach it, which is known if AWS was asked (FC905).
	ecrFault
	// pullFault pods cannot pull what pods of other namespaces have pulled (FC713).
	pullFault
	// initFault pods hang in the sensor's init container, and not in pulling it (FC704).
	initFault
	// readyFault pods have another reason, such as an image that is nowhere (FC703).
	readyFault
)

// faultOf decides with what pulledIn returns.
func (v *View) faultOf(p *Pod, j *Judged, pulled map[string][]string) fault {
	switch {
	case j.Verdict != NotReady:
		return noFault
	case p.Traits.Windows && v.ScopeOf(p.Namespace).Covered:
		return windowsFault
	case p.Sidecar.PullTrouble && v.lacksPullSecret(p.Namespace):
		return secretFault
	case v.ecrTrouble(p) != noObstacle:
		return ecrFault
	case p.Sidecar.PullTrouble && slices.ContainsFunc(pulled[p.Sidecar.Image], func(ns string) bool { return ns != p.Namespace }):
		return pullFault
	case p.Sidecar.InitTrouble != "" && !p.Sidecar.PullTrouble:
		return initFault
	}
	return readyFault
}

// pulledIn returns for each sensor image two of the namespaces whose pods have pulled it: enough to tell
// whether any but a certain one has.
func (v *View) pulledIn() map[string][]string {
	in := map[string][]string{}
	for n := range v.Pods {
		p := &v.Pods[n]
		if s := p.Sidecar; s != nil && (s.Ready || s.ImageID != "") && len(in[s.Image]) < 2 && !slices.Contains(in[s.Image], p.Namespace) {
			in[s.Image] = append(in[s.Image], p.Namespace)
		}
	}
	return in
}

// troubled makes findings of the pods with one fault.
func (v *View) troubled(f fault, why, hint, command string) []Finding {
	pulled := v.pulledIn()
	return v.perWorkload(func(p *Pod, j *Judged) *remark {
		if v.faultOf(p, j, pulled) != f {
			return nil
		}
		r := &remark{why: why, cause: j.Cause, hint: hint}
		if why == "" {
			r.why = j.Why
		}
		r.command = strings.NewReplacer("NAMESPACE", p.Namespace, "POD", p.Name, "SENSOR", p.Sidecar.Name).Replace(command)
		return r
	})
}

func judgeReady(v *View) Outcome {
	return found(v.troubled(readyFault, "", "read what the kubelet says; FC505 (--deep) looks for the image at its registry",
		"kubectl describe pod -n NAMESPACE POD")...)
}

func judgeInit(v *View) Outcome {
	return found(v.troubled(initFault, "", "read the init container's log",
		"kubectl logs -n NAMESPACE POD -c crowdstrike-falcon-init-container")...)
}

func judgePullsHere(v *View) Outcome {
	return found(v.troubled(pullFault, "the sensor image cannot be pulled here, and pods of other namespaces have it",
		"compare the pull secret and the service account of this namespace with those of others", "kubectl describe pod -n NAMESPACE POD")...)
}

func judgeMissed(v *View) Outcome {
	unsure := ""
	all := v.perWorkload(func(p *Pod, j *Judged) *remark {
		if j.Verdict != Missed || v.answersWebhook(p) {
			return nil
		}
		by := v.ScopeOf(p.Namespace).By
		switch {
		case match.Webhook(by.MutatingWebhook, v.Spaces[p.Namespace].Labels, p.Labels).Answer == match.Unknown:
			unsure = "whether the webhook is called for these pods: it has match conditions, which only the API server can evaluate"
		case by.Injector.Config == nil && p.Mark == "":
			unsure = "whether pods must ask for the sensor: the injector's configuration was not seen"
		}
		hint, command := p.Workload.restart(p.Namespace, p.Name)
		return &remark{why: j.Why, hint: "once FC606 passes, " + hint, command: command}
	})
	if len(all) > 0 && unsure != "" {
		return Outcome{verdict: Undecided, reason: "it is not known " + unsure, findings: all}
	}
	return found(all...)
}

// restartable makes findings, to be mended by a restart, of the pods with a verdict.
func (v *View) restartable(verdict PodVerdict) []Finding {
	return v.perWorkload(func(p *Pod, j *Judged) *remark {
		if j.Verdict != verdict || v.answersWebhook(p) {
			return nil
		}
		hint, command := p.Workload.restart(p.Namespace, p.Name)
		return &remark{why: j.Why, cause: j.Cause, hint: hint, command: command}
	})
}

// answersWebhook says that a pod is an injector itself. Where its own webhook covers it that is FC304, and
// a restart would be the worst that one could do.
func (v *View) answersWebhook(p *Pod) bool {
	return slices.ContainsFunc(v.Injectors, func(i Injector) bool {
		return i.Namespace == p.Namespace && slices.ContainsFunc(i.Pods, func(own corev1.Pod) bool { return own.Name == p.Name })
	})
}

func judgeStale(v *View) Outcome   { return found(v.restartable(Stale)...) }
func judgeDrifted(v *View) Outcome { return found(v.restartable(Drifted)...) }

func judgeTwoSensors(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, _ *Judged) *remark {
		if p.Second == "" || p.Sidecar == nil {
			return nil
		}
		_, command := p.Workload.restart(p.Namespace, p.Name)
		return &remark{why: fmt.Sprintf("it has the containers %s and %s", p.Sidecar.Name, p.Second),
			hint: "see FC302: leave one injector, then restart the workload", command: command}
	})...)
}

func judgePodsOptedOut(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, j *Judged) *remark {
		// Of a namespace that opts out FC602 speaks.
		if j.Verdict != OptedOut || !v.ScopeOf(p.Namespace).Covered {
			return nil
		}
		return &remark{why: j.Why}
	})...)
}

func judgeTraits(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, j *Judged) *remark {
		var is []string
		for _, trait := range []struct {
			has  bool
			says string
		}{{p.Traits.HostNetwork, "shares the node's network"}, {p.Traits.HostPID, "sees the node's processes"}, {p.Traits.Privileged, "is privileged"}} {
			if trait.has {
				is = append(is, trait.says)
			}
		}
		switch {
		case len(is) == 0 || p.Traits.Static || p.Traits.Windows:
			return nil
		case p.Sidecar != nil:
			return &remark{why: "it has the sensor and " + strings.Join(is, " and ") + ", so it reaches beyond the pod that its sensor is in",
				hint: "protect its node with the vendor's sensor for nodes, or give the pod less"}
		case j.Verdict == Impossible && v.ScopeOf(p.Namespace).Covered:
			return &remark{why: "it has no sensor, and " + strings.Join(is, " and "),
				hint: "protect its node with the vendor's sensor for nodes, or opt it out"}
		}
		return nil
	})...)
}

func judgeHeldOpen(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, _ *Judged) *remark {
		if !p.Traits.HeldOpen {
			return nil
		}
		r := &remark{why: "its own containers have ended, and the sensor keeps its pod running",
			hint: fmt.Sprintf("opt its pods out with the annotation %s=disabled in their template, and delete the Job", InjectionKey)}
		// Without its pod alone a Job would begin anew.
		if p.Workload.Kind == "Job" {
			r.command = fmt.Sprintf("kubectl delete job -n %s %s", p.Namespace, p.Workload.Name)
		}
		return r
	})...)
}

func judgeStatic(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, j *Judged) *remark {
		if j.Verdict != Impossible || !p.Traits.Static || !v.ScopeOf(p.Namespace).Covered {
			return nil
		}
		return &remark{why: j.Why}
	})...)
}

func judgeWindows(v *View) Outcome {
	var o Outcome
	o.findings = v.perWorkload(func(p *Pod, j *Judged) *remark {
		if !p.Traits.Windows || !v.ScopeOf(p.Namespace).Covered || v.optsOut(p) {
			return nil
		}
		r := &remark{why: "it is for Windows, for which there is no container sensor",
			hint: fmt.Sprintf("opt its pods out with the annotation %s=disabled in their template", InjectionKey)}
		if p.Sidecar != nil {
			r.why, r.cause = "it is for Windows and was given the sensor, which is for Linux", j.Cause
		}
		if j.Verdict == NotReady {
			o.verdict = Fail
		}
		return r
	})
	return o
}

func judgeProfiles(v *View) Outcome {
	return found(v.perWorkload(func(p *Pod, j *Judged) *remark {
		if j.Verdict != NoProfile {
			return nil
		}
		return &remark{why: j.Why, cause: j.Cause, hint: "make a Fargate profile that selects the namespace " + p.Namespace}
	})...)
}
