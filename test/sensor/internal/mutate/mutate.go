package mutate

import (
	"context"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Pod returns the patch for pod in namespace, or none when the pod is to be
// left alone. An error is the reason to deny the pod.
func Pod(ctx context.Context, pod *corev1.Pod, namespace string, s Settings, lookUp LookUp) (Patch, error) {
	if !wanted(pod, s.DefaultDisabled) {
		return nil, nil
	}
	s, err := s.forPod(pod)
	if err != nil {
		return nil, err
	}
	if injected(pod, s.sidecarName()) {
		return nil, nil
	}
	var patch Patch
	for i := range pod.Spec.Containers {
		container := &pod.Spec.Containers[i]
		command, err := wrapped(ctx, container, s, lookUp)
		if err != nil {
			return nil, denial(err, container, namespace, pod.Name)
		}
		patch.set(command, "spec", "containers", index(i), "command")
		mount := corev1.VolumeMount{Name: VolumeName, MountPath: s.Mount, ReadOnly: true}
		patch.push(mount, len(container.VolumeMounts), "spec", "containers", index(i), "volumeMounts")
	}
	// Containers are added last: a sidecar put first moves the others' indexes.
	addContainers(&patch, pod, s)
	addVolumes(&patch, pod, s)
	addPullSecret(&patch, pod, s)
	return patch, nil
}

// wanted follows the pod's annotation, then the injector's default. The
// namespace's label is the API server's business: it never gets here.
func wanted(pod *corev1.Pod, defaultDisabled bool) bool {
	switch pod.Annotations[standin.InjectionKey] {
	case "enabled":
		return true
	case "disabled":
		return false
	default:
		return !defaultDisabled
	}
}

// injected recognises a sidecar by any name it may have, so that a pod is never
// injected twice.
func injected(pod *corev1.Pod, name string) bool {
	for i := range pod.Spec.Containers {
		switch pod.Spec.Containers[i].Name {
		case SidecarName, OldSidecarName, name:
			return true
		}
	}
	return false
}

func addContainers(patch *Patch, pod *corev1.Pod, s Settings) {
	sidecar := sidecar(s, pod.Spec.SchedulerName == fargateScheduler)
	if s.sidecarFirst() {
		patch.set(sidecar, "spec", "containers", index(0))
	} else {
		patch.set(sidecar, "spec", "containers", end)
	}
	patch.unshift(initContainer(s), len(pod.Spec.InitContainers), "spec", "initContainers")
}

func addVolumes(patch *Patch, pod *corev1.Pod, s Settings) {
	have := map[string]bool{}
	for i := range pod.Spec.Volumes {
		have[pod.Spec.Volumes[i].Name] = true
	}
	volumes := []corev1.Volume{emptyDir(VolumeName), emptyDir(PrivateVolumeName)}
	if s.LogVolume != nil {
		volumes = append(volumes, *s.LogVolume)
	}
	count := len(pod.Spec.Volumes)
	for _, volume := range volumes {
		if have[volume.Name] {
			continue
		}
		patch.push(volume, count, "spec", "volumes")
		count++
	}
}

func addPullSecret(patch *Patch, pod *corev1.Pod, s Settings) {
	if s.PullSecret == "" {
		return
	}
	for _, secret := range pod.Spec.ImagePullSecrets {
		if secret.Name == s.PullSecret {
			return
		}
	}
	secret := corev1.LocalObjectReference{Name: s.PullSecret}
	patch.push(secret, len(pod.Spec.ImagePullSecrets), "spec", "imagePullSecrets")
}

func emptyDir(name string) corev1.Volume {
	return corev1.Volume{
		Name:         name,
		VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}},
	}
}
