package inject

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Rotate replaces the certificate authority and the certificate of it. While the injector rolls, the
// webhook trusts the old and the new one, so that no pod is refused. A rotation that was cut short is
// gone on with: no third certificate is made.
func Rotate(ctx context.Context, c *kube.Cluster, validity, timeout time.Duration, report Reporter) error {
	if validity < manifest.ShortestValidity {
		return problem.New(problem.BadInput, "the usual is 3650d", "--cert-validity: %s is less than %s", validity, manifest.ShortestValidity)
	}
	if err := Permitted(ctx, c, RotateRules(), "rotate"); err != nil {
		return err
	}
	f, err := look(ctx, c, manifest.SecretName)
	if err != nil {
		return err
	}
	if err := f.staying(); err != nil {
		return err
	}
	if err := rotatable(f); err != nil {
		return err
	}
	fresh := tlsOf(f.secret)
	if !underway(f, fresh) {
		if fresh, err = certs.New(time.Now(), validity); err != nil {
			return err
		}
		if _, err := trust(ctx, c, fresh.CA); err != nil {
			return err
		}
		report.remark("the webhook trusts the old and the new certificate authority while the injector rolls")
		if err := replaceCertificate(ctx, c, f.secret, fresh, report); err != nil {
			return err
		}
		// Once more, since a run that began before the Secret was written may have narrowed what is trusted.
		if _, err := trust(ctx, c, fresh.CA); err != nil {
			return err
		}
	} else {
		report.remark("going on with the rotation that was cut short")
	}
	err = finishRotation(ctx, c, fresh, timeout, report)
	if errors.Is(err, errOvertaken) {
		return problem.New(problem.Failed, "kubectl falcon certs shows its outcome; pods can be created meanwhile", "%w", err)
	}
	return err
}

// rotatable says what keeps the certificates from being replaced here.
func rotatable(f *found) error {
	switch {
	case f.deployment == nil || !Ours(f.deployment):
		return problem.New(problem.Failed, "kubectl falcon status says what is installed",
			"no injector of kubectl falcon is installed, so there are no certificates to rotate")
	case mounted(f.deployment) != manifest.SecretName:
		return problem.New(problem.Failed, "renew it where it comes from, then run install again: that rolls the injector",
			"the injector serves with the certificate of secret/%s, which kubectl falcon did not make", mounted(f.deployment))
	case f.secret == nil || !Ours(f.secret):
		return problem.New(problem.Failed, "kubectl falcon install makes a new one",
			"the injector's secret/%s is missing, or not made by kubectl falcon", manifest.SecretName)
	}
	return nil
}

// mounted is the Secret that the injector's certificate comes from.
func mounted(d *appsv1.Deployment) string {
	for _, v := range d.Spec.Template.Spec.Volumes {
		if v.Secret != nil {
			return v.Secret.SecretName
		}
	}
	return ""
}

// underway says whether a rotation has written its certificate but is not through: the pods were not made
// for it, or the webhook trusts an older authority beside it. The one of a certificate that is still to be
// written is the bundle's last.
func underway(f *found, t manifest.TLS) bool {
	trusted := certs.Parse(bundle(f.webhook))
	if f.webhook != nil && certs.Trusts(bundle(f.webhook), t.Cert, time.Now()) != nil {
		return false
	}
	if f.deployment.Spec.Template.Annotations[manifest.CertificateHash] != manifest.CertHash(t) {
		return true
	}
	ca := certs.Parse(t.CA)
	return len(trusted) > 1 && len(ca) == 1 && trusted[len(trusted)-1].Equal(ca[0])
}

// replaceCertificate changes the Secret as it was read: of two runs at the same time one fails here.
func replaceCertificate(ctx context.Context, c *kube.Cluster, s *corev1.Secret, fresh manifest.TLS, report Reporter) error {
	changed := s.DeepCopy()
	changed.Data = map[string][]byte{
		corev1.TLSCertKey: fresh.Cert, corev1.TLSPrivateKeyKey: fresh.Key, "ca.crt": fresh.CA}
	secrets := c.Client.CoreV1().Secrets(Namespace)
	_, err := secrets.Update(ctx, changed, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	if apierrors.IsConflict(err) {
		// The answer to the first attempt may have been lost, and this be the answer to the second.
		now, second := secrets.Get(ctx, s.Name, metav1.GetOptions{})
		if second == nil && bytes.Equal(now.Data[corev1.TLSCertKey], fresh.Cert) {
			err = nil
		} else {
			return overtaken("secret/" + s.Name)
		}
	}
	if err != nil {
		return fmt.Errorf("change secret/%s: %w", s.Name, err)
	}
	report(Event{Object: "secret/" + s.Name, Change: kube.Changed})
	return nil
}

// roll has the injector's pods made anew for the certificate of that hash, if they are not.
func roll(ctx context.Context, c *kube.Cluster, hash string, report Reporter) (d *appsv1.Deployment, err error) {
	deployments := c.Client.AppsV1().Deployments(Namespace)
	changed := false
	// Its controller writes to it at any moment, too.
	err = retry.RetryOnConflict(retry.DefaultRetry, func() (err error) {
		if d, err = deployments.Get(ctx, Name, metav1.GetOptions{}); err != nil {
			return fmt.Errorf("read deployment/%s: %w", Name, err)
		}
		if d.Spec.Template.Annotations[manifest.CertificateHash] == hash {
			return nil
		}
		if d.Spec.Template.Annotations == nil {
			d.Spec.Template.Annotations = map[string]string{}
		}
		d.Spec.Template.Annotations[manifest.CertificateHash] = hash
		changed = true
		if d, err = deployments.Update(ctx, d, metav1.UpdateOptions{FieldManager: kube.FieldManager}); err != nil {
			return fmt.Errorf("change deployment/%s: %w", Name, err)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	d.TypeMeta = metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"}
	if changed {
		report.change(d, kube.Changed)
	}
	return d, nil
}

const trustsBoth = "the webhook trusts both certificates meanwhile, so pods can be created"

// finishRotation rolls the injector onto the certificate and has the webhook trust that alone.
func finishRotation(ctx context.Context, c *kube.Cluster, fresh manifest.TLS, timeout time.Duration, report Reporter) error {
	d, err := roll(ctx, c, manifest.CertHash(fresh), report)
	if err != nil {
		return err
	}
	if err := (&rolling{c: c, report: report, meant: d}).wait(ctx, timeout); err != nil {
		return withNext(err, trustsBoth)
	}
	if err := waitReplaced(ctx, c, d, timeout, report); err != nil {
		return withNext(err, trustsBoth)
	}
	if err := served(ctx, c, fresh.CA); err != nil {
		return err
	}
	changed, err := trustOnly(ctx, c, fresh)
	if changed && err == nil {
		report(Event{Object: "mutatingwebhookconfiguration/" + WebhookName, Change: kube.Changed})
	}
	return err
}
