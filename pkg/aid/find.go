package aid

import (
	"context"
	"fmt"
	"strings"
	"sync"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Target names a pod, or what makes pods.
type Target struct{ Namespace, Kind, Name string }

// Selection says which pods are meant.
type Selection struct {
	// Namespace is where, for a selection without targets; empty is everywhere.
	Namespace string
	// Selector are labels, as kubectl writes them.
	Selector string
	// Targets are what was named; without any, all pods are meant.
	Targets []Target
	// Container is the one to ask; empty to find the sensor.
	Container string
}

// readsAtOnce bounds how many objects are read at the same time, and fewNames is up to how many pods of one
// namespace are read one by one: a page of the list costs about as much as that.
const (
	readsAtOnce = 16
	fewNames    = 32
)

// Find returns the pods, each once, and a result for each target that is not there.
func Find(ctx context.Context, c *kube.Cluster, s Selection) (pods []Pod, missing []Result, err error) {
	f := &finder{c: c, s: s, seen: map[[2]string]bool{}}
	if len(s.Targets) == 0 {
		err := c.EachPod(ctx, s.Namespace, s.Selector, f.forget, f.take)
		if err != nil {
			return nil, nil, fmt.Errorf("list pods: %w", err)
		}
		return f.pods, nil, nil
	}
	named, makers := map[string][]string{}, []Target{}
	once := map[Target]bool{}
	for _, t := range s.Targets {
		switch {
		case once[t]:
		case t.Kind == "Pod":
			named[t.Namespace] = append(named[t.Namespace], t.Name)
		default:
			makers = append(makers, t)
		}
		once[t] = true
	}
	all, inner := errgroup.WithContext(ctx)
	all.SetLimit(readsAtOnce)
	for namespace, names := range named {
		if len(names) > fewNames {
			all.Go(func() error { return f.pick(inner, namespace, names) })
			continue
		}
		for _, name := range names {
			all.Go(func() error { return f.read(inner, namespace, name) })
		}
	}
	for _, t := range makers {
		all.Go(func() error { return f.madeBy(inner, t) })
	}
	if err := all.Wait(); err != nil {
		return nil, nil, err
	}
	return f.pods, f.missing, nil
}

// finder collects pods. What is found of several targets comes from several goroutines.
type finder struct {
	c *kube.Cluster
	s Selection

	mu      sync.Mutex
	pods    []Pod
	missing []Result
	seen    map[[2]string]bool
}

// take takes a pod unless it was found before.
func (f *finder) take(pod *corev1.Pod) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := [2]string{pod.Namespace, pod.Name}
	if f.seen[key] {
		return
	}
	p := Reduce(pod, f.s.Container)
	f.seen[[2]string{p.Namespace, p.Name}] = true
	f.pods = append(f.pods, p)
}

// forget begins anew.
func (f *finder) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pods, f.seen = nil, map[[2]string]bool{}
}

func (f *finder) lacks(t Target) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r := Result{Namespace: t.Namespace, Pod: t.Name, Reason: NotFound, Message: "is not there"}
	if t.Kind != "Pod" {
		r.Pod = strings.ToLower(t.Kind) + "/" + t.Name
		r.Owner = Owner{Kind: t.Kind, Name: t.Name}
	}
	f.missing = append(f.missing, r)
}

func (f *finder) read(ctx context.Context, namespace, name string) error {
	pod, err := f.c.Client.CoreV1().Pods(namespace).Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		f.lacks(Target{namespace, "Pod", name})
		return nil
	case err != nil:
		return fmt.Errorf("read pod/%s: %w", name, err)
	}
	f.take(pod)
	return nil
}

// pick takes the pods of some names out of the list of their namespace.
func (f *finder) pick(ctx context.Context, namespace string, names []string) error {
	wanted := make(map[string]bool, len(names))
	found := map[string]bool{}
	for _, name := range names {
		wanted[name] = true
	}
	err := f.c.EachPod(ctx, namespace, "", func() {}, func(pod *corev1.Pod) {
		if wanted[pod.Name] {
			found[strings.Clone(pod.Name)] = true
			f.take(pod)
		}
	})
	if err != nil {
		return fmt.Errorf("list pods in namespace %s: %w", namespace, err)
	}
	for _, name := range names {
		if !found[name] {
			f.lacks(Target{namespace, "Pod", name})
		}
	}
	return nil
}

// madeBy takes the pods of a workload: those that its selector finds and that are its own.
func (f *finder) madeBy(ctx context.Context, t Target) error {
	o, err := f.c.Maker(ctx, t.Kind, t.Name, t.Namespace)
	if apierrors.IsNotFound(err) {
		f.lacks(t)
		return nil
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", kube.Called(t.Kind, t.Name, t.Namespace), err)
	}
	own := func(pod *corev1.Pod) bool {
		by := metav1.GetControllerOf(pod)
		return by != nil && (by.Kind == t.Kind && by.Name == t.Name || ownerOf(pod) == Owner{t.Kind, t.Name})
	}
	selector := batchv1.JobNameLabel
	if t.Kind == "CronJob" {
		jobs, err := f.jobsOf(ctx, t)
		if err != nil {
			return err
		}
		own = func(pod *corev1.Pod) bool { return jobs[ownerOf(pod)] }
	} else {
		labels, err := metav1.LabelSelectorAsSelector(kube.PodLabels(o))
		if err != nil {
			return problem.New(problem.Failed, "", "the selector of %s cannot be used: %w", kube.Called(t.Kind, t.Name, t.Namespace), err)
		}
		selector = labels.String()
	}
	err = f.c.EachPod(ctx, t.Namespace, selector, func() {}, func(pod *corev1.Pod) {
		if own(pod) {
			f.take(pod)
		}
	})
	if err != nil {
		return fmt.Errorf("list the pods of %s: %w", kube.Called(t.Kind, t.Name, t.Namespace), err)
	}
	return nil
}

// jobsOf are the Jobs that a CronJob has made.
func (f *finder) jobsOf(ctx context.Context, t Target) (map[Owner]bool, error) {
	list, err := f.c.Metadata.Resource(batchv1.SchemeGroupVersion.WithResource("jobs")).Namespace(t.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list the jobs of %s: %w", kube.Called(t.Kind, t.Name, t.Namespace), err)
	}
	jobs := map[Owner]bool{}
	for n := range list.Items {
		if by := metav1.GetControllerOf(&list.Items[n]); by != nil && by.Kind == t.Kind && by.Name == t.Name {
			jobs[Owner{"Job", list.Items[n].Name}] = true
		}
	}
	return jobs, nil
}
