// Package crowd fills a cluster with pods that need no node: they are never scheduled, and their status
// says that they run with a ready sensor. It is for tests and measurements of what reads many pods.
package crowd

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"golang.org/x/sync/errgroup"
)

// atOnce is how many pods are made at the same time: more only wait for each other.
const atOnce = 32

// Namespace is the name of the nth namespace.
func Namespace(n int) string { return fmt.Sprintf("crowd-%03d", n) }

// Fill makes pods spread evenly over namespaces. Each carries a sidecar with the image and has the size of
// an ordinary pod: two containers, 15 environment variables, a volume.
func Fill(ctx context.Context, client kubernetes.Interface, namespaces, pods int, image string) error {
	return More(ctx, client, namespaces, 0, pods, image)
}

// More makes further pods, after the first from that are there, and the namespaces if they are not. Both
// numbers are rounded down to whole workloads of five.
func More(ctx context.Context, client kubernetes.Interface, namespaces, from, pods int, image string) error {
	all, inner := errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for n := range namespaces {
		all.Go(func() error {
			_, err := client.CoreV1().Namespaces().Create(inner, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: Namespace(n)}}, metav1.CreateOptions{})
			if apierrors.IsAlreadyExists(err) {
				return nil
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	all, inner = errgroup.WithContext(ctx)
	all.SetLimit(atOnce)
	for group := from / each; group < (from+pods)/each; group++ {
		all.Go(func() error { return some(inner, client, Namespace(group%namespaces), group, image) })
	}
	return all.Wait()
}

// some makes the pods of one workload. What owns them is a ConfigMap, since a controller would see that its
// pods never start, and make others.
func some(ctx context.Context, client kubernetes.Interface, namespace string, group int, image string) error {
	owner, err := client.CoreV1().ConfigMaps(namespace).Create(ctx,
		&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("web-%d", group)}}, metav1.CreateOptions{})
	if err != nil {
		return err
	}
	for n := range each {
		if err := one(ctx, client, pod(owner, n, image)); err != nil {
			return err
		}
	}
	return nil
}

// one makes one pod and says of it that it runs.
func one(ctx context.Context, client kubernetes.Interface, want *corev1.Pod) error {
	pods, image := client.CoreV1().Pods(want.Namespace), want.Spec.Containers[1].Image
	for {
		pod, err := pods.Create(ctx, want, metav1.CreateOptions{})
		if apierrors.IsForbidden(err) && ctx.Err() == nil {
			// A namespace takes no pods before its service account is there.
			time.Sleep(100 * time.Millisecond)
			continue
		}
		if err != nil {
			return err
		}
		pod.Status = status(image)
		_, err = pods.UpdateStatus(ctx, pod, metav1.UpdateOptions{})
		return err
	}
}

// each is how many pods one workload has.
const each = 5

func pod(owner *corev1.ConfigMap, n int, image string) *corev1.Pod {
	no, yes := false, true
	app := corev1.Container{Name: "app", Image: "registry.example.com/team/web:1.2.3",
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("100m"), corev1.ResourceMemory: resource.MustParse("128Mi")}}}
	for v := range 15 {
		app.Env = append(app.Env, corev1.EnvVar{Name: fmt.Sprintf("SETTING_%d", v), Value: "the value of an ordinary setting"})
	}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Namespace: owner.Namespace, Name: fmt.Sprintf("%s-%d", owner.Name, n),
			Labels:          map[string]string{"app": "web", "app.kubernetes.io/part-of": "crowd"},
			OwnerReferences: []metav1.OwnerReference{{APIVersion: "v1", Kind: "ConfigMap", Name: owner.Name, UID: owner.UID, Controller: &yes}}},
		Spec: corev1.PodSpec{
			// Nobody has this name, so no node ever runs the pod.
			SchedulerName:                "nobody",
			AutomountServiceAccountToken: &no,
			Containers:                   []corev1.Container{app, {Name: "crowdstrike-falcon-container", Image: image}},
			Volumes: []corev1.Volume{{Name: "crowdstrike-falcon-volume",
				VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}},
		},
	}
}

func status(image string) corev1.PodStatus {
	now := metav1.Now()
	s := corev1.PodStatus{Phase: corev1.PodRunning, PodIP: "10.1.2.3", StartTime: &now}
	for _, c := range []corev1.PodConditionType{corev1.PodScheduled, corev1.PodInitialized, corev1.ContainersReady, corev1.PodReady} {
		s.Conditions = append(s.Conditions, corev1.PodCondition{Type: c, Status: corev1.ConditionTrue, LastTransitionTime: now})
	}
	yes := true
	for _, c := range []struct{ name, image string }{{"app", "registry.example.com/team/web:1.2.3"}, {"crowdstrike-falcon-container", image}} {
		s.ContainerStatuses = append(s.ContainerStatuses, corev1.ContainerStatus{Name: c.name, Image: c.image, Ready: true, Started: &yes,
			ImageID: c.image + "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
			State:   corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: now}}})
	}
	return s
}
