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
	certs, fresh, err := certificates(ctx, c, time.Now())
	if err != nil {
		return err
	}
	plan := Render(o, certs)
	if err := rehearse(ctx, c, plan); err != nil {
		return err
	}
	if fresh {
		// A webhook that trusts another authority would refuse pods as soon as the injector has rolled.
		if err := removeWebhook(ctx, c, report); err != nil {
			return err
		}
	}
	for _, object := range plan.Objects {
		if err := apply(ctx, c, object, report); err != nil {
			return err
		}
	}
	if err := waitReady(ctx, c, o.Timeout, report); err != nil {
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

// rehearse has the server judge every object without keeping it, and gives all its refusals at once.
func rehearse(ctx context.Context, c *kube.Cluster, plan Plan) error {
	ns, err := c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{})
	exists := err == nil
	switch {
	case err != nil && !apierrors.IsNotFound(err):
		return fmt.Errorf("read namespace/%s: %w", Namespace, err)
	case exists && ns.DeletionTimestamp != nil:
		return problem.New(problem.Failed,
			"wait until it is gone (kubectl get namespace "+Namespace+" -w), then install again",
			"namespace %s is being deleted", Namespace)
	}
	var refusals []error
	for _, object := range append([]kube.Object{plan.Webhook}, plan.Objects...) {
		// What lives in a namespace cannot be rehearsed before there is one.
		if !exists && object.GetNamespace() != "" {
			continue
		}
		if _, err := c.Apply(ctx, object, true); err != nil {
			refusals = append(refusals, kube.Explain(err, c))
		}
	}
	switch len(refusals) {
	case 0:
		return nil
	case 1:
		return refusals[0]
	}
	return problem.New(problem.Failed, "nothing was changed; mend these and install again",
		"the cluster refuses %d objects: %w", len(refusals), errors.Join(refusals...))
}

// removeWebhook takes the webhook away if this tool made it.
func removeWebhook(ctx context.Context, c *kube.Cluster, report Reporter) error {
	return remove(ctx, c, webhook(nil), report)
}

// remove deletes one object of ours and says so; one that somebody else made stops it.
func remove(ctx context.Context, c *kube.Cluster, object kube.Object, report Reporter) error {
	change, err := c.Delete(ctx, object, func(now metav1.Object) error {
		if Ours(now) {
			return nil
		}
		return problem.New(problem.Failed, "remove it with the tool that made it",
			"%s was not made by kubectl falcon", kube.Describe(object))
	})
	if err != nil {
		return err
	}
	if change == kube.Deleted {
		report.change(object, change)
	}
	return nil
}
