package inject

import (
	"context"
	"errors"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// rehearsalsAtOnce bounds the dry runs that are asked for at the same time.
const rehearsalsAtOnce = 8

// rehearse has the server judge every object without keeping it, and gives all its refusals at once.
// What lives in a namespace cannot be rehearsed before there is one.
func (i *installation) rehearse(ctx context.Context) error {
	objects := i.plan.All()
	i.rehearsed = make([]Outcome, len(objects))
	refusals := make([]error, len(objects))
	var all errgroup.Group
	all.SetLimit(rehearsalsAtOnce)
	for n, object := range objects {
		i.rehearsed[n] = Outcome{Name: describe(object), Rendered: object, Change: kube.Created}
		if i.found.namespace == nil && object.GetNamespace() != "" {
			continue
		}
		all.Go(func() error {
			refusals[n] = i.rehearseOne(ctx, object, &i.rehearsed[n])
			return nil
		})
	}
	// Refusals are gathered, not returned: all are wanted.
	_ = all.Wait()
	return refused(refusals)
}

func (i *installation) rehearseOne(ctx context.Context, object kube.Object, out *Outcome) error {
	// Only force tells what the server thinks of a field that the adoption will take over.
	a, err := i.c.ApplyWith(ctx, object, kube.ApplyOptions{DryRun: true, Force: i.how.ForceConflicts || i.how.Adopt})
	if apierrors.IsNotFound(err) && object.GetObjectKind().GroupVersionKind().Kind == "ClusterRoleBinding" {
		// For whoever may not give every right the server looks into the role, which is not there yet.
		return nil
	}
	if err != nil {
		return kube.Explain(owner.ExplainConflict(err, object), i.c)
	}
	out.Before, out.After, out.Change = a.Before, a.After, a.Change
	return nil
}

// refused makes one error of those that are one.
func refused(all []error) error {
	var refusals []error
	var ways []string
	kind := problem.NoAccess
	for _, err := range all {
		if err == nil {
			continue
		}
		refusals = append(refusals, err)
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.NoAccess {
			kind = problem.Failed
		}
		if ok && p.Next() != "" && !slices.Contains(ways, p.Next()) {
			ways = append(ways, p.Next())
		}
	}
	switch len(refusals) {
	case 0:
		return nil
	case 1:
		return refusals[0]
	}
	return problem.New(kind, strings.Join(append([]string{"nothing was changed; mend these and install again"}, ways...), "; "),
		"the cluster refuses %d objects: %w", len(refusals), errors.Join(refusals...))
}

// before reads what the plan's objects are now, all at once; the loop that applies them needs no reads of
// its own then. Objects that are applied again later are read again.
func (i *installation) before(ctx context.Context) (map[string]kube.Known, error) {
	known := make([]kube.Known, len(i.plan.Objects))
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(rehearsalsAtOnce)
	for n, object := range i.plan.Objects {
		all.Go(func() (err error) {
			known[n], err = i.c.Know(ctx, object)
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return nil, err
	}
	m := make(map[string]kube.Known, len(known))
	for n, object := range i.plan.Objects {
		m[describe(object)] = known[n]
	}
	return m, nil
}
