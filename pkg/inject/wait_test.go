package inject

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func TestRollout(t *testing.T) {
	two, none := int32(2), int32(0)
	tests := map[string]struct {
		replicas   *int32
		generation int64
		status     appsv1.DeploymentStatus
		want       string
	}{
		"just made": {&two, 1, appsv1.DeploymentStatus{}, "not looked at yet"},
		"an old status": {&two, 2, appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2},
			"not looked at yet"},
		"no pods yet": {&two, 1, appsv1.DeploymentStatus{ObservedGeneration: 1}, "0 of 2 replicas available"},
		"one is available": {&two, 1, appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 1},
			"1 of 2 replicas available"},
		// The old pods still answer, but with the old configuration.
		"the old ones are available": {&two, 2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 1, AvailableReplicas: 2},
			"1 of 2 replicas available"},
		"old ones are going": {&two, 2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 3, UpdatedReplicas: 2, AvailableReplicas: 3},
			"1 old replicas are going"},
		"all of it":       {&two, 2, appsv1.DeploymentStatus{ObservedGeneration: 2, Replicas: 2, UpdatedReplicas: 2, AvailableReplicas: 2}, "available"},
		"one by default":  {nil, 1, appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}, "available"},
		"none by default": {nil, 1, appsv1.DeploymentStatus{ObservedGeneration: 1}, "0 of 1 replicas available"},
		"scaled to none":  {&none, 1, appsv1.DeploymentStatus{ObservedGeneration: 1}, "available"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			d := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: test.generation},
				Spec: appsv1.DeploymentSpec{Replicas: test.replicas}, Status: test.status}
			if got := rollout(d); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
