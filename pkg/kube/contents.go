package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// listsAtOnce bounds how many kinds are listed at the same time: there are dozens, and a far server takes
// its time for each.
const listsAtOnce = 8

// given are the objects that Kubernetes puts into every namespace by itself.
var given = map[string]bool{"serviceaccounts/default": true, "configmaps/kube-root-ca.crt": true}

// passing are the kinds that come and go with others and are nobody's property.
var passing = map[string]bool{"events": true, "endpoints": true, "endpointslices": true, "leases": true}

// Contents returns what is in a namespace, as resource/name in order: every object of every kind that can
// be listed, but for what Kubernetes put there itself and what belongs to another object of the namespace
// and goes with it. hidden are the kinds that this user may not list: if there are any, nobody can say that
// the namespace is empty.
func (c *Cluster) Contents(ctx context.Context, namespace string) (found, hidden []string, err error) {
	// A broken aggregated API makes only its own group unknown; what it would list cannot be seen.
	all, hidden, err := c.kinds(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("ask which kinds of objects there are: %w", err)
	}
	var kinds []schema.GroupVersionResource
	inside := map[schema.GroupKind]bool{}
	for _, k := range all {
		if !k.namespaced || strings.Contains(k.Resource, "/") {
			continue
		}
		inside[schema.GroupKind{Group: k.Group, Kind: k.kind}] = true
		// Measurements of pods are listed like objects, and are none.
		if slices.Contains(k.verbs, "list") && !passing[k.Resource] && k.Group != "metrics.k8s.io" {
			kinds = append(kinds, k.GroupVersionResource)
		}
	}
	var mu sync.Mutex
	lists, ctx := errgroup.WithContext(ctx)
	lists.SetLimit(listsAtOnce)
	for _, kind := range kinds {
		lists.Go(func() error {
			names, err := c.names(ctx, kind, namespace, inside)
			mu.Lock()
			defer mu.Unlock()
			if apierrors.IsForbidden(err) {
				hidden = append(hidden, kind.Resource)
				return nil
			}
			found = append(found, names...)
			return err
		})
	}
	if err := lists.Wait(); err != nil {
		return nil, nil, err
	}
	slices.Sort(found)
	slices.Sort(hidden)
	return found, hidden, nil
}

func (c *Cluster) names(ctx context.Context, gvr schema.GroupVersionResource, namespace string, inside map[schema.GroupKind]bool) ([]string, error) {
	var names []string
	options := metav1.ListOptions{Limit: 500}
	for {
		list, err := c.Metadata.Resource(gvr).Namespace(namespace).List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list %s in namespace %s: %w", gvr.Resource, namespace, err)
		}
		for i := range list.Items {
			o := &list.Items[i]
			name := gvr.Resource + "/" + o.Name
			if o.DeletionTimestamp == nil && !given[name] && !ownedInside(o, inside) {
				names = append(names, name)
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return names, nil
		}
	}
}

// ownedInside says whether an object goes with another one of its namespace. An owner outside, such as an
// operator's cluster-wide resource, does not make it anything less than somebody's.
func ownedInside(o *metav1.PartialObjectMetadata, inside map[schema.GroupKind]bool) bool {
	for _, owner := range o.OwnerReferences {
		gv, err := schema.ParseGroupVersion(owner.APIVersion)
		if err == nil && inside[schema.GroupKind{Group: gv.Group, Kind: owner.Kind}] {
			return true
		}
	}
	return false
}
