package inject

import (
	"context"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Outcome is what an installation would make of one object.
type Outcome struct {
	// Name is that of the object, as events name it.
	Name string
	// Rendered is the object as it is applied, nil for one that is deleted; Before what is there, nil if nothing; After the server's
	// answer to a dry run, nil where it cannot be had: in a namespace that is not there yet, and of what is
	// deleted.
	Rendered      kube.Object
	Before, After *unstructured.Unstructured
	Change        kube.Change
}

// Offline is the plan without a cluster: everything an installation into an empty one would make, with a
// fresh certificate. The error is that of options that cannot be meant.
func Offline(o Options, version string) (manifest.Plan, error) {
	if err := o.Validate(); err != nil {
		return manifest.Plan{}, err
	}
	given := manifest.Given{Version: version}
	if o.TLSSecret == "" {
		t, err := certs.New(time.Now(), o.CertValidity)
		if err != nil {
			return manifest.Plan{}, err
		}
		given.TLS, given.Bundle, given.CertHash = t, t.CA, manifest.CertHash(t)
	}
	return manifest.Render(o, given), nil
}

// Preview is what Install would do, by the server's own judgement, and changes nothing. What Install would
// remark on beforehand is reported.
func Preview(ctx context.Context, c *kube.Cluster, o Options, how How, report Reporter) ([]Outcome, error) {
	i, err := prepare(ctx, c, o, how, report)
	if err != nil {
		return nil, err
	}
	all := i.rehearsed
	copies, _, err := i.copies(ctx)
	if err != nil {
		return nil, err
	}
	for _, object := range copies {
		out := Outcome{Name: describe(object), Rendered: object}
		if err := i.rehearseOne(ctx, object, &out); err != nil && !gone(err) {
			return nil, err
		} else if err == nil {
			all = append(all, out)
		}
	}
	deletions, err := i.deletions(ctx)
	return append(all, deletions...), err
}

// deletions are what Install would take away.
func (i *installation) deletions(ctx context.Context) (all []Outcome, err error) {
	stale, err := i.staleSecrets(ctx)
	if err != nil {
		return nil, err
	}
	unused, err := i.unusedConfigs(ctx)
	if err != nil {
		return nil, err
	}
	for _, object := range slices.Concat(stale, i.otherObjects(), unused) {
		known, err := i.c.Know(ctx, object)
		if err != nil {
			return nil, err
		}
		if known.Object != nil && Ours(known.Object) {
			all = append(all, Outcome{Name: describe(object), Before: known.Object, Change: kube.Deleted})
		}
	}
	return all, nil
}
