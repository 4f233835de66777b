package verify

import (
	"strings"
	"unique"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// What EKS Fargate puts on pods and nodes.
const (
	fargateProfile   = "eks.amazonaws.com/fargate-profile"
	fargateScheduler = "fargate-scheduler"
	fargateNode      = "fargate-"
	// fargateTaint is in an older scheduler's refusal where all nodes are Fargate's and no profile selects the
	// pod. Newer ones do not name the taint.
	fargateTaint    = "eks.amazonaws.com/compute-type: fargate"
	untoleratedOnly = "node(s) had untolerated taint(s)."
	noNodes         = "no nodes available to schedule pods"
)

// shared returns one copy of a string that many pods have.
func shared(text string) string { return unique.Make(text).Value() }

// reduce keeps what counts of a pod. labels says whether a webhook selects pods by theirs.
func reduce(pod *corev1.Pod, labels bool) Pod {
	p := Pod{
		Namespace: shared(pod.Namespace), Name: strings.Clone(pod.Name), Created: pod.CreationTimestamp.UTC(),
		Phase: shared(string(pod.Status.Phase)), Deleting: pod.DeletionTimestamp != nil,
		Mark: shared(pod.Annotations[InjectionKey]), WrongMark: shared(pod.Labels[InjectionKey]),
		Node: shared(pod.Spec.NodeName), FargateProfile: shared(pod.Labels[fargateProfile]),
		Traits: traitsOf(pod), hash: shared(pod.Labels["pod-template-hash"]),
	}
	if labels {
		p.Labels = pod.Labels
	}
	p.Workload = Workload{Kind: "Pod", Name: p.Name}
	if o := metav1.GetControllerOf(pod); o != nil {
		p.Workload = Workload{Kind: shared(o.Kind), Name: shared(o.Name)}
	}
	if p.Phase == string(corev1.PodPending) || p.Phase == string(corev1.PodFailed) || !ready(pod) {
		p.Trouble = kube.Trouble(pod)
	}
	p.Sidecar, p.Second = sidecarsOf(pod)
	if p.Sidecar == nil && len(pod.Spec.Containers) > 1 {
		p.others = sidecarsByImage(pod)
	}
	if p.Sidecar != nil {
		p.Traits.HeldOpen = heldOpen(pod, p.Sidecar.Name)
	}
	return p
}

func traitsOf(pod *corev1.Pod) Traits {
	spec := &pod.Spec
	t := Traits{HostNetwork: spec.HostNetwork, HostPID: spec.HostPID,
		Windows: spec.OS != nil && spec.OS.Name == corev1.Windows || spec.NodeSelector[corev1.LabelOSStable] == string(corev1.Windows),
		Fargate: pod.Labels[fargateProfile] != "" || spec.SchedulerName == fargateScheduler,
	}
	_, t.Static = pod.Annotations[corev1.MirrorPodAnnotationKey]
	for n := range spec.Containers {
		c := spec.Containers[n].SecurityContext
		t.Privileged = t.Privileged || c != nil && c.Privileged != nil && *c.Privileged
	}
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse && !t.Fargate {
			t.NoProfile = strings.Contains(c.Message, fargateTaint)
			t.homeless = strings.Contains(c.Message, untoleratedOnly) || strings.Contains(c.Message, noNodes)
		}
	}
	return t
}

// sidecarsOf finds the sensor by the names that injectors give it.
func sidecarsOf(pod *corev1.Pod) (first *Sidecar, second string) {
	for n := range pod.Spec.Containers {
		c := &pod.Spec.Containers[n]
		if !sidecar.Known(c.Name) {
			continue
		}
		if first != nil {
			return first, shared(c.Name)
		}
		first = sidecarOf(pod, c)
	}
	return first, ""
}

// sidecarsByImage are all containers of a pod, any of which may be a sensor of an unknown name.
func sidecarsByImage(pod *corev1.Pod) (all []*Sidecar) {
	for n := range pod.Spec.Containers {
		all = append(all, sidecarOf(pod, &pod.Spec.Containers[n]))
	}
	return all
}

func sidecarOf(pod *corev1.Pod, c *corev1.Container) *Sidecar {
	s := &Sidecar{Name: shared(c.Name), Image: shared(c.Image)}
	for n := range pod.Status.ContainerStatuses {
		if status := &pod.Status.ContainerStatuses[n]; status.Name == c.Name {
			s.Ready, s.ImageID = status.Ready, shared(status.ImageID)
			if !s.Ready {
				s.Trouble, s.PullTrouble = kube.ContainerTrouble(status)
			}
		}
	}
	for n := range pod.Status.InitContainerStatuses {
		if status := &pod.Status.InitContainerStatuses[n]; status.Name == sidecar.InitContainer {
			why, pull := kube.ContainerTrouble(status)
			s.InitTrouble, s.PullTrouble = why, s.PullTrouble || pull
		}
	}
	return s
}

// heldOpen says whether nothing but the sensor still runs in a pod of a Job.
func heldOpen(pod *corev1.Pod, sensor string) bool {
	o := metav1.GetControllerOf(pod)
	if o == nil || o.Kind != "Job" || pod.Status.Phase != corev1.PodRunning {
		return false
	}
	for n := range pod.Status.ContainerStatuses {
		s := &pod.Status.ContainerStatuses[n]
		if s.Name != sensor && s.State.Terminated == nil {
			return false
		}
	}
	return len(pod.Status.ContainerStatuses) > 1
}
