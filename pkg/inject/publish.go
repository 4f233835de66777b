package inject

import (
	"context"
	"errors"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// publishTimes is how often the webhook is written when somebody else writes to it at the same time.
const publishTimes = 5

// publish applies the webhook as it should be, over nothing but what was looked at: another run may have
// widened it, or have added an authority that its pods serve with.
func (i *installation) publish(ctx context.Context, before *admissionv1.MutatingWebhookConfiguration) error {
	used := wide(before)
	now, err := before, error(nil)
	if !used {
		// Its limited form is of this run.
		if now, err = readWebhook(ctx, i.c); err != nil {
			return err
		}
	}
	known, err := i.c.Know(ctx, i.plan.Webhook)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		if now == nil || !used && wide(now) && !i.published(ctx, now) {
			return overtaken("the webhook " + WebhookName)
		}
		how := kube.ApplyOptions{Force: i.how.ForceConflicts, Before: &known}
		if i.o.CertManager == "" {
			// cert-manager writes to it at any moment, to what is not applied.
			how.Version = now.ResourceVersion
		}
		err := i.applyWith(ctx, i.plan.Webhook, how)
		if !raced(err) || n == publishTimes {
			return err
		}
		last := now
		if now, err = readWebhook(ctx, i.c); err != nil {
			return err
		}
		if used && now != nil && !sameWebhooks(now, last) && !i.published(ctx, now) {
			return overtaken("the webhook " + WebhookName)
		}
	}
}

// sameWebhooks says whether only the metadata of a configuration has changed, as by a controller that
// annotates what it sees.
func sameWebhooks(a, b *admissionv1.MutatingWebhookConfiguration) bool {
	return equality.Semantic.DeepEqual(a.Webhooks, b.Webhooks)
}

// published says whether a webhook is as the plan has it: the answer to an attempt before was lost, or another
// run has the same plan.
func (i *installation) published(ctx context.Context, now *admissionv1.MutatingWebhookConfiguration) bool {
	a, err := i.c.ApplyWith(ctx, i.plan.Webhook, kube.ApplyOptions{DryRun: true, Version: now.ResourceVersion, Force: i.how.ForceConflicts})
	return err == nil && a.Change == kube.Unchanged
}

// raced says whether somebody else has made, changed or removed the object at the same time, or whether that
// was this run itself, whose answer was lost. A field that another tool owns is neither.
func raced(err error) bool {
	if _, theirs := errors.AsType[*owner.Conflict](err); theirs {
		return false
	}
	return apierrors.IsConflict(err) || apierrors.IsAlreadyExists(err) || apierrors.IsNotFound(err)
}

// limit makes the webhook in a limited form, or brings one to it that no pod depends on. One that another run
// has widened meanwhile is left to that run.
func (i *installation) limit(ctx context.Context, form *admissionv1.MutatingWebhookConfiguration) error {
	for n := 1; ; n++ {
		now, err := readWebhook(ctx, i.c)
		switch {
		case err != nil:
			return err
		case wide(now):
			return overtaken("the webhook " + WebhookName)
		case now == nil:
			err = i.createWebhook(ctx, form)
		default:
			err = i.applyQuietly(ctx, form, kube.ApplyOptions{Force: i.how.ForceConflicts, Version: now.ResourceVersion})
		}
		if n == publishTimes || !raced(err) && !kube.Passing(err) {
			return err
		}
	}
}

// createWebhook makes the webhook where there is none, empty first, so that it covers nothing: only one of two
// runs at the same moment can create it, while applying alone would overwrite what the other has made.
func (i *installation) createWebhook(ctx context.Context, form *admissionv1.MutatingWebhookConfiguration) error {
	empty := form.DeepCopy()
	empty.Webhooks = nil
	made, err := i.c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().
		Create(ctx, empty, metav1.CreateOptions{FieldManager: kube.FieldManager})
	if kube.Passing(err) {
		// It may be there: what is taken back later is looked for.
		i.remember(form, kube.Applied{Change: kube.Created})
	}
	if err != nil {
		return fmt.Errorf("create the webhook %s: %w", WebhookName, err)
	}
	i.remember(form, kube.Applied{Change: kube.Created})
	return i.applyQuietly(ctx, form, kube.ApplyOptions{Version: made.ResourceVersion, Before: &kube.Known{}})
}

// applyQuietly applies what is only there for a proof, without a line for each form of it.
func (i *installation) applyQuietly(ctx context.Context, object kube.Object, how kube.ApplyOptions) error {
	quiet := i.report
	i.report = func(Event) {}
	defer func() { i.report = quiet }()
	return i.applyWith(ctx, object, how)
}
