package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ordinary are the waiting reasons of a container that is on its way.
var ordinary = map[string]bool{"": true, "ContainerCreating": true, "PodInitializing": true}

// Trouble returns why a pod does not come up, in the kubelet's or the scheduler's own words, or nothing
// when it runs or is only on its way.
func Trouble(pod *corev1.Pod) string {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodScheduled && c.Status == corev1.ConditionFalse {
			return join("cannot be scheduled", c.Message)
		}
	}
	all := append(append([]corev1.ContainerStatus{}, pod.Status.InitContainerStatuses...), pod.Status.ContainerStatuses...)
	for _, s := range all {
		if w := s.State.Waiting; w != nil && !ordinary[w.Reason] {
			// A back-off tells of the failure before it; in between the two it is one and the same trouble.
			if _, before, found := strings.Cut(w.Message, "ErrImagePull: "); found {
				return fmt.Sprintf("container %s: ErrImagePull: %s", s.Name, lastLine(before))
			}
			return join(fmt.Sprintf("container %s: %s", s.Name, w.Reason), lastLine(w.Message))
		}
		if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
			return fmt.Sprintf("container %s ended with exit code %d (%s)", s.Name, t.ExitCode, t.Reason)
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return join("the pod failed", pod.Status.Message)
	}
	return ""
}

// lastLine shortens the kubelet's wrapped errors to their innermost part.
func lastLine(message string) string {
	message = strings.TrimSpace(message)
	if i := strings.LastIndexByte(message, '\n'); i >= 0 {
		message = message[i+1:]
	}
	return message
}

func join(what, why string) string {
	if why == "" {
		return what
	}
	return what + ": " + why
}
