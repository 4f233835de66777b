package kube

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// served is a kind of objects that the server has.
type served struct {
	schema.GroupVersionResource
	kind       string
	namespaced bool
	verbs      []string
}

// aggregated asks for all groups in one answer (Kubernetes 1.30 and newer, apidiscovery.k8s.io/v2); a server
// or a proxy that cannot gives the older form, whose groups are asked for one by one.
const aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"

// groupAnswer is the answer about the server's groups, in both forms.
type groupAnswer struct {
	// Items is the aggregated form.
	Items []struct {
		Metadata struct {
			Name string `json:"name"`
		} `json:"metadata"`
		Versions []struct {
			Version   string `json:"version"`
			Freshness string `json:"freshness"`
			Resources []struct {
				Resource     string `json:"resource"`
				Scope        string `json:"scope"`
				ResponseKind struct {
					Kind string `json:"kind"`
				} `json:"responseKind"`
				Verbs []string `json:"verbs"`
			} `json:"resources"`
		} `json:"versions"`
	} `json:"items"`
	// Versions is the older form of the core group, Groups of all others.
	Versions []string          `json:"versions"`
	Groups   []metav1.APIGroup `json:"groups"`
}

// kinds returns which kinds of objects the server has, each in the version that the server prefers. broken
// are the versions of groups of which the server cannot say what they have, since the API behind them does
// not answer.
func (c *Cluster) kinds(ctx context.Context) (all []served, broken []string, err error) {
	var older []schema.GroupVersion
	for _, path := range []string{"/api", "/apis"} {
		var answer groupAnswer
		if err := c.ask(ctx, path, aggregated, &answer); err != nil {
			return nil, nil, err
		}
		for _, g := range answer.Items {
			for _, v := range g.Versions {
				gv := schema.GroupVersion{Group: g.Metadata.Name, Version: v.Version}
				if v.Freshness == "Stale" {
					broken = append(broken, gv.String())
				}
				for _, r := range v.Resources {
					all = append(all, served{gv.WithResource(r.Resource), r.ResponseKind.Kind, r.Scope == "Namespaced", r.Verbs})
				}
			}
		}
		older = append(older, versions(&answer)...)
	}
	more, unanswered, err := c.olderKinds(ctx, older)
	return preferred(append(all, more...)), append(broken, unanswered...), err
}

// versions are those of the older form of an answer, the preferred one of each group first.
func versions(answer *groupAnswer) (all []schema.GroupVersion) {
	for _, v := range answer.Versions {
		all = append(all, schema.GroupVersion{Version: v})
	}
	for _, g := range answer.Groups {
		order := slices.Clone(g.Versions)
		slices.SortStableFunc(order, func(a, b metav1.GroupVersionForDiscovery) int {
			return cmp.Compare(rank(a, g), rank(b, g))
		})
		for _, v := range order {
			all = append(all, schema.GroupVersion{Group: g.Name, Version: v.Version})
		}
	}
	return all
}

func rank(v metav1.GroupVersionForDiscovery, in metav1.APIGroup) int {
	if v.Version == in.PreferredVersion.Version {
		return 0
	}
	return 1
}

// olderKinds asks for the kinds of each version of each group.
func (c *Cluster) olderKinds(ctx context.Context, of []schema.GroupVersion) (all []served, broken []string, err error) {
	lists := make([]metav1.APIResourceList, len(of))
	var mu sync.Mutex
	asked, ctx := errgroup.WithContext(ctx)
	asked.SetLimit(listsAtOnce)
	for n, gv := range of {
		asked.Go(func() error {
			path := "/apis/" + gv.String()
			if gv.Group == "" {
				path = "/api/" + gv.Version
			}
			err := c.ask(ctx, path, "application/json", &lists[n])
			if _, answered := err.(apierrors.APIStatus); answered {
				mu.Lock()
				defer mu.Unlock()
				broken = append(broken, gv.String())
				return nil
			}
			return err
		})
	}
	if err := asked.Wait(); err != nil {
		return nil, nil, err
	}
	for n, gv := range of {
		for _, r := range lists[n].APIResources {
			all = append(all, served{gv.WithResource(r.Name), r.Kind, r.Namespaced, r.Verbs})
		}
	}
	return all, broken, nil
}

// preferred leaves out what a version before has already: within a group, versions are in the server's order.
func preferred(all []served) []served {
	seen := map[schema.GroupResource]bool{}
	return slices.DeleteFunc(all, func(s served) bool {
		again := seen[s.GroupResource()]
		seen[s.GroupResource()] = true
		return again
	})
}

// ask reads a path of the server's as JSON. An error of the server's own is an apierrors.APIStatus.
func (c *Cluster) ask(ctx context.Context, path, accept string, into any) error {
	text, err := c.Client.CoreV1().RESTClient().Get().AbsPath(path).SetHeader("Accept", accept).DoRaw(ctx)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, into); err != nil {
		return fmt.Errorf("read the server's answer to %s: %w", path, err)
	}
	return nil
}
