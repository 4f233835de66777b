package demo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Running is a scenario that is in the cluster.
type Running struct {
	Namespace string `json:"namespace"`
	Scenario  string `json:"scenario"`
	Pod       string `json:"pod"`
	Ready     bool   `json:"ready"`
	// State says in words how it is.
	State   string    `json:"state"`
	Created time.Time `json:"created"`
	// Expires is when it counts as forgotten; zero if that was not written on it.
	Expires time.Time `json:"expires,omitzero"`
	Expired bool      `json:"expired"`
}

// Where says where the demo's objects are looked for.
type Where struct {
	// Namespace is the only one to look in; empty for the whole cluster.
	Namespace string
	// Otherwise are the namespaces to look in by whoever may not see the whole cluster.
	Otherwise []string
}

// List returns the scenarios that are in the cluster. in are the namespaces that were looked in because the
// cluster may not be listed; none if it was.
func List(ctx context.Context, c *kube.Cluster, where Where, now time.Time) (all []Running, in []string, err error) {
	found, in, err := find(ctx, c, where)
	if err != nil {
		return nil, nil, err
	}
	all = []Running{}
	for n := range found {
		d := &found[n]
		one := Running{Namespace: d.Namespace, Scenario: d.Name, Created: d.CreationTimestamp.UTC(), State: "being deleted"}
		one.Expires, _ = time.Parse(time.RFC3339, d.Annotations[expiresKey])
		one.Expired = !one.Expires.IsZero() && now.After(one.Expires)
		if d.DeletionTimestamp == nil {
			seen, err := look(ctx, c, d.Namespace, d.Name)
			switch {
			case ctx.Err() != nil:
				return nil, nil, ctx.Err()
			case err != nil:
				one.State = err.Error()
			case seen.ready:
				one.Ready, one.State = true, fmt.Sprintf("%d/%d running", readyCount(seen.pod), len(seen.pod.Spec.Containers))
			default:
				one.State = seen.state
			}
			if seen.pod != nil {
				one.Pod = seen.pod.Name
			}
		}
		all = append(all, one)
	}
	return all, in, nil
}

// find lists the demo's Deployments.
func find(ctx context.Context, c *kube.Cluster, where Where) (all []appsv1.Deployment, in []string, err error) {
	all, err = deployments(ctx, c, where.Namespace)
	if where.Namespace != "" || !apierrors.IsForbidden(err) {
		return all, nil, err
	}
	for _, ns := range slices.Compact(slices.Sorted(slices.Values(where.Otherwise))) {
		some, denied := deployments(ctx, c, ns)
		if apierrors.IsForbidden(denied) {
			continue
		}
		if denied != nil {
			return nil, nil, denied
		}
		all, in = append(all, some...), append(in, ns)
	}
	if len(in) == 0 {
		return nil, nil, err
	}
	return all, in, nil
}

func deployments(ctx context.Context, c *kube.Cluster, namespace string) ([]appsv1.Deployment, error) {
	list, err := c.Client.AppsV1().Deployments(namespace).List(ctx, metav1.ListOptions{LabelSelector: Selector})
	if err != nil {
		return nil, fmt.Errorf("list the demo's deployments: %w", err)
	}
	return list.Items, nil
}

// Clean removes every object of the demo, also of runs that crashed, and tells of each. What it did not make
// it does not see. in is as List returns it.
func Clean(ctx context.Context, c *kube.Cluster, where Where, tell func(o kube.Object)) (in []string, err error) {
	found, in, err := find(ctx, c, where)
	if err != nil {
		return nil, err
	}
	var things []kube.Object
	looked := map[string]bool{}
	if in == nil {
		looked[where.Namespace] = true
	}
	for n := range found {
		d := &found[n]
		looked[d.Namespace] = true
		things = append(things, &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
			ObjectMeta: metav1.ObjectMeta{Name: d.Name, Namespace: d.Namespace}})
	}
	for _, ns := range in {
		looked[ns] = true
	}
	policies, err := policiesIn(ctx, c, looked)
	if err != nil {
		return nil, err
	}
	namespaces, err := namespacesOf(ctx, c, where.Namespace, in)
	if err != nil {
		return nil, err
	}
	var errs []error
	for _, o := range slices.Concat(things, policies, namespaces) {
		change, err := c.Delete(ctx, o, keepForeign(o))
		switch {
		case ctx.Err() != nil:
			return in, ctx.Err()
		case err != nil:
			errs = append(errs, err)
		case change == kube.Deleted:
			tell(o)
		}
	}
	if len(errs) > 0 {
		return in, errs[0]
	}
	return in, nil
}

// policiesIn lists the demo's NetworkPolicies; with the empty name among the namespaces, those of the cluster.
func policiesIn(ctx context.Context, c *kube.Cluster, namespaces map[string]bool) (all []kube.Object, err error) {
	for ns := range namespaces {
		if ns != "" && namespaces[""] {
			continue
		}
		list, err := c.Client.NetworkingV1().NetworkPolicies(ns).List(ctx, metav1.ListOptions{LabelSelector: Selector})
		if apierrors.IsForbidden(err) || apierrors.IsNotFound(err) {
			// Whoever may not list them, or has none of them in the cluster, has made none.
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list the demo's network policies: %w", err)
		}
		for n := range list.Items {
			all = append(all, &networkingv1.NetworkPolicy{TypeMeta: metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
				ObjectMeta: metav1.ObjectMeta{Name: list.Items[n].Name, Namespace: list.Items[n].Namespace}})
		}
	}
	return all, nil
}

// namespacesOf returns the namespaces that the demo made: all, the one that is asked for, or those that were
// looked in.
func namespacesOf(ctx context.Context, c *kube.Cluster, only string, in []string) (all []kube.Object, err error) {
	add := func(ns *corev1.Namespace) {
		if ours(ns) && ns.DeletionTimestamp == nil {
			all = append(all, &corev1.Namespace{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
				ObjectMeta: metav1.ObjectMeta{Name: ns.Name}})
		}
	}
	if only == "" && in == nil {
		list, err := c.Client.CoreV1().Namespaces().List(ctx, metav1.ListOptions{LabelSelector: Selector})
		if err == nil {
			for n := range list.Items {
				add(&list.Items[n])
			}
			return all, nil
		}
		if !apierrors.IsForbidden(err) {
			return nil, fmt.Errorf("list the demo's namespaces: %w", err)
		}
		in = []string{Namespace}
	}
	if only != "" {
		in = []string{only}
	}
	for _, name := range in {
		ns, err := c.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
		if err == nil {
			add(ns)
		} else if !apierrors.IsNotFound(err) && !apierrors.IsForbidden(err) {
			return nil, fmt.Errorf("read namespace/%s: %w", name, err)
		}
	}
	return all, nil
}

// errForeign is an object of the same name that somebody else made since it was looked at.
var errForeign = errors.New("it was not made by the demo")

// keepForeign keeps an object from being deleted that is not the demo's.
func keepForeign(o kube.Object) func(metav1.Object) error {
	return func(now metav1.Object) error {
		if ours(now) {
			return nil
		}
		return problem.New(problem.Failed, "remove it with the tool that made it", "%s in namespace %s is kept: %w",
			kube.Describe(o), o.GetNamespace(), errForeign)
	}
}
