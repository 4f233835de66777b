package inject

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// rollback brings every object back to what it was before this run, the last change first, so that the
// webhook goes before what it depends on. What somebody else has changed since is theirs, and ends it. Each
// object has its own time: how many there are and how slow the server is, nobody knows.
func (i *installation) rollback(ctx context.Context) error {
	i.report.remark("taking back what this run did")
	if err := i.unused(ctx); err != nil {
		return err
	}
	// Pods that serve with the certificate from before must be trusted again before they come.
	if i.found.secret != nil && i.o.CertManager == "" {
		if _, err := trust(ctx, i.c, i.kept(i.found.secret).CA); err != nil {
			return err
		}
	}
	for n := len(i.done) - 1; n >= 0; n-- {
		if err := i.undoWithin(ctx, n); err != nil {
			return err
		}
	}
	for _, object := range []kube.Object{manifest.CanaryNamespaceObject(), manifest.Beside(i.plan.Webhook)} {
		if _, err := i.c.Delete(ctx, object, foreign); err != nil && !errors.Is(err, errForeign) {
			return err
		}
	}
	return nil
}

// unused is an error if another run needs what this one would take away: pods depend on a webhook that this
// run did not find in use, or there is an injector that it neither found nor made.
func (i *installation) unused(ctx context.Context) error {
	now, err := readWebhook(ctx, i.c)
	if err != nil {
		return err
	}
	if wide(now) && !wide(i.found.webhook) {
		return errors.New("another run has put the injector to use meanwhile")
	}
	if i.found.deployment != nil || i.has("Deployment") {
		return nil
	}
	_, err = i.c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, metav1.GetOptions{})
	switch {
	case err == nil:
		return errors.New("another run is making the injector meanwhile")
	case apierrors.IsNotFound(err):
		return nil
	}
	return err
}

// has says whether this run made or changed an object of a kind.
func (i *installation) has(kind string) bool {
	return slices.ContainsFunc(i.objects, func(o kube.Object) bool { return o.GetObjectKind().GroupVersionKind().Kind == kind })
}

func (i *installation) undoWithin(ctx context.Context, n int) error {
	// The deletion of a namespace has a wait of its own.
	const within = 2 * time.Minute
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	return retry.RetryOnConflict(retry.DefaultRetry, func() error { return i.undo(ctx, i.objects[n], i.done[n]) })
}

func (i *installation) undo(ctx context.Context, object kube.Object, a kube.Applied) error {
	if a.Change == kube.Unchanged {
		return nil
	}
	client, err := i.c.Resource(object)
	if err != nil {
		return err
	}
	now, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read %s: %w", kube.Describe(object), err)
	case touched(now, a.After) && !i.refilled(object):
		return fmt.Errorf("%s was changed by another run meanwhile", kube.Describe(object))
	}
	if a.Before == nil {
		return i.unmake(ctx, object)
	}
	back := a.Before.DeepCopy()
	back.SetResourceVersion(now.GetResourceVersion())
	back.SetManagedFields(nil)
	if _, err := client.Update(ctx, back, metav1.UpdateOptions{FieldManager: kube.FieldManager}); err != nil {
		return fmt.Errorf("restore %s: %w", kube.Describe(object), err)
	}
	i.report.remark("%s is as it was before", describe(object))
	return nil
}

// touched says whether an object's content is not what this run made it; a status may have moved on, and
// controllers annotate what they see. Without after nobody knows what this run made of it, if anything.
func touched(now, after *unstructured.Unstructured) bool {
	switch {
	case after == nil:
		return false
	case now.GetKind() == "Namespace":
		return after.GetUID() != "" && now.GetUID() != after.GetUID() && now.GetName() == Namespace
	case after.GetUID() != "" && now.GetUID() != after.GetUID():
		return true
	case after.GetGeneration() != 0:
		// The object may have been applied more than once, so it is compared by what was meant.
		return now.GetGeneration() != after.GetGeneration()
	}
	return !holds(now.GetLabels(), after.GetLabels()) || !holds(now.GetAnnotations(), after.GetAnnotations()) ||
		now.GetKind() != "ServiceAccount" && !equality.Semantic.DeepEqual(meaning(now), meaning(after))
}

// holds says whether all of some labels or annotations are still there.
func holds(now, after map[string]string) bool {
	for key, value := range after {
		if got, ok := now[key]; !ok || got != value {
			return false
		}
	}
	return true
}

// meaning is an object without what others write to it.
func meaning(u *unstructured.Unstructured) map[string]any {
	m := maps.Clone(u.Object)
	delete(m, "metadata")
	delete(m, "status")
	return m
}

// refilled says whether the object's bundle is set by others than apply: by cert-manager as soon as it is
// there, and by the rollback itself.
func (i *installation) refilled(object kube.Object) bool {
	return object.GetName() == WebhookName
}

// unmake deletes what this run created; a namespace only if nothing else has come into it.
func (i *installation) unmake(ctx context.Context, object kube.Object) error {
	if object.GetObjectKind().GroupVersionKind().Kind == "Namespace" && object.GetName() == Namespace {
		why, err := keptFor(ctx, i.c)
		if err != nil {
			return err
		}
		if why != "" {
			return fmt.Errorf("%s is kept: %s", kube.Describe(object), why)
		}
	}
	change, err := i.c.Delete(ctx, object, foreign)
	if err != nil || change != kube.Deleted {
		return err
	}
	if object.GetName() == Namespace && object.GetNamespace() == "" {
		// Or the next installation would find it still going.
		if err := waitGone(ctx, i.c, time.Minute); err != nil {
			return err
		}
	}
	i.report.change(object, change)
	return nil
}
