package inject

import (
	"context"
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
	// Rendered is the object as it is applied; Before what is there, nil if nothing; After the server's
	// answer to a dry run, nil where it cannot be had: in a namespace that is not there yet.
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

// Preview is what Install would do, by the server's own judgement, and changes nothing.
func Preview(ctx context.Context, c *kube.Cluster, o Options, how How) ([]Outcome, error) {
	i, err := prepare(ctx, c, o, how, func(Event) {})
	if err != nil {
		return nil, err
	}
	return i.rehearsed, nil
}
