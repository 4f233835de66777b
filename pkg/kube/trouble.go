package kube

import (
	"context"
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
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
		ended := s.State.Terminated
		// One that was started again, and is not ready, is in the same trouble still.
		if s.State.Running != nil && !s.Ready {
			ended = s.LastTerminationState.Terminated
		}
		if ended != nil && ended.ExitCode != 0 {
			return fmt.Sprintf("container %s ended with exit code %d (%s)", s.Name, ended.ExitCode, ended.Reason)
		}
	}
	if pod.Status.Phase == corev1.PodFailed {
		return join("the pod failed", pod.Status.Message)
	}
	return ""
}

// settling is how long a pod may take for what every start goes through: a probe before the program listens,
// a volume before its Secret has come.
const settling = 5 * time.Second

// asides are warnings of how a node is set up, which the kubelet repeats for every pod and which keep none from
// starting.
var asides = map[string]bool{"MissingClusterDNS": true, "DNSConfigForming": true, "CheckLimitsForResolvConf": true}

// LastWarning returns the last event that warns of a pod, as reason and message, or nothing. It is for a pod
// whose own status says nothing: one that runs and does not become ready, or waits for a volume. Warnings of
// its first moments are passed over, and so are asides. The error is that of the list.
func (c *Cluster) LastWarning(ctx context.Context, pod *corev1.Pod) (string, error) {
	events, err := c.Client.CoreV1().Events(pod.Namespace).List(ctx, metav1.ListOptions{
		FieldSelector: "type=" + corev1.EventTypeWarning + ",involvedObject.uid=" + string(pod.UID)})
	if err != nil {
		return "", fmt.Errorf("list the events of pod/%s: %w", pod.Name, err)
	}
	last, warning := begun(pod).Add(settling), ""
	for i := range events.Items {
		e := &events.Items[i]
		if at := seen(e); !at.Before(last) && !asides[e.Reason] {
			last, warning = at, join(e.Reason, lastLine(e.Message))
		}
	}
	return warning, nil
}

// begun is when the pod's newest attempt to come up began.
func begun(pod *corev1.Pod) time.Time {
	at := pod.CreationTimestamp.Time
	later := func(t time.Time) {
		if t.After(at) {
			at = t
		}
	}
	if pod.Status.StartTime != nil {
		later(pod.Status.StartTime.Time)
	}
	for _, s := range pod.Status.ContainerStatuses {
		if s.State.Running != nil {
			later(s.State.Running.StartedAt.Time)
		}
	}
	return at
}

// seen is when an event last happened; which of the fields says so depends on who wrote it.
func seen(e *corev1.Event) time.Time {
	switch {
	case e.Series != nil:
		return e.Series.LastObservedTime.Time
	case !e.LastTimestamp.IsZero():
		return e.LastTimestamp.Time
	case !e.EventTime.IsZero():
		return e.EventTime.Time
	}
	return e.CreationTimestamp.Time
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
