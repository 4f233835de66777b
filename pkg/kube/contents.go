package kube

import (
	"context"
	"fmt"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
)

// given are the objects that Kubernetes puts into every namespace by itself.
var given = map[string]bool{"serviceaccounts/default": true, "configmaps/kube-root-ca.crt": true}

// passing are the kinds that come and go with others and are nobody's property.
var passing = map[string]bool{"events": true, "endpoints": true, "endpointslices": true, "leases": true}

// Contents returns what is in a namespace, as resource/name in order: every object of every kind that can
// be listed, but for what Kubernetes put there itself and what belongs to another object. If a kind may
// not be listed, that is an error, since then nobody can say that the namespace is empty.
func (c *Cluster) Contents(ctx context.Context, namespace string) ([]string, error) {
	lists, err := c.Client.Discovery().ServerPreferredResources()
	if lists == nil && err != nil {
		return nil, fmt.Errorf("ask which kinds of objects there are: %w", err)
	}
	// A broken aggregated API makes only its own group unknown; what it would list cannot be seen.
	if discovery.IsGroupDiscoveryFailedError(err) {
		return nil, fmt.Errorf("ask which kinds of objects there are: %w", err)
	}
	var found []string
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			return nil, err
		}
		// Measurements of pods are listed like objects, and are none.
		if gv.Group == "metrics.k8s.io" {
			continue
		}
		for _, r := range list.APIResources {
			if !r.Namespaced || !slices.Contains(r.Verbs, "list") || passing[r.Name] || strings.Contains(r.Name, "/") {
				continue
			}
			names, err := c.names(ctx, gv.WithResource(r.Name), namespace)
			if err != nil {
				return nil, err
			}
			found = append(found, names...)
		}
	}
	slices.Sort(found)
	return found, nil
}

func (c *Cluster) names(ctx context.Context, gvr schema.GroupVersionResource, namespace string) ([]string, error) {
	list, err := c.Metadata.Resource(gvr).Namespace(namespace).List(ctx, metav1.ListOptions{Limit: 500})
	if err != nil {
		return nil, fmt.Errorf("list %s in namespace %s: %w", gvr.Resource, namespace, err)
	}
	var names []string
	for i := range list.Items {
		o := &list.Items[i]
		name := gvr.Resource + "/" + o.Name
		if len(o.OwnerReferences) == 0 && o.DeletionTimestamp == nil && !given[name] {
			names = append(names, name)
		}
	}
	return names, nil
}
