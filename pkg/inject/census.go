package inject

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// wish is what a pod says about its own injection.
type wish int

const (
	silent wish = iota
	optsIn
	optsOut
	wishes
)

// bare counts pods that have no sidecar of a known name, by what they say.
type bare struct {
	pods  [wishes]int
	ready int
}

// tally counts the running pods of one namespace. The sensor's image is not known while they are counted, so
// of the pods without a sidecar of a known name those with several containers are counted under each of
// their images, too: one of these may be the sensor's.
type tally struct {
	known, ready int
	bare         bare
	byImage      map[string]*bare
}

// census is a tally of each namespace.
type census map[string]*tally

// count sums up the namespaces that the webhook is called for.
func (s *State) count(pods census) {
	for _, ns := range s.Covered {
		t := pods[ns]
		if t == nil {
			continue
		}
		var carry bare
		if found := t.byImage[s.Image]; s.Image != "" && found != nil {
			carry = *found
		}
		out := t.bare.pods[optsOut] - carry.pods[optsOut]
		if s.podsOptIn {
			out += t.bare.pods[silent] - carry.pods[silent]
		}
		all := t.known
		for _, n := range t.bare.pods {
			all += n
		}
		s.Pods += all - out
		s.OptedOut += out
		s.Protected += t.ready + carry.ready
	}
}

// takeCensus counts the running pods of the whole cluster.
func takeCensus(ctx context.Context, c *kube.Cluster) (census, error) {
	all := census{}
	options := metav1.ListOptions{Limit: pageSize, FieldSelector: "status.phase=" + string(corev1.PodRunning)}
	for {
		list, err := c.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list pods: %w", err)
		}
		for i := range list.Items {
			all.add(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return all, nil
		}
	}
}

func (c census) add(pod *corev1.Pod) {
	t := c[pod.Namespace]
	if t == nil {
		t = &tally{byImage: map[string]*bare{}}
		c[pod.Namespace] = t
	}
	if name, ok := sidecar.In(&pod.Spec, ""); ok {
		t.known++
		if sidecar.Ready(pod, name) {
			t.ready++
		}
		return
	}
	says := wishOf(pod)
	t.bare.pods[says]++
	counted := map[string]bool{}
	for i := range pod.Spec.Containers {
		image := pod.Spec.Containers[i].Image
		name, ok := sidecar.In(&pod.Spec, image)
		if !ok || counted[image] {
			continue
		}
		counted[image] = true
		if t.byImage[image] == nil {
			t.byImage[image] = &bare{}
		}
		t.byImage[image].pods[says]++
		if sidecar.Ready(pod, name) {
			t.byImage[image].ready++
		}
	}
}

// wishOf reads a pod's annotation as the injector does; a word that it does not know is none.
func wishOf(pod *corev1.Pod) wish {
	switch pod.Annotations[InjectionKey] {
	case manifest.Enabled:
		return optsIn
	case manifest.Disabled:
		return optsOut
	}
	return silent
}
