package kube

import (
	"maps"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
)

// Template returns the pod template of a workload, or nil of an object that has none.
func Template(o runtime.Object) *corev1.PodTemplateSpec {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return &o.Spec.Template
	case *appsv1.ReplicaSet:
		return &o.Spec.Template
	case *appsv1.StatefulSet:
		return &o.Spec.Template
	case *appsv1.DaemonSet:
		return &o.Spec.Template
	case *batchv1.Job:
		return &o.Spec.Template
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template
	case *corev1.ReplicationController:
		return o.Spec.Template
	case *corev1.PodTemplate:
		return &o.Template
	}
	return nil
}

// PodOf returns a pod as a workload's controller would make it, but for what nothing decides by: its name,
// its owner and the controller's own labels. It is nil of an object without a pod template.
func PodOf(o runtime.Object) *corev1.Pod {
	template := Template(o)
	if template == nil {
		return nil
	}
	name := ""
	if named, ok := o.(metav1.Object); ok {
		if name = named.GetName(); name == "" {
			name = strings.TrimRight(named.GetGenerateName(), "-")
		}
	}
	template = template.DeepCopy()
	pod := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: name + "-", Labels: template.Labels, Annotations: template.Annotations},
		Spec:       template.Spec,
	}
	if set, ok := o.(*appsv1.StatefulSet); ok {
		claim(pod, set)
	}
	return pod
}

// claim adds the volumes that a StatefulSet's controller adds: without them the pod is not valid.
func claim(pod *corev1.Pod, set *appsv1.StatefulSet) {
	have := map[string]bool{}
	for i := range set.Spec.VolumeClaimTemplates {
		name := set.Spec.VolumeClaimTemplates[i].Name
		have[name] = true
		pod.Spec.Volumes = append(pod.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
			PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: name + "-" + set.Name + "-0"}}})
	}
	// The controller's claims win over volumes of the same name.
	kept := pod.Spec.Volumes[:0]
	for _, v := range pod.Spec.Volumes {
		if have[v.Name] && v.PersistentVolumeClaim == nil {
			continue
		}
		kept = append(kept, v)
	}
	pod.Spec.Volumes = kept
}

// accountMount is where a pod gets its service account's token.
const accountMount = "/var/run/secrets/kubernetes.io/serviceaccount"

// Anew returns what would have to be created for a pod like this one: without the name, the status and the
// fields that the cluster itself has filled in, some of which it would refuse from anybody else.
func Anew(pod *corev1.Pod) *corev1.Pod {
	pod = pod.DeepCopy()
	generate := pod.GenerateName
	if generate == "" {
		generate = pod.Name + "-"
	}
	annotations := maps.Clone(pod.Annotations)
	delete(annotations, corev1.LastAppliedConfigAnnotation)
	s := &pod.Spec
	s.NodeName, s.EphemeralContainers = "", nil
	// Admission computes these, and refuses what differs from its own answer.
	s.Priority, s.PreemptionPolicy, s.Overhead = nil, nil, nil
	token := map[string]bool{}
	kept := s.Volumes[:0]
	for _, v := range s.Volumes {
		if v.Projected != nil && strings.HasPrefix(v.Name, "kube-api-access-") {
			token[v.Name] = true
			continue
		}
		kept = append(kept, v)
	}
	s.Volumes = kept
	for _, list := range [][]corev1.Container{s.InitContainers, s.Containers} {
		for i := range list {
			list[i].VolumeMounts = without(list[i].VolumeMounts, token)
		}
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: generate, Labels: pod.Labels, Annotations: annotations},
		Spec:       *s,
	}
}

func without(mounts []corev1.VolumeMount, volumes map[string]bool) []corev1.VolumeMount {
	kept := mounts[:0]
	for _, m := range mounts {
		if volumes[m.Name] && m.MountPath == accountMount {
			continue
		}
		kept = append(kept, m)
	}
	return kept
}
