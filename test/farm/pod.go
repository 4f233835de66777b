package farm

import (
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// Sensor is the name of the sensor's container.
const Sensor = "crowdstrike-falcon-container"

// Pod makes a running pod of a Deployment, with a ready sensor.
func Pod(namespace, name, node, deployment string) *corev1.Pod {
	yes := true
	p := &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name, UID: types.UID("uid-" + namespace + "-" + name),
			Labels: map[string]string{"app": deployment, "pod-template-hash": "abc"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "apps/v1", Kind: "ReplicaSet", Name: deployment + "-abc",
				UID: types.UID(deployment), Controller: &yes}}},
		Spec:   corev1.PodSpec{NodeName: node},
		Status: corev1.PodStatus{Phase: corev1.PodRunning}}
	for _, c := range []string{"app", Sensor} {
		container := corev1.Container{Name: c, Image: "registry.example.com/" + c + ":1"}
		// The size of an ordinary pod is part of what is measured.
		for v := range 15 {
			container.Env = append(container.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", v), Value: "the value of an ordinary setting"})
		}
		p.Spec.Containers = append(p.Spec.Containers, container)
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: c, Ready: true,
			Image: container.Image, ContainerID: "containerd://" + c + "-" + name,
			State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: metav1.Now()}}})
	}
	return p
}

// Pods makes n pods of ten to a Deployment in each of 20 namespaces, spread over nodes.
func Pods(n, nodes int) []*corev1.Pod {
	var all []*corev1.Pod
	for i := range n {
		deployment := fmt.Sprintf("web-%d", i/10)
		all = append(all, Pod(fmt.Sprintf("team-%02d", i/10%20), fmt.Sprintf("%s-abc-%05d", deployment, i), fmt.Sprintf("node-%d", i%nodes), deployment))
	}
	return all
}

// ID is an id of a pod's own.
func ID(pod string) string {
	sum := uint64(14695981039346656037)
	for _, b := range []byte(pod) {
		sum = (sum ^ uint64(b)) * 1099511628211
	}
	return fmt.Sprintf("%016x%016x", sum, ^sum)
}
