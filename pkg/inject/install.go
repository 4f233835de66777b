package inject

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Install makes the injector or brings it to what the options say, and reports each step. The webhook
// comes last, once the injector is Ready, so an installation that fails or is cut short leaves pods as
// they are; running it again goes on from there. Nothing is changed when the options are bad or the
// server would refuse an object.
func Install(ctx context.Context, c *kube.Cluster, o Options, report Reporter) error {
	if err := o.Validate(); err != nil {
		return err
	}
	ns, err := namespaceNow(ctx, c)
	if err != nil {
		return err
	}
	certs, fresh, err := certificates(ctx, c, time.Now())
	if err != nil {
		return err
	}
	plan := Render(o, certs)
	if ns != nil && !Ours(ns) {
		// Whoever made it keeps it: it is not marked as ours, and uninstall leaves it.
		plan.Objects[0].SetLabels(map[string]string{InjectionKey: Disabled})
	}
	if err := rehearse(ctx, c, plan, ns != nil); err != nil {
		return err
	}
	state, err := Read(ctx, c)
	if err != nil {
		return err
	}
	covered := state.Webhook && !fresh
	if fresh && state.Webhook {
		// A webhook that trusts another authority would refuse pods as soon as the injector has rolled.
		report.remark("the certificate is replaced; new pods get no sensor until the injector is Ready")
		if err := removeWebhook(ctx, c, report); err != nil {
			return err
		}
	}
	for _, object := range plan.Objects {
		if err := apply(ctx, c, object, report); err != nil {
			return err
		}
	}
	if err := waitReady(ctx, c, o.Timeout, covered, report); err != nil {
		return err
	}
	return apply(ctx, c, plan.Webhook, report)
}

func apply(ctx context.Context, c *kube.Cluster, object kube.Object, report Reporter) error {
	change, err := c.Apply(ctx, object, false)
	if err != nil {
		return err
	}
	report.change(object, change)
	return nil
}

// certificates returns those in the cluster if they are good, else fresh ones.
func certificates(ctx context.Context, c *kube.Cluster, now time.Time) (certs Certificates, fresh bool, err error) {
	s, err := c.Client.CoreV1().Secrets(Namespace).Get(ctx, SecretName, metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return certs, false, fmt.Errorf("read secret/%s: %w", SecretName, err)
	}
	if err == nil {
		certs = Certificates{CA: s.Data["ca.crt"], Cert: s.Data[corev1.TLSCertKey], Key: s.Data[corev1.TLSPrivateKeyKey]}
		if certs.Usable(now) == nil {
			return certs, false, nil
		}
	}
	certs, err = NewCertificates(now)
	return certs, true, err
}

// namespaceNow returns the injector's namespace, or nil if there is none yet. One that is being deleted
// takes no new objects, which is an error.
func namespaceNow(ctx context.Context, c *kube.Cluster) (*corev1.Namespace, error) {
	ns, err := c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read namespace/%s: %w", Namespace, err)
	case ns.DeletionTimestamp != nil:
		return nil, problem.New(problem.Failed,
			"wait until it is gone (kubectl get namespace "+Namespace+" -w), then install again",
			"namespace %s is being deleted", Namespace)
	}
	return ns, nil
}

// rehearse has the server judge every object without keeping it, and gives all its refusals at once.
// What lives in a namespace cannot be rehearsed before there is one.
func rehearse(ctx context.Context, c *kube.Cluster, plan Plan, namespaced bool) error {
	var refusals []error
	kind := problem.NoAccess
	for _, object := range append([]kube.Object{plan.Webhook}, plan.Objects...) {
		if !namespaced && object.GetNamespace() != "" {
			continue
		}
		if _, err := c.Apply(ctx, object, true); err != nil {
			err = kube.Explain(err, c)
			refusals = append(refusals, err)
			if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind() != problem.NoAccess {
				kind = problem.Failed
			}
		}
	}
	switch len(refusals) {
	case 0:
		return nil
	case 1:
		return refusals[0]
	}
	return problem.New(kind, "nothing was changed; mend these and install again",
		"the cluster refuses %d objects: %w", len(refusals), errors.Join(refusals...))
}

var errForeign = errors.New("not made by kubectl falcon")

// foreign objects to an object that this tool did not make.
func foreign(o metav1.Object) error {
	if Ours(o) {
		return nil
	}
	return errForeign
}

// removeWebhook takes the webhook away. One that somebody else made is an error, since what it points to
// must stay as well then.
func removeWebhook(ctx context.Context, c *kube.Cluster, report Reporter) error {
	hook := webhook(nil)
	change, err := c.Delete(ctx, hook, foreign)
	if errors.Is(err, errForeign) {
		return problem.New(problem.Failed, "nothing was changed; remove it with the tool that made it",
			"%s was not made by kubectl falcon", kube.Describe(hook))
	}
	if change == kube.Deleted {
		report.change(hook, change)
	}
	return err
}

// remove deletes one object if this tool made it, and says what it did.
func remove(ctx context.Context, c *kube.Cluster, object kube.Object, report Reporter) error {
	change, err := c.Delete(ctx, object, foreign)
	if errors.Is(err, errForeign) {
		report.remark("%s kept: it was not made by kubectl falcon", kube.Describe(object))
		return nil
	}
	if change == kube.Deleted {
		report.change(object, change)
	}
	return err
}
