// Package sidecar recognises the Falcon sensor in a pod.
//
// Injectors put it first or last and name it differently by version, so it is found by name or by image,
// never by position.
package sidecar

import (
	"slices"

	corev1 "k8s.io/api/core/v1"
)

// Names are what the vendor's injectors have called the sidecar, the current one first.
var Names = []string{"crowdstrike-falcon-container", "falcon-container"}

// InitContainer is the name of the container that brings the sensor's files into a pod.
const InitContainer = "crowdstrike-falcon-init-container"

// Known says whether a container has one of the names that injectors give the sensor.
func Known(container string) bool { return slices.Contains(Names, container) }

// In returns the name of the sensor's container in the pod. image is the injector's sensor image, which
// identifies a sidecar with an unknown name; it may be empty. A container alone in its pod is beside
// nothing: with the sensor image it is the injector itself.
func In(spec *corev1.PodSpec, image string) (name string, found bool) {
	for _, known := range Names {
		for i := range spec.Containers {
			if spec.Containers[i].Name == known {
				return known, true
			}
		}
	}
	for i := range spec.Containers {
		if image != "" && spec.Containers[i].Image == image && len(spec.Containers) > 1 {
			return spec.Containers[i].Name, true
		}
	}
	return "", false
}

// Ready says whether the named container of the pod is ready.
func Ready(pod *corev1.Pod, container string) bool {
	for i := range pod.Status.ContainerStatuses {
		if s := &pod.Status.ContainerStatuses[i]; s.Name == container {
			return s.Ready
		}
	}
	return false
}
