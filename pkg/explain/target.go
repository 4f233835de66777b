package explain

import (
	"context"
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Fetch reads the pods and workloads of the cluster's namespace that are named. One that is not there is
// an error of bad input.
func Fetch(ctx context.Context, c *kube.Cluster, targets []verify.Target) ([]Subject, error) {
	var all []Subject
	for _, t := range targets {
		object, err := c.Maker(ctx, t.Kind, t.Name, c.Namespace)
		if apierrors.IsNotFound(err) {
			return nil, problem.New(problem.BadInput, "kubectl get "+strings.ToLower(t.Kind)+"s -n "+c.Namespace,
				"there is no %s", kube.Called(t.Kind, t.Name, c.Namespace))
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", kube.Called(t.Kind, t.Name, c.Namespace), err)
		}
		s := Subject{Namespace: c.Namespace, Kind: t.Kind, Name: t.Name}
		if pod, ok := object.(*corev1.Pod); ok {
			if err := s.copy(ctx, c, pod); err != nil {
				return nil, err
			}
		} else {
			s.Pod, s.About = kube.PodOf(object), "a pod of its template"
		}
		all = append(all, s)
	}
	return all, nil
}

// copy makes the pod anew that a running one once was.
func (s *Subject) copy(ctx context.Context, c *kube.Cluster, pod *corev1.Pod) error {
	if pod.Annotations[corev1.MirrorPodAnnotationKey] != "" {
		s.About, s.Obstacle = "a static pod", "a static pod: the kubelet runs it from a file, whatever a webhook says"
		return nil
	}
	s.Pod, s.About = kube.Anew(pod), "a copy of it"
	if _, carries := sidecar.In(&pod.Spec, ""); !carries && !traces(&pod.Spec) {
		s.bare = true
		return nil
	}
	s.Notes = append(s.Notes, "the pod carries the sensor now")
	// The injector has rewritten commands too, which only the template still has as they were.
	if by := metav1.GetControllerOf(pod); by != nil {
		object, err := c.Maker(ctx, by.Kind, by.Name, pod.Namespace)
		template := kube.PodOf(object)
		switch {
		case err == nil && template != nil:
			// The labels that a controller sets are the pod's own; an annotation may be the injector's.
			template.Labels = maps.Clone(pod.Labels)
			s.Pod, s.About = template, "a pod of the template of its "+strings.ToLower(by.Kind)+"/"+by.Name
			return nil
		case apierrors.IsUnauthorized(err), ctx.Err() != nil:
			return err
		}
	}
	strip(&s.Pod.Spec)
	s.About = "a copy of it without the sensor"
	s.Notes = append(s.Notes, "it has no template that could be read, so the command is still the one that the injector wrote")
	return nil
}

// volumePrefix begins the names of the volumes that injectors add.
const volumePrefix = "crowdstrike-falcon-"

// traces says whether an injector of whatever sidecar name was here.
func traces(spec *corev1.PodSpec) bool {
	for i := range spec.InitContainers {
		if spec.InitContainers[i].Name == sidecar.InitContainer {
			return true
		}
	}
	return false
}

// strip takes out what injectors add.
func strip(spec *corev1.PodSpec) {
	name, _ := sidecar.In(spec, "")
	spec.Containers = keep(spec.Containers, func(c *corev1.Container) bool { return c.Name != name })
	spec.InitContainers = keep(spec.InitContainers, func(c *corev1.Container) bool { return c.Name != sidecar.InitContainer })
	ours := func(volume string) bool { return strings.HasPrefix(volume, volumePrefix) }
	spec.Volumes = keep(spec.Volumes, func(v *corev1.Volume) bool { return !ours(v.Name) })
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for i := range list {
			list[i].VolumeMounts = keep(list[i].VolumeMounts, func(m *corev1.VolumeMount) bool { return !ours(m.Name) })
		}
	}
}

func keep[T any](list []T, wanted func(*T) bool) (kept []T) {
	for i := range list {
		if wanted(&list[i]) {
			kept = append(kept, list[i])
		}
	}
	return kept
}
