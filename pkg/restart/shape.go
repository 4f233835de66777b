package restart

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
)

// shape is what counts of a workload, whatever its kind.
type shape struct {
	selector *metav1.LabelSelector
	// want is how many pods it should have, down how many a restart takes away before their successors are
	// ready.
	want, down int
	// state puts its rollout in words; done means all of it in its newest form and available, rolling that
	// its newest form is still coming.
	state         string
	done, rolling bool
	// held is the reason for which its controller would not follow a change, or could not; text says it.
	held, text string
}

// shapeOf returns the shape of a Deployment, a StatefulSet or a DaemonSet.
func shapeOf(o runtime.Object) shape {
	switch o := o.(type) {
	case *appsv1.Deployment:
		return ofDeployment(o)
	case *appsv1.StatefulSet:
		return ofStatefulSet(o)
	case *appsv1.DaemonSet:
		return ofDaemonSet(o)
	}
	return shape{held: Unknown, text: "how this kind is restarted is not known here"}
}

// unseen is the state of a change that the controller has not come to.
const unseen = "not looked at yet"

func ofDeployment(d *appsv1.Deployment) shape {
	s, st := shape{selector: d.Spec.Selector, want: number(d.Spec.Replicas)}, d.Status
	s.down = s.want
	if d.Spec.Strategy.Type != appsv1.RecreateDeploymentStrategyType {
		var most, surge *intstr.IntOrString
		if r := d.Spec.Strategy.RollingUpdate; r != nil {
			most, surge = r.MaxUnavailable, r.MaxSurge
		}
		s.down = scaled(most, "25%", s.want, false)
		// The controller's own rule: with neither, it could not move at all.
		if s.down == 0 && scaled(surge, "25%", s.want, true) == 0 {
			s.down = 1
		}
	}
	s.progress(st.ObservedGeneration < d.Generation, int(st.UpdatedReplicas), int(st.AvailableReplicas), int(st.Replicas-st.UpdatedReplicas))
	switch {
	case d.Spec.Paused:
		s.held, s.text = Paused, fmt.Sprintf("it is paused: kubectl rollout resume deployment/%s -n %s first", d.Name, d.Namespace)
	case !s.done && progressFailed(d):
		s.held, s.text = Stuck, "its last rollout does not come through: mend that first"
	}
	return s
}

// progressFailed says whether the controller has given a rollout up.
func progressFailed(d *appsv1.Deployment) bool {
	for _, c := range d.Status.Conditions {
		if c.Type == appsv1.DeploymentProgressing && c.Status == corev1.ConditionFalse && c.Reason == "ProgressDeadlineExceeded" {
			return d.Status.ObservedGeneration >= d.Generation
		}
	}
	return false
}

func ofStatefulSet(set *appsv1.StatefulSet) shape {
	s, st := shape{selector: set.Spec.Selector, want: number(set.Spec.Replicas), down: 1}, set.Status
	updated := int(st.UpdatedReplicas)
	if st.UpdateRevision == st.CurrentRevision {
		updated = int(st.Replicas)
	}
	s.progress(st.ObservedGeneration < set.Generation, updated, int(st.AvailableReplicas), 0)
	if r := set.Spec.UpdateStrategy.RollingUpdate; r != nil {
		s.down = max(1, scaled(r.MaxUnavailable, "1", s.want, true))
		if r.Partition != nil && *r.Partition > 0 {
			s.held, s.text = Partition, fmt.Sprintf("its partition holds the pods below number %d back: set it to 0 first", *r.Partition)
		}
	}
	if set.Spec.UpdateStrategy.Type == appsv1.OnDeleteStatefulSetStrategyType {
		s.held, s.text = OnDelete, "its strategy is OnDelete: delete its pods yourself, one at a time"
	}
	return s
}

func ofDaemonSet(d *appsv1.DaemonSet) shape {
	st := d.Status
	s := shape{selector: d.Spec.Selector, want: int(st.DesiredNumberScheduled), down: 1}
	s.progress(st.ObservedGeneration < d.Generation, int(st.UpdatedNumberScheduled), int(st.NumberAvailable), 0)
	if r := d.Spec.UpdateStrategy.RollingUpdate; r != nil {
		s.down = scaled(r.MaxUnavailable, "1", s.want, true)
	}
	if d.Spec.UpdateStrategy.Type == appsv1.OnDeleteDaemonSetStrategyType {
		s.held, s.text = OnDelete, "its strategy is OnDelete: delete its pods yourself, one node at a time"
	}
	return s
}

// progress fills in how far a rollout is.
func (s *shape) progress(behind bool, updated, available, old int) {
	switch {
	case behind:
		s.state, s.rolling = unseen, true
	case updated < s.want:
		s.state, s.rolling = fmt.Sprintf("%d of %d pods made anew", updated, s.want), true
	case old > 0:
		s.state, s.rolling = going(old), true
	case available < s.want:
		s.state = fmt.Sprintf("%d of %d pods available", available, s.want)
	default:
		s.state, s.done = "available", true
	}
}

func going(old int) string {
	if old == 1 {
		return "1 old pod is going"
	}
	return fmt.Sprintf("%d old pods are going", old)
}

func number(replicas *int32) int {
	if replicas == nil {
		return 1
	}
	return int(*replicas)
}

// scaled is a number or a percentage of the pods, or of none the default.
func scaled(value *intstr.IntOrString, byDefault string, of int, up bool) int {
	v := intstr.Parse(byDefault)
	if value != nil {
		v = *value
	}
	// The server has validated it.
	n, err := intstr.GetScaledValueFromIntOrPercent(&v, of, up)
	if err != nil {
		return of
	}
	return min(n, of)
}
