package verify

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

const (
	// settle is how long changes are gathered before the cluster is judged again.
	settle = time.Second
	// again is how often it is judged though no pod has changed: certificates, webhooks, the injector.
	again = 10 * time.Second
)

// Watch takes a snapshot, and another whenever a pod has changed or some time is over, until the context
// ends, and hands each to show. Pods come from an informer that keeps only what a judgement needs of them;
// the rest is asked for anew. An error of show, or of the first snapshot, ends it; later a cluster that
// does not answer is asked again.
func Watch(ctx context.Context, c *kube.Cluster, ask Ask, show func(*Snapshot, error) error) error {
	changed := make(chan struct{}, 1)
	signal := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	informer := podInformer(c, ask.Scope)
	if err := informer.SetTransform(stripped); err != nil {
		return err
	}
	if _, err := informer.AddEventHandler(cache.ResourceEventHandlerFuncs{
		AddFunc: func(any) { signal() }, UpdateFunc: func(_, _ any) { signal() }, DeleteFunc: func(any) { signal() },
	}); err != nil {
		return err
	}
	// Its failures are retried; whether pods may be listed at all is found out by a snapshot without it.
	first, err := Collect(ctx, c, ask)
	if err != nil {
		return err
	}
	if err := show(first, nil); err != nil {
		return err
	}
	if d, denied := first.denied("list pods"); denied {
		return fmt.Errorf("%s, so nothing can be watched", d.Why())
	}
	go informer.RunWithContext(ctx)
	if !cache.WaitForCacheSync(ctx.Done(), informer.HasSynced) {
		return ctx.Err()
	}
	ask.Pods = func(yield func(*corev1.Pod)) error {
		for _, o := range informer.GetStore().List() {
			if pod, ok := o.(*corev1.Pod); ok {
				yield(pod)
			}
		}
		return nil
	}
	return rewatch(ctx, c, ask, changed, show)
}

func rewatch(ctx context.Context, c *kube.Cluster, ask Ask, changed <-chan struct{}, show func(*Snapshot, error) error) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-changed:
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(settle):
			}
			select {
			case <-changed:
			default:
			}
		case <-time.After(again):
		}
		s, err := Collect(ctx, c, ask)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := show(s, err); err != nil {
			return err
		}
	}
}

func podInformer(c *kube.Cluster, scope Scope) cache.SharedIndexInformer {
	pods := c.Client.CoreV1().Pods(scope.Namespace)
	return cache.NewSharedIndexInformerWithOptions(&cache.ListWatch{
		ListWithContextFunc: func(ctx context.Context, o metav1.ListOptions) (runtime.Object, error) {
			o.LabelSelector = scope.Selector
			return pods.List(ctx, o)
		},
		WatchFuncWithContext: func(ctx context.Context, o metav1.ListOptions) (watch.Interface, error) {
			o.LabelSelector = scope.Selector
			return pods.Watch(ctx, o)
		},
	}, &corev1.Pod{}, cache.SharedIndexInformerOptions{})
}

// stripped is a pod with what reduce looks at, and no more.
func stripped(object any) (any, error) {
	pod, ok := object.(*corev1.Pod)
	if !ok {
		return object, nil
	}
	mark, marked := pod.Annotations[InjectionKey]
	mirror, static := pod.Annotations[corev1.MirrorPodAnnotationKey]
	pod.ManagedFields, pod.Annotations = nil, map[string]string{}
	if marked {
		pod.Annotations[InjectionKey] = mark
	}
	if static {
		pod.Annotations[corev1.MirrorPodAnnotationKey] = mirror
	}
	spec := &pod.Spec
	spec.Volumes, spec.Tolerations, spec.Affinity, spec.InitContainers = nil, nil, nil, nil
	for n := range spec.Containers {
		c := &spec.Containers[n]
		spec.Containers[n] = corev1.Container{Name: c.Name, Image: c.Image, Command: c.Command, Ports: c.Ports, SecurityContext: c.SecurityContext}
	}
	return pod, nil
}
