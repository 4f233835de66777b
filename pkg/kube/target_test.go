package kube

import (
	"errors"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestParseTarget(t *testing.T) {
	for text, want := range map[string][2]string{
		"pod/web": {"Pod", "web"}, "po/web": {"Pod", "web"}, "deploy/web": {"Deployment", "web"}, "Deployment.apps/web": {"Deployment", "web"},
		"statefulsets.apps/db": {"StatefulSet", "db"}, "ds/log": {"DaemonSet", "log"}, "rs/x": {"ReplicaSet", "x"}, "job.batch/j": {"Job", "j"},
		"cj/n": {"CronJob", "n"}, "web": {}, "pod/": {}, "/web": {}, "pod/a/b": {}, "service/web": {}, "": {},
	} {
		kind, name, err := ParseTarget(text)
		if want[0] == "" {
			if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind() != problem.BadInput || p.Next() == "" {
				t.Errorf("%q: got %v", text, err)
			}
			continue
		}
		if err != nil || kind != want[0] || name != want[1] {
			t.Errorf("%q: got %s, %s, %v", text, kind, name, err)
		}
	}
}

// Making a pod anew must not change the one that was read, and leaves out what the server would refuse.
func TestAnewAndPodOfLeaveTheirSourceAlone(t *testing.T) {
	priority := int32(7)
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "web", UID: "u", ResourceVersion: "9", Annotations: map[string]string{
		corev1.LastAppliedConfigAnnotation: "{}", "a": "b"}, Finalizers: []string{"f"}},
		Spec: corev1.PodSpec{NodeName: "n", Priority: &priority, Overhead: corev1.ResourceList{},
			EphemeralContainers: []corev1.EphemeralContainer{{}}, Containers: []corev1.Container{{Name: "c", VolumeMounts: []corev1.VolumeMount{
				{Name: "kube-api-access-x", MountPath: accountMount}, {Name: "data", MountPath: "/data"}}}},
			Volumes: []corev1.Volume{{Name: "kube-api-access-x", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}, {Name: "data"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	before := pod.DeepCopy()
	got := Anew(pod)
	if got.Name != "" || got.GenerateName != "web-" || got.UID != "" || got.ResourceVersion != "" || len(got.Finalizers) > 0 || got.Status.Phase != "" {
		t.Errorf("its metadata is %+v", got.ObjectMeta)
	}
	s := got.Spec
	if s.NodeName != "" || s.Priority != nil || s.Overhead != nil || s.EphemeralContainers != nil || len(s.Volumes) != 1 || len(s.Containers[0].VolumeMounts) != 1 {
		t.Errorf("its spec is %+v", s)
	}
	if len(got.Annotations) != 1 {
		t.Errorf("its annotations are %v", got.Annotations)
	}
	if len(pod.Spec.Volumes) != len(before.Spec.Volumes) || pod.Spec.Volumes[0].Name != "kube-api-access-x" || len(pod.Spec.Containers[0].VolumeMounts) != 2 ||
		len(pod.Annotations) != 2 {
		t.Errorf("the source has changed: %+v", pod)
	}
	set := &appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "db"}}
	set.Spec.VolumeClaimTemplates = []corev1.PersistentVolumeClaim{{ObjectMeta: metav1.ObjectMeta{Name: "data"}}}
	set.Spec.Template.Spec.Volumes = []corev1.Volume{{Name: "data"}, {Name: "tmp"}}
	made := PodOf(set)
	if len(made.Spec.Volumes) != 2 || made.Spec.Volumes[1].PersistentVolumeClaim == nil || len(set.Spec.Template.Spec.Volumes) != 2 {
		t.Errorf("the set's pod has %+v", made.Spec.Volumes)
	}
	if PodOf(&corev1.ConfigMap{}) != nil {
		t.Error("a ConfigMap makes pods")
	}
}
