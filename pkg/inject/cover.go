package inject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// cover brings the webhook to what it should cover. What it does not cover yet is proved first: a new
// webhook in a namespace of its own, and then canaries in each namespace that it is to cover.
func (i *installation) cover(ctx context.Context) error {
	before, err := readWebhook(ctx, i.c)
	if err != nil {
		return err
	}
	if err := i.current(ctx); err != nil {
		return err
	}
	used := wide(before)
	known, _ := covered(before, i.found.namespaces)
	if !used {
		known = nil
	}
	in, out := covered(i.plan.Webhook, i.found.namespaces)
	fresh := slices.DeleteFunc(slices.Clone(in), func(ns string) bool { return slices.Contains(known, ns) })
	if used {
		// Also what the proofs are about: pods of the form before would answer for the new ones.
		if err := waitReplaced(ctx, i.c, i.deployment(), i.how.Timeout, i.report); err != nil {
			return err
		}
		err = i.proveBeside(ctx, fresh)
	} else {
		err = i.introduce(ctx, fresh)
	}
	if err != nil {
		return err
	}
	if !used || !slices.Equal(known, in) || stricter(before, i.plan.Webhook) {
		if err := i.announce(ctx, in, out); err != nil {
			return err
		}
	}
	return i.widen(ctx, before, in)
}

// stricter says whether pods are refused under a webhook that would have started without the sensor under the
// one before, while no injector answers.
func stricter(before, after *admissionv1.MutatingWebhookConfiguration) bool {
	return refusing(after) && !refusing(before)
}

func refusing(w *admissionv1.MutatingWebhookConfiguration) bool {
	return w != nil && slices.ContainsFunc(w.Webhooks, func(h admissionv1.MutatingWebhook) bool {
		return h.FailurePolicy == nil || *h.FailurePolicy == admissionv1.Fail
	})
}

// widen applies the webhook as it should be, and looks whether pods can be created under it.
func (i *installation) widen(ctx context.Context, before *admissionv1.MutatingWebhookConfiguration, in []string) error {
	used := wide(before)
	if err := i.publish(ctx, before); err != nil {
		return err
	}
	i.covering = !used
	if err := mendGlass(ctx, i.c); err != nil {
		return err
	}
	if used {
		if err := i.proveWide(ctx, in); err != nil {
			return err
		}
	}
	i.covering = true
	// What proofs are made with may be left from a run that was cut short.
	for _, object := range []kube.Object{manifest.CanaryNamespaceObject(), manifest.Beside(i.plan.Webhook)} {
		if _, err := i.c.Delete(ctx, object, foreign); err != nil && !errors.Is(err, errForeign) {
			return err
		}
	}
	return i.stands(ctx)
}

// stands looks once more after the webhook has widened: if the injector was removed meanwhile, by an
// uninstall at the same time, the webhook must not outlive it.
func (i *installation) stands(ctx context.Context) error {
	for _, object := range i.plan.Objects {
		switch object.GetObjectKind().GroupVersionKind().Kind {
		case "Deployment", "Service":
		default:
			continue
		}
		known, err := i.c.Know(ctx, object)
		if err != nil {
			return err
		}
		if known.Object != nil && known.Object.GetDeletionTimestamp() == nil {
			continue
		}
		if _, err := i.c.Delete(ctx, i.plan.Webhook, foreign); err != nil {
			return err
		}
		return overtaken(kube.Describe(object) + " was removed, and the webhook with it")
	}
	return nil
}

// proveBeside proves namespaces that the webhook in use does not cover yet, by a second one that is only
// called for canaries.
func (i *installation) proveBeside(ctx context.Context, namespaces []string) error {
	if len(namespaces) == 0 {
		return nil
	}
	beside := manifest.Beside(i.plan.Webhook)
	if err := i.applyQuietly(ctx, beside, kube.ApplyOptions{Force: i.how.ForceConflicts}); err != nil {
		return err
	}
	// The webhook in use shows that an injector answers.
	if err := i.proveAll(ctx, namespaces, true); err != nil {
		return err
	}
	_, err := i.c.Delete(ctx, beside, foreign)
	return err
}

// introduce proves a new webhook: limited to a namespace of its own, then to canaries everywhere.
func (i *installation) introduce(ctx context.Context, namespaces []string) error {
	if err := i.canaryNamespace(ctx); err != nil {
		return err
	}
	if err := i.limit(ctx, manifest.LimitToCanaryNamespace(i.plan.Webhook)); err != nil {
		return err
	}
	unproved := i.proveAlone(ctx)
	if unproved != nil && (!errors.Is(unproved, errPolicy) || len(namespaces) == 0) {
		return unproved
	}
	if unproved != nil {
		i.report.remark("warning: %v", unproved)
	} else {
		i.report.remark("proved: a dry-run pod in namespace %s came back with the sensor", manifest.CanaryNamespace)
	}
	if len(namespaces) == 0 {
		return nil
	}
	if err := i.limit(ctx, manifest.LimitToCanaries(i.plan.Webhook)); err != nil {
		return err
	}
	return i.proveAll(ctx, namespaces, unproved == nil)
}

// proveAlone proves the webhook in the namespace that is there for it, which another run may take away.
func (i *installation) proveAlone(ctx context.Context) error {
	const times = 3
	for n := 1; ; n++ {
		err := i.proveIn(ctx, manifest.CanaryNamespace)
		if !errors.Is(err, errLost) || n == times {
			return err
		}
		if err := i.canaryNamespace(ctx); err != nil {
			return err
		}
	}
}

// canaryNamespace makes the namespace for the proof. One that an earlier run has deleted must be gone first:
// it takes no pods any more, and what is applied onto it goes with it.
func (i *installation) canaryNamespace(ctx context.Context) error {
	object := manifest.CanaryNamespaceObject()
	ending, goneFor := types.UID(""), time.Minute
	err := poll(ctx, pollEvery, goneFor, func(ctx context.Context) (bool, error) {
		known, err := i.c.Know(ctx, object)
		if err != nil || known.Object == nil || known.Object.GetDeletionTimestamp() == nil {
			return err == nil, err
		}
		if ending == "" {
			ending = known.Object.GetUID()
			i.report(Event{Object: kube.Describe(object), State: "waiting for its end"})
		}
		return false, nil
	})
	if expired(ctx, err) {
		return problem.New(problem.TimedOut, "kubectl get namespace "+object.Name+" -o yaml says what holds it",
			"namespace %s of an earlier run is being deleted but not gone after %s", object.Name, goneFor)
	}
	if err != nil {
		return err
	}
	if err := i.apply(ctx, object); err != nil {
		return fmt.Errorf("make the namespace for the proof: %w", err)
	}
	return nil
}
