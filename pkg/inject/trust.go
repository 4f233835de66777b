package inject

import (
	"context"
	"fmt"
	"slices"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// trust has a webhook that pods depend on trust an authority besides what it trusts at that moment, and
// says whether it had to be changed. Another run may add one of its own at the same time.
func trust(ctx context.Context, c *kube.Cluster, ca []byte) (added bool, err error) {
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		w, err := readWebhook(ctx, c)
		if err != nil || !wide(w) || len(certs.Parse(ca)) == 0 {
			return err
		}
		both := certs.Join(bundle(w), ca)
		if certs.Same(both, bundle(w)) {
			return nil
		}
		added = true
		return setBundle(ctx, c, w, both)
	})
	return added, err
}

// trustOnly has the webhook trust the authority of a certificate alone, if the Secret still has that
// certificate. The webhook is read before the Secret: what another run adds in between is not lost.
func trustOnly(ctx context.Context, c *kube.Cluster, t manifest.TLS) (changed bool, err error) {
	err = retry.RetryOnConflict(retry.DefaultRetry, func() error {
		w, err := readWebhook(ctx, c)
		if err != nil || w == nil {
			return err
		}
		if err := serves(ctx, c, manifest.SecretName, t); err != nil {
			return err
		}
		if certs.Same(bundle(w), t.CA) {
			return nil
		}
		changed = true
		return setBundle(ctx, c, w, certs.Join(t.CA))
	})
	return changed, err
}

func setBundle(ctx context.Context, c *kube.Cluster, w *admissionv1.MutatingWebhookConfiguration, bundle []byte) error {
	for n := range w.Webhooks {
		w.Webhooks[n].ClientConfig.CABundle = bundle
	}
	return update(ctx, c, w)
}

// serves is an error if a Secret does not have the certificate any more: another run has replaced it.
func serves(ctx context.Context, c *kube.Cluster, secret string, t manifest.TLS) error {
	s, err := c.Client.CoreV1().Secrets(Namespace).Get(ctx, secret, metav1.GetOptions{})
	if err != nil {
		return fmt.Errorf("read secret/%s: %w", secret, err)
	}
	if !slices.Equal(s.Data[corev1.TLSCertKey], t.Cert) {
		return overtaken("secret/" + secret)
	}
	return nil
}
