package kube

import (
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
)

// ContainerTrouble returns why a container does not come up, in the kubelet's words without the container's
// name, or nothing when it runs or is only on its way. pull says that it is about pulling its image.
func ContainerTrouble(s *corev1.ContainerStatus) (why string, pull bool) {
	if w := s.State.Waiting; w != nil && !ordinary[w.Reason] {
		pull = strings.Contains(w.Reason, "Image")
		// A back-off tells of the failure before it; in between the two it is one and the same trouble.
		if _, before, found := strings.Cut(w.Message, "ErrImagePull: "); found {
			return "ErrImagePull: " + lastLine(before), true
		}
		return join(w.Reason, lastLine(w.Message)), pull
	}
	if t := s.State.Terminated; t != nil && t.ExitCode != 0 {
		return fmt.Sprintf("it ended with exit code %d (%s)", t.ExitCode, t.Reason), false
	}
	return "", false
}
