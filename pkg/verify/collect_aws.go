package verify

import (
	"context"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/irsa"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// AskAWS looks at AWS for a cluster. What it cannot look at it notes; the error is that of a run which was
// stopped.
type AskAWS func(ctx context.Context, about InAWS) (*AWS, error)

// InAWS is what a look at AWS has to know of the cluster.
type InAWS struct {
	// Image is the sensor's, Images are those of pods in scope whose containers have no command, so that the
	// injector reads that of the image; none is there twice.
	Image  string
	Images []string
	// Namespace and ServiceAccount are the injector's, Account what the cluster says of the latter.
	Namespace, ServiceAccount string
	Account                   irsa.InCluster
}

// inAWS is what of this cluster there is to know without asking it.
func (k *collector) inAWS() InAWS {
	about := InAWS{Image: k.image(), Namespace: manifest.Namespace, ServiceAccount: manifest.Name}
	for n := range k.s.Injectors {
		if d := k.s.Injectors[n].Deployment; d != nil {
			about.Namespace, about.ServiceAccount = d.Namespace, d.Spec.Template.Spec.ServiceAccountName
			if about.ServiceAccount == "" {
				about.ServiceAccount = "default"
			}
			break
		}
	}
	v := NewView(&Snapshot{Scope: k.s.Scope, Namespaces: k.s.Namespaces, Webhooks: k.s.Webhooks, Injectors: k.s.Injectors})
	for _, t := range k.trials {
		if t.bare && v.ScopeOf(t.Namespace).Covered && !slices.Contains(about.Images, t.Image) {
			about.Images = append(about.Images, t.Image)
		}
	}
	slices.Sort(about.Images)
	return about
}

// lookAtAWS has AWS looked at, and puts beside it what the cluster says of its nodes.
func (k *collector) lookAtAWS(ctx context.Context, about InAWS) error {
	account, err := irsa.Collect(ctx, k.c, about.Namespace, about.ServiceAccount)
	if err != nil {
		verb, resource := "get", "serviceaccounts"
		if status, ok := errors.AsType[*apierrors.StatusError](err); ok && status.ErrStatus.Details != nil && status.ErrStatus.Details.Kind == "pods" {
			verb, resource = "list", "pods"
		}
		account.Unread = "the cluster does not say: " + err.Error()
		if err := k.may(err, verb, resource, ""); err != nil {
			return err
		}
	}
	about.Account = account
	found, err := k.ask.AWS(ctx, about)
	if err != nil {
		return err
	}
	found.Nodes = k.ordinary
	k.s.AWS = found
	return nil
}

// onFargate says whether a pod is one whose labels decide about Fargate.
func (p *Pod) onFargate() bool {
	return p.Traits.Fargate || p.Traits.NoProfile || p.Traits.homeless || strings.HasPrefix(p.Node, fargateNode)
}
