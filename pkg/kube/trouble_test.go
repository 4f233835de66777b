package kube

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func waiting(name, reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

func ended(name string, code int32, reason string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{
		Terminated: &corev1.ContainerStateTerminated{ExitCode: code, Reason: reason}}}
}

func running(name string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: name, State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}
}

func scheduled(status corev1.ConditionStatus, message string) []corev1.PodCondition {
	return []corev1.PodCondition{{Type: corev1.PodScheduled, Status: status, Message: message}}
}

type statuses = []corev1.ContainerStatus

func TestTrouble(t *testing.T) {
	// What a kubelet says of an image that is not there: each line wraps the next.
	const pull = "rpc error: code = NotFound desc = failed to pull and unpack image \"r/x:1\":\n" +
		"failed to resolve reference \"r/x:1\":\nr/x:1: not found\n"
	tests := map[string]struct {
		status corev1.PodStatus
		want   string
	}{
		"just made": {corev1.PodStatus{}, ""},
		"running": {corev1.PodStatus{Phase: corev1.PodRunning, Conditions: scheduled(corev1.ConditionTrue, ""),
			ContainerStatuses: statuses{running("app")}}, ""},
		"on its way": {corev1.PodStatus{ContainerStatuses: statuses{waiting("app", "ContainerCreating", "")}}, ""},
		"waiting for its init containers": {corev1.PodStatus{
			InitContainerStatuses: statuses{running("init")},
			ContainerStatuses:     statuses{waiting("app", "PodInitializing", "")}}, ""},
		"ended well": {corev1.PodStatus{Phase: corev1.PodSucceeded, ContainerStatuses: statuses{ended("app", 0, "Completed")}}, ""},
		"no node": {corev1.PodStatus{Conditions: scheduled(corev1.ConditionFalse, "0/1 nodes are available: 1 Insufficient cpu.")},
			"cannot be scheduled: 0/1 nodes are available: 1 Insufficient cpu."},
		"no node, no reason": {corev1.PodStatus{Conditions: scheduled(corev1.ConditionFalse, "")}, "cannot be scheduled"},
		"image not there, backing off": {corev1.PodStatus{ContainerStatuses: statuses{waiting("sensor", "ImagePullBackOff",
			`Back-off pulling image "r/x:1": ErrImagePull: `+pull)}},
			"container sensor: ErrImagePull: r/x:1: not found"},
		"image not there": {corev1.PodStatus{ContainerStatuses: statuses{running("app"), waiting("sensor", "ErrImagePull", pull)}},
			"container sensor: ErrImagePull: r/x:1: not found"},
		"one line": {corev1.PodStatus{ContainerStatuses: statuses{waiting("app", "ImagePullBackOff", `Back-off pulling image "r/x:1"`)}},
			`container app: ImagePullBackOff: Back-off pulling image "r/x:1"`},
		"no message":  {corev1.PodStatus{ContainerStatuses: statuses{waiting("app", "CreateContainerError", "")}}, "container app: CreateContainerError"},
		"blank lines": {corev1.PodStatus{ContainerStatuses: statuses{waiting("app", "RunContainerError", "\n\n  \n")}}, "container app: RunContainerError"},
		"crashing": {corev1.PodStatus{ContainerStatuses: statuses{waiting("app", "CrashLoopBackOff", "back-off 10s restarting failed container")}},
			"container app: CrashLoopBackOff: back-off 10s restarting failed container"},
		"started again, but not ready": {corev1.PodStatus{ContainerStatuses: statuses{{Name: "app",
			State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}}}}},
			"container app ended with exit code 2 (Error)"},
		"started again, and ready": {corev1.PodStatus{ContainerStatuses: statuses{{Name: "app", Ready: true,
			State:                corev1.ContainerState{Running: &corev1.ContainerStateRunning{}},
			LastTerminationState: corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}}}}}, ""},
		"ended badly": {corev1.PodStatus{ContainerStatuses: statuses{ended("app", 137, "OOMKilled")}},
			"container app ended with exit code 137 (OOMKilled)"},
		// The init container is why the others wait, so it is the one to name.
		"init container failed": {corev1.PodStatus{
			InitContainerStatuses: statuses{ended("sensor-init", 1, "Error")},
			ContainerStatuses:     statuses{waiting("app", "CrashLoopBackOff", "later")}},
			"container sensor-init ended with exit code 1 (Error)"},
		"evicted": {corev1.PodStatus{Phase: corev1.PodFailed, Message: "The node was low on resource: memory."},
			"the pod failed: The node was low on resource: memory."},
		"failed, no message": {corev1.PodStatus{Phase: corev1.PodFailed}, "the pod failed"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Trouble(&corev1.Pod{Status: test.status}); got != test.want {
				t.Errorf("got  %q\nwant %q", got, test.want)
			}
		})
	}
}
