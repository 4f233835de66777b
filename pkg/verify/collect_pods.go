package verify

import (
	"context"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// pods reduces page after page, so that no more than one page is held of what may be ten thousand pods.
func (k *collector) pods(ctx context.Context) error {
	byLabels := func() bool {
		for n := range k.s.Webhooks {
			for _, h := range k.s.Webhooks[n].Webhooks {
				if s := h.ObjectSelector; s != nil && len(s.MatchLabels)+len(s.MatchExpressions) > 0 {
					return true
				}
			}
		}
		return false
	}
	waited, keep := false, false
	take := func(pod *corev1.Pod) {
		if !waited {
			// Which labels matter follows from the webhooks, which are long there when the first page is.
			<-k.hooked
			waited, keep = true, byLabels()
		}
		k.take(pod, keep)
	}
	if k.ask.Pods != nil {
		return k.ask.Pods(take)
	}
	lists := 0
	err := k.c.EachPod(ctx, k.ask.Scope.Namespace, k.ask.Scope.Selector, func() {
		if lists++; lists > 1 {
			k.s.Pods, k.suspects, k.trials = []Pod{}, nil, map[string]*ImageTrial{}
			k.s.Relisted = true
		}
	}, take)
	return k.may(err, "list", "pods", k.ask.Scope.Namespace)
}

// take notes one pod.
func (k *collector) take(pod *corev1.Pod, labels bool) {
	if isInjectorSpec(&pod.Spec) {
		suspect := *pod.DeepCopy()
		strip(&suspect)
		withoutEnvironment(&suspect.Spec)
		k.suspects = append(k.suspects, suspect)
	}
	p := reduce(pod, labels)
	if k.ask.Parts.AWS && p.onFargate() {
		p.Labels = pod.Labels
	}
	k.s.Pods = append(k.s.Pods, p)
	if k.ask.Parts.Deep || k.ask.Parts.AWS {
		k.note(pod)
	}
}

// injectorPods gives each injector its pods, of those seen, or asks for them where none were in question.
func (k *collector) injectorPods(ctx context.Context) error {
	for n := range k.s.Injectors {
		i := &k.s.Injectors[n]
		if i.Deployment == nil {
			continue
		}
		selector, err := metav1.LabelSelectorAsSelector(i.Deployment.Spec.Selector)
		if err != nil {
			continue
		}
		for m := range k.suspects {
			if p := &k.suspects[m]; p.Namespace == i.Namespace && selector.Matches(labels.Set(p.Labels)) {
				i.Pods = append(i.Pods, *p)
			}
		}
		scope := k.ask.Scope
		all := scope.Namespace == "" && scope.Selector == "" && k.ask.Pods == nil
		if len(i.Pods) > 0 || all && i.Deployment.Status.Replicas == 0 {
			continue
		}
		list, err := k.c.Client.CoreV1().Pods(i.Namespace).List(ctx, metav1.ListOptions{LabelSelector: selector.String()})
		if err != nil {
			if err = k.may(err, "list", "pods", i.Namespace); err != nil {
				return err
			}
			continue
		}
		for m := range list.Items {
			strip(&list.Items[m])
			withoutEnvironment(&list.Items[m].Spec)
		}
		i.Pods = list.Items
	}
	return nil
}

// resolve completes the pods by what is known at the end: the Deployments behind ReplicaSets and the images
// by which sensors of unknown names are found. Then it leaves those that were asked for.
func (k *collector) resolve() {
	deployments := map[[2]string]bool{}
	for n := range k.deployments {
		deployments[[2]string{k.deployments[n].Namespace, k.deployments[n].Name}] = true
	}
	var images []string
	for n := range k.s.Injectors {
		if c := k.s.Injectors[n].Config; c != nil && c.Image != "" {
			images = append(images, c.Image)
		}
	}
	for n := range k.s.Pods {
		p := &k.s.Pods[n]
		if name, is := strings.CutSuffix(p.Workload.Name, "-"+p.hash); is && p.hash != "" && p.Workload.Kind == "ReplicaSet" &&
			deployments[[2]string{p.Namespace, name}] {
			p.Workload = Workload{Kind: "Deployment", Name: shared(name)}
		}
		for _, other := range p.others {
			if slices.Contains(images, other.Image) {
				p.Sidecar = other
				break
			}
		}
		p.hash, p.others = "", nil
	}
	k.profiles()
	own := func(p Pod) bool { return k.isInjector(&p) }
	k.s.Pods = slices.DeleteFunc(k.s.Pods, func(p Pod) bool { return own(p) || !k.ask.Scope.has(&p) })
}

// profiles finds the pods that no Fargate profile selects: where all nodes that are seen are Fargate's, the
// cluster's own scheduler has none to give.
func (k *collector) profiles() {
	fargate, other := false, false
	see := func(node string) {
		isFargate := strings.HasPrefix(node, fargateNode)
		fargate, other = fargate || isFargate, other || node != "" && !isFargate
	}
	for n := range k.s.Pods {
		see(k.s.Pods[n].Node)
		fargate = fargate || k.s.Pods[n].Traits.Fargate
	}
	for n := range k.s.Injectors {
		for i := range k.s.Injectors[n].Pods {
			see(k.s.Injectors[n].Pods[i].Spec.NodeName)
		}
	}
	for n := range k.s.Pods {
		t := &k.s.Pods[n].Traits
		t.NoProfile = t.NoProfile || t.homeless && fargate && !other
		t.homeless = false
	}
}

// isInjector says whether a pod is an injector's own, which other checks are about.
func (k *collector) isInjector(p *Pod) bool {
	for n := range k.s.Injectors {
		i := &k.s.Injectors[n]
		if i.Namespace == p.Namespace && slices.ContainsFunc(i.Pods, func(one corev1.Pod) bool { return one.Name == p.Name }) {
			return true
		}
	}
	return p.Namespace == manifest.CanaryNamespace
}

// Unseen are the targets that have no pods: those that are not there, or have none now.
func (s *Snapshot) Unseen() (unseen []Target) {
	for _, t := range s.Scope.Targets {
		one := Scope{Targets: []Target{t}}
		if !slices.ContainsFunc(s.Pods, func(p Pod) bool { return one.has(&p) }) {
			unseen = append(unseen, t)
		}
	}
	return unseen
}

// has says whether a pod is among the targets; without targets every pod is.
func (s Scope) has(p *Pod) bool {
	return len(s.Targets) == 0 || slices.ContainsFunc(s.Targets, func(t Target) bool {
		return t.Kind == "Pod" && t.Name == p.Name || t.Kind == p.Workload.Kind && t.Name == p.Workload.Name
	})
}
