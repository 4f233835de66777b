package verify

import (
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// replicaChecks are about the injector's Deployment and its pods.
var replicaChecks = []Check{{
	ID: "FC206", Title: "all replicas of the injector are available", Severity: Error,
	After: []string{"FC201", "FC205"}, Needs: []string{listDeployments},
	Hint: "look at what keeps its pods from being ready", Judge: judgeReplicas,
}, {
	ID: "FC207", Title: "the injector survives the loss of a node", Severity: Warning,
	After: []string{"FC201", "FC205", "FC206"}, Needs: []string{listDeployments, listPods}, Judge: judgeSpread,
}, {
	ID: "FC208", Title: "a drain cannot stop all injectors at once", Severity: Warning,
	After: []string{"FC201", "FC205", "FC206"}, Needs: []string{listDeployments, listBudgets}, Judge: judgeBudget,
}, {
	ID: "FC209", Title: "every pod of the injector comes up", Severity: Error,
	After: []string{"FC201", "FC205"}, Needs: []string{listDeployments, listPods},
	Hint: "look at the pod's events", Judge: judgeWaiting,
}, {
	ID: "FC210", Title: "the injector is not restarted again and again", Severity: Warning,
	After: []string{"FC201", "FC205", "FC209"}, Needs: []string{listDeployments, listPods}, Judge: judgeRestarts,
}, {
	ID: "FC213", Title: "all injectors run the same image", Severity: Warning,
	After: []string{"FC201", "FC205", "FC206", "FC209"}, Needs: []string{listDeployments, listPods}, Judge: judgeVersions,
}, {
	ID: "FC215", Title: "quotas and limits admit the injector", Severity: Error,
	After: []string{"FC201", "FC205"}, Needs: []string{listDeployments, listQuotas, listLimits}, Judge: judgeInjectorQuota,
}, {
	ID: "FC217", Title: "the injector is not the first to go when a node is full", Severity: Warning,
	After: []string{"FC201", "FC205"}, Needs: []string{listDeployments}, Judge: judgePriority,
}}

// condition returns a condition of a Deployment, or nil.
func condition(d *appsv1.Deployment, kind appsv1.DeploymentConditionType) *appsv1.DeploymentCondition {
	for n := range d.Status.Conditions {
		if d.Status.Conditions[n].Type == kind {
			return &d.Status.Conditions[n]
		}
	}
	return nil
}

// refusal is why the API server takes no new pod of a Deployment, or nothing.
func refusal(d *appsv1.Deployment) string {
	if c := condition(d, appsv1.DeploymentReplicaFailure); c != nil && c.Status == corev1.ConditionTrue {
		return strings.TrimSuffix(c.Message, ".")
	}
	return ""
}

// byQuota says whether a refusal is by a quota or a limit range.
func byQuota(refusal string) bool {
	switch Classify(403, refusal) {
	case QuotaFull, LimitBroken:
		return true
	}
	return false
}

// living are the injector's pods that are not on their way out.
func (i *Injector) living() (pods []*corev1.Pod) {
	for n := range i.Pods {
		if i.Pods[n].DeletionTimestamp == nil {
			pods = append(pods, &i.Pods[n])
		}
	}
	return pods
}

func ready(p *corev1.Pod) bool {
	return slices.ContainsFunc(p.Status.Conditions, func(c corev1.PodCondition) bool {
		return c.Type == corev1.PodReady && c.Status == corev1.ConditionTrue
	})
}

// explained is the check that says why the injector lacks replicas, or nothing if none does.
func (v *View) explained(i *Injector) string {
	refused := refusal(i.Deployment)
	_, noPods := v.denied(listPods)
	_, noSecrets := v.denied(getSecrets)
	switch {
	case byQuota(refused):
		return "FC215"
	case noPods:
		return ""
	case refused != "", slices.ContainsFunc(i.living(), func(p *corev1.Pod) bool { return kube.Trouble(p) != "" }):
		return "FC209"
	case !noSecrets && i.TLS != nil && (i.TLS.Absent || len(i.TLS.Lacks) > 0):
		// The pods wait for the volume, which no status of theirs says.
		return "FC402"
	}
	return ""
}

func judgeReplicas(v *View) Outcome {
	t := &tally{}
	for _, i := range v.standing() {
		t.looked++
		if i.Deployment != nil {
			v.lacking(i, t)
			continue
		}
		// Its name may be one that nobody can guess, as long as somebody answers.
		if _, denied := v.denied(listSlices); !denied && len(addresses(i)) == 0 && !i.Reference.foreign() {
			t.add(finding(i.service(), "no Deployment is known behind it and nothing answers").with("install again with what made it", ""))
		}
	}
	return t.outcome(noDeployment)
}

// lacking tells of replicas that are not there.
func (v *View) lacking(i *Injector, t *tally) {
	d := i.Deployment
	want, s := i.replicas(), d.Status
	describe := fmt.Sprintf("kubectl describe pods -n %s -l %s", i.Namespace, labels.Set(d.Spec.Selector.MatchLabels))
	switch {
	case want == 0:
		t.add(finding(i.object(), "it is scaled to no replicas").
			with("scale it", fmt.Sprintf("kubectl scale deployment %s -n %s --replicas=2", d.Name, i.Namespace)))
	case s.AvailableReplicas >= want && s.ObservedGeneration >= d.Generation && !stuck(d):
	case v.explained(i) != "":
		t.cause = v.explained(i)
	case s.ObservedGeneration < d.Generation:
		t.add(finding(i.object(), "Kubernetes has not looked at its latest change").
			with("if it stays so, look at the cluster's controller manager", ""))
	case s.AvailableReplicas < want:
		what := fmt.Sprintf("%d of %s available", s.AvailableReplicas, counted(want, "replica"))
		var waiting []string
		for _, p := range i.living() {
			if !ready(p) {
				waiting = append(waiting, p.Name)
			}
		}
		if len(waiting) > 0 {
			what += "; not ready: " + fewOf(waiting)
		}
		if refused := refusal(d); refused != "" {
			what += "; " + refused
		}
		t.add(finding(i.object(), "%s", what).with("see why in the pods' events", describe))
	default:
		t.add(finding(i.object(), "its newest form does not come up, the one before serves on").with("see why in the pods' events", describe))
	}
}

// stuck says whether Kubernetes has given up waiting for the newest form.
func stuck(d *appsv1.Deployment) bool {
	c := condition(d, appsv1.DeploymentProgressing)
	return c != nil && c.Status == corev1.ConditionFalse
}

func judgeSpread(v *View) Outcome {
	return v.deployed(func(i *Injector, t *tally) {
		hint, command := i.remedy("--replicas 2", "container.replicas", "injector.replicas")
		if n := i.replicas(); n < 2 {
			t.add(finding(i.object(), "it has %s: while that one is away, nobody answers", counted(n, "replica")).with(hint, command))
			return
		}
		nodes := map[string]bool{}
		pods := i.living()
		for _, p := range pods {
			nodes[p.Spec.NodeName] = true
		}
		if len(pods) > 1 && len(nodes) == 1 {
			t.add(finding(i.object(), "all its pods are on node %s", pods[0].Spec.NodeName).
				with("restart it once there is a second node that can take a pod", "kubectl rollout restart deployment "+i.Deployment.Name+" -n "+i.Namespace))
		}
	})
}

// selects says whether a selector is for the injector's pods.
func (i *Injector) selects(s *metav1.LabelSelector) bool {
	selector, err := metav1.LabelSelectorAsSelector(s)
	return err == nil && selector.Matches(labels.Set(i.Deployment.Spec.Template.Labels))
}

func judgeBudget(v *View) Outcome {
	return v.deployed(func(i *Injector, t *tally) {
		if i.replicas() < 2 {
			// No budget can help a single pod.
			t.cause = "FC207"
			return
		}
		create := fmt.Sprintf("kubectl create poddisruptionbudget %s -n %s --max-unavailable=1 --selector=%s",
			i.Deployment.Name, i.Namespace, labels.Set(i.Deployment.Spec.Selector.MatchLabels))
		there := false
		for n := range i.Budgets {
			b := &i.Budgets[n]
			if !i.selects(b.Spec.Selector) {
				continue
			}
			there = true
			object := b.Namespace + "/poddisruptionbudget/" + b.Name
			switch allowed := b.Status.DisruptionsAllowed; {
			case allowed == 0 && b.Status.ObservedGeneration >= b.Generation:
				t.add(finding(object, "it allows no pod to be moved, so a drain of its node does not end").
					with("let one of them be unavailable: maxUnavailable 1", ""))
			case allowed >= i.Deployment.Status.AvailableReplicas:
				t.add(finding(object, "it allows %s to be stopped at once, and there are %d", counted(allowed, "pod"), i.Deployment.Status.AvailableReplicas).
					with("let only one of them be unavailable: maxUnavailable 1", ""))
			}
		}
		if !there {
			t.add(finding(i.object(), "it has no PodDisruptionBudget").with("make one", create))
		}
	})
}

// remedies are what to do about a reason that contains the words.
var remedies = []struct{ words, hint string }{
	{"ImagePull", "Check that the image is there for the nodes' architecture, and that they may pull it"},
	{"InvalidImageName", "set an image reference that is one"},
	{"violates PodSecurity", "Label the injector's namespace with a level that admits it"},
	{"failed calling webhook", "Leave the injector's namespace out of that webhook, or mend the webhook"},
	{"not supported on Fargate", "Install the injector without what Fargate does not support"},
	{"untolerated taint", "Let the injector tolerate the taint, or make a Fargate profile that selects its namespace"},
	{"unschedulable", "Uncordon a node, or add one"},
	{"Insufficient", "Make room on a node, or add one"},
	{"cannot be scheduled", "Make room, or change where the injector may run"},
	{"CreateContainerConfigError", "Put back the ConfigMap or Secret that the message names"},
	{"CrashLoopBackOff", "Read the last words of the container"},
}

func judgeWaiting(v *View) Outcome {
	return v.deployed(func(i *Injector, t *tally) {
		why := []string{}
		pods := map[string][]*corev1.Pod{}
		for _, p := range i.living() {
			if text := strings.TrimSuffix(kube.Trouble(p), "."); text != "" {
				if pods[text] == nil {
					why = append(why, text)
				}
				pods[text] = append(pods[text], p)
			}
		}
		for _, text := range why {
			first := pods[text][0]
			f := finding(i.Namespace+"/pod/"+first.Name, "%s", text)
			f.Pods = len(pods[text])
			for _, p := range pods[text] {
				f.Examples = append(f.Examples, p.Name)
			}
			command := fmt.Sprintf("kubectl describe pod %s -n %s", first.Name, i.Namespace)
			if strings.Contains(text, "CrashLoopBackOff") || strings.Contains(text, "exit code") {
				command = fmt.Sprintf("kubectl logs %s -n %s -c %s --previous", first.Name, i.Namespace, server(&first.Spec).Name)
			}
			t.add(f.with(advice(text, "Look at the pod's events"), command))
		}
		switch refused := refusal(i.Deployment); {
		case byQuota(refused):
			t.cause = "FC215"
		case refused != "":
			t.add(finding(i.object(), "the API server refuses its pods: %s", refused).
				with(advice(refused, "Mend what the message names"), fmt.Sprintf("kubectl describe replicasets -n %s", i.Namespace)))
		}
	})
}

func advice(why, otherwise string) string {
	for _, r := range remedies {
		if strings.Contains(why, r.words) {
			return r.hint
		}
	}
	return otherwise
}
