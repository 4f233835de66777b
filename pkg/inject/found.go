package inject

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// found is what the cluster has before anything is changed; what is not there is nil.
type found struct {
	namespace  *corev1.Namespace
	deployment *appsv1.Deployment
	service    *corev1.Service
	// secret is the one that the injector mounts, or is to mount.
	secret     *corev1.Secret
	webhook    *admissionv1.MutatingWebhookConfiguration
	namespaces []corev1.Namespace
	injectors  []owner.Injector
}

// look reads it all at once. tlsSecret is the name of the Secret with the certificate.
func look(ctx context.Context, c *kube.Cluster, tlsSecret string) (*found, error) {
	var f found
	all, ctx := errgroup.WithContext(ctx)
	get := metav1.GetOptions{}
	all.Go(func() (err error) {
		f.namespace, err = one(c.Client.CoreV1().Namespaces().Get(ctx, Namespace, get))("namespace/" + Namespace)
		return err
	})
	all.Go(func() (err error) {
		f.deployment, err = one(c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, get))("deployment/" + Name)
		return err
	})
	all.Go(func() (err error) {
		f.service, err = one(c.Client.CoreV1().Services(Namespace).Get(ctx, Name, get))("service/" + Name)
		return err
	})
	all.Go(func() (err error) {
		f.secret, err = one(c.Client.CoreV1().Secrets(Namespace).Get(ctx, tlsSecret, get))("secret/" + tlsSecret)
		return err
	})
	all.Go(func() (err error) {
		f.webhook, err = readWebhook(ctx, c)
		return err
	})
	all.Go(func() (err error) {
		f.namespaces, err = listNamespaces(ctx, c)
		return err
	})
	all.Go(func() (err error) {
		f.injectors, err = owner.Find(ctx, c)
		return err
	})
	if err := all.Wait(); err != nil {
		return nil, err
	}
	return &f, nil
}

// ending says whether the injector's namespace is being deleted.
func (f *found) ending() bool { return f.namespace != nil && f.namespace.DeletionTimestamp != nil }

// staying is an error if the injector's namespace is being deleted: it takes no new objects then.
func (f *found) staying() error {
	if !f.ending() {
		return nil
	}
	return problem.New(problem.Failed,
		"wait until it is gone (kubectl get namespace "+Namespace+" -w), then run this again",
		"namespace %s is being deleted", Namespace)
}

// lookMounted is look at the Secret that the injector mounts, whichever that is.
func lookMounted(ctx context.Context, c *kube.Cluster) (*found, error) {
	f, err := look(ctx, c, manifest.SecretName)
	if err != nil || f.deployment == nil {
		return f, err
	}
	if name := mounted(f.deployment); name != "" && name != manifest.SecretName {
		f.secret, err = one(c.Client.CoreV1().Secrets(Namespace).Get(ctx, name, metav1.GetOptions{}))("secret/" + name)
	}
	return f, err
}

// one turns an object that is not there into none.
func one[T any](object *T, err error) func(name string) (*T, error) {
	return func(name string) (*T, error) {
		switch {
		case apierrors.IsNotFound(err):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		return object, nil
	}
}

func readWebhook(ctx context.Context, c *kube.Cluster) (*admissionv1.MutatingWebhookConfiguration, error) {
	return one(c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().
		Get(ctx, WebhookName, metav1.GetOptions{}))("the webhook " + WebhookName)
}

// listNamespaces returns all namespaces but the one that is only there for a proof.
func listNamespaces(ctx context.Context, c *kube.Cluster) (all []corev1.Namespace, err error) {
	options := metav1.ListOptions{Limit: pageSize}
	for {
		list, err := c.Client.CoreV1().Namespaces().List(ctx, options)
		if err != nil {
			return nil, fmt.Errorf("list namespaces: %w", err)
		}
		for i := range list.Items {
			if list.Items[i].Name != manifest.CanaryNamespace {
				all = append(all, list.Items[i])
			}
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return all, nil
		}
	}
}

// bundle is what the webhook trusts now.
func bundle(w *admissionv1.MutatingWebhookConfiguration) []byte {
	if w == nil || len(w.Webhooks) == 0 {
		return nil
	}
	return w.Webhooks[0].ClientConfig.CABundle
}

// wide says whether a webhook covers more than canaries, so that pods depend on it.
func wide(w *admissionv1.MutatingWebhookConfiguration) bool {
	if w == nil {
		return false
	}
	for i := range w.Webhooks {
		hook := &w.Webhooks[i]
		canaries := hook.ObjectSelector != nil && hook.ObjectSelector.MatchLabels[manifest.CanaryLabel] != ""
		if !canaries && !onlyCanaryNamespace(hook.NamespaceSelector) {
			return true
		}
	}
	return false
}

func onlyCanaryNamespace(s *metav1.LabelSelector) bool {
	if s == nil {
		return false
	}
	for _, e := range s.MatchExpressions {
		if e.Key == corev1.LabelMetadataName && e.Operator == metav1.LabelSelectorOpIn &&
			len(e.Values) == 1 && e.Values[0] == manifest.CanaryNamespace {
			return true
		}
	}
	return false
}

// covered returns the namespaces whose pods a webhook is called for, and the others.
func covered(w *admissionv1.MutatingWebhookConfiguration, all []corev1.Namespace) (in, out []string) {
	in, out = []string{}, []string{}
	for i := range all {
		ns := &all[i]
		if ns.DeletionTimestamp == nil && manifest.Covers(w, ns.Labels) {
			in = append(in, ns.Name)
		} else {
			out = append(out, ns.Name)
		}
	}
	return in, out
}
