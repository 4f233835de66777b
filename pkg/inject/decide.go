package inject

import (
	"context"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// decide makes the plan of what was found.
func (i *installation) decide() error {
	f := i.found
	g := manifest.Given{Version: i.how.Version, NamespaceUID: i.given.NamespaceUID}
	if f.namespace != nil {
		g.NamespaceUID = f.namespace.UID
		// Whoever made it keeps it: it is not marked as ours, and uninstall leaves it.
		g.ForeignNamespace = !Ours(f.namespace) && !i.how.Adopt
	}
	// The name of the port stays what it is: while old pods go, the Service must find them by the same.
	if f.service != nil && len(f.service.Spec.Ports) > 0 {
		if target := f.service.Spec.Ports[0].TargetPort; target.Type == intstr.String {
			g.PortName = target.StrVal
		}
	}
	g.KeepReplicas = i.scaledByOthers()
	if err := i.sameAuthority(); err != nil {
		return err
	}
	mounted, err := i.certificate()
	if err != nil {
		return err
	}
	g.CertHash = manifest.CertHash(mounted)
	if i.o.TLSSecret == "" {
		g.TLS = mounted
	}
	if g.Bundle = certs.Join(mounted.CA); i.o.CertManager != "" {
		// What cert-manager has put there stays; to leave the field out would take it away again.
		g.Bundle = bundle(f.webhook)
	}
	i.given, i.plan = g, manifest.Render(i.o, g)
	return nil
}

// scaledByOthers says whether another tool, such as an autoscaler, has set the number of injectors and the
// user has not: then it is that tool's. None at all is nobody's wish for an installation.
func (i *installation) scaledByOthers() bool {
	d := i.found.deployment
	if _, said := i.o.Inputs["replicas"]; said || i.how.ForceConflicts || i.how.Adopt || d == nil || d.Spec.Replicas == nil || *d.Spec.Replicas < 1 {
		return false
	}
	return slices.ContainsFunc(d.ManagedFields, func(e metav1.ManagedFieldsEntry) bool {
		return e.Manager != kube.FieldManager && e.FieldsV1 != nil && strings.Contains(e.FieldsV1.GetRawString(), `"f:replicas"`) &&
			e.Subresource != "status"
	})
}

// injectCA is cert-manager's annotation for the certificate whose CA it puts into a webhook.
const injectCA = "cert-manager.io/inject-ca-from"

// sameAuthority refuses to move a webhook that pods depend on to or from cert-manager: its cainjector
// replaces the bundle at a moment of its own, and cannot be told to keep the old authority beside the new.
func (i *installation) sameAuthority() error {
	if !wide(i.found.webhook) || i.found.webhook.Annotations[injectCA] == i.o.CertManager {
		return nil
	}
	return problem.New(problem.Failed, "kubectl falcon uninstall first, then install with or without --cert-manager",
		"the webhook's authority cannot be changed to or from cert-manager while it is in use: pods would be refused meanwhile")
}

// certificate returns what the injector is to serve with: what is in the cluster if it is good, else a
// fresh one.
func (i *installation) certificate() (manifest.TLS, error) {
	if i.o.TLSSecret != "" {
		return i.ownCertificate()
	}
	if i.found.secret != nil {
		t := i.kept(i.found.secret)
		if i.unusable = certs.Usable(t, i.now, i.how.RenewBefore); i.unusable == nil {
			return t, nil
		}
	}
	return certs.New(i.now, i.o.CertValidity)
}

// warnOfCertificate says why the certificate in the cluster is replaced, or that the user's own will end.
func (i *installation) warnOfCertificate() {
	if i.unusable != nil {
		i.report.remark("secret/%s gets a new certificate, because of the one that is there: %v", manifest.SecretName, i.unusable)
	}
	// cert-manager renews by itself.
	if i.o.TLSSecret == "" || i.o.CertManager != "" {
		return
	}
	t := tlsOf(i.found.secret)
	if days := daysLeft(i.now, t.Cert, t.CA); time.Duration(days)*24*time.Hour < i.how.RenewBefore {
		i.report.remark("warning: the certificate in secret/%s ends in %s: renew it there, then install again", i.o.TLSSecret, count(days, "day"))
	}
}

// kept is the certificate of a Secret. The guide's installer keeps the authority in the webhook alone.
func (i *installation) kept(s *corev1.Secret) manifest.TLS {
	t := tlsOf(s)
	if len(t.CA) == 0 {
		t.CA = bundle(i.found.webhook)
	}
	return t
}

// ownCertificate is the one in the user's Secret, if it can serve.
func (i *installation) ownCertificate() (manifest.TLS, error) {
	const next = "it needs tls.crt, tls.key and ca.crt, for the name " + WebhookName
	s := i.found.secret
	if s == nil {
		return manifest.TLS{}, problem.New(problem.BadInput, "make it first; "+next,
			"--tls-secret: there is no secret %q in namespace %s", i.o.TLSSecret, Namespace)
	}
	t := tlsOf(s)
	bad := func(err error) (manifest.TLS, error) {
		return manifest.TLS{}, problem.New(problem.BadInput, next, "--tls-secret: secret/%s cannot serve: %w", s.Name, err)
	}
	if _, err := tls.X509KeyPair(t.Cert, t.Key); err != nil {
		return bad(err)
	}
	if i.o.CertManager != "" {
		return t, nil
	}
	if err := certs.Trusts(t.CA, t.Cert, i.now); err != nil {
		return bad(err)
	}
	return t, nil
}

func tlsOf(s *corev1.Secret) manifest.TLS {
	return manifest.TLS{CA: s.Data["ca.crt"], Cert: s.Data[corev1.TLSCertKey], Key: s.Data[corev1.TLSPrivateKeyKey]}
}

// trustBoth has a webhook that pods depend on trust the new authority beside the old one before any
// injector serves with a certificate of it.
func (i *installation) trustBoth(ctx context.Context) error {
	added, err := trust(ctx, i.c, i.given.Bundle)
	if added {
		i.trusted = true
		i.report.remark("the webhook trusts the old and the new certificate authority while the injector rolls")
	}
	return err
}

// make applies one object of the plan; the certificate has rules of its own.
func (i *installation) make(ctx context.Context, object kube.Object) error {
	secret, ok := object.(*corev1.Secret)
	if !ok || secret.Name != manifest.SecretName {
		return i.apply(ctx, object)
	}
	if err := i.secure(ctx, secret); err != nil {
		return err
	}
	// Once more, since a run that began before the Secret was written may have narrowed what is trusted.
	return i.trustBoth(ctx)
}

// secure brings the certificate into the Secret.
func (i *installation) secure(ctx context.Context, secret *corev1.Secret) error {
	if i.found.secret == nil {
		return i.firstCertificate(ctx, secret)
	}
	// Only over what was read: two runs must not mix their certificates.
	err := i.applyWith(ctx, secret, kube.ApplyOptions{
		Force: i.how.ForceConflicts, Version: i.found.secret.ResourceVersion})
	if apierrors.IsConflict(err) {
		return i.again(ctx)
	}
	return err
}

// firstCertificate creates the Secret, which of two runs at the same time only one can; the other goes on
// with what that one made.
func (i *installation) firstCertificate(ctx context.Context, secret *corev1.Secret) error {
	// How often it is tried when no answer comes.
	const times = 3
	var err error
	for range times {
		_, err = i.c.Client.CoreV1().Secrets(Namespace).Create(ctx, secret, metav1.CreateOptions{FieldManager: kube.FieldManager})
		if !kube.Passing(err) {
			break
		}
		// It may be there; the certificate shows whose it is then.
		made, unread := kube.ToUnstructured(secret)
		if unread != nil {
			return unread
		}
		i.remember(secret, kube.Applied{Change: kube.Created, After: made})
		if serves(ctx, i.c, secret.Name, i.given.TLS) == nil {
			err = nil
			break
		}
	}
	switch {
	case apierrors.IsAlreadyExists(err):
		return i.again(ctx)
	case err != nil:
		return fmt.Errorf("create %s: %w", kube.Describe(secret), err)
	}
	// Applied as well, so that a second install finds nothing to change.
	a, err := i.c.ApplyWith(ctx, secret, kube.ApplyOptions{})
	if err != nil {
		return err
	}
	a.Before, a.Change = nil, kube.Created
	i.report.change(secret, i.remember(secret, a))
	return nil
}

// again makes the plan anew after another run has written a certificate, and applies that one's Secret. The
// other may still be writing it.
func (i *installation) again(ctx context.Context) error {
	return retry.RetryOnConflict(retry.DefaultBackoff, func() error {
		s, err := i.c.Client.CoreV1().Secrets(Namespace).Get(ctx, manifest.SecretName, metav1.GetOptions{})
		if err != nil {
			return fmt.Errorf("read secret/%s: %w", manifest.SecretName, err)
		}
		if certs.Usable(i.kept(s), i.now, i.how.RenewBefore) != nil {
			return overtaken("secret/" + manifest.SecretName)
		}
		i.found.secret = s
		if err := i.decide(); err != nil {
			return err
		}
		for _, object := range i.plan.Objects {
			if secret, ok := object.(*corev1.Secret); ok && secret.Name == manifest.SecretName {
				return i.applyWith(ctx, secret, kube.ApplyOptions{Version: s.ResourceVersion})
			}
		}
		return nil
	})
}

// current is an error if the cluster's certificate is not the plan's any more.
func (i *installation) current(ctx context.Context) error {
	if i.o.TLSSecret != "" {
		return nil
	}
	return serves(ctx, i.c, manifest.SecretName, i.given.TLS)
}
