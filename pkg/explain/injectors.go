package explain

import (
	"context"
	"fmt"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// The keys of an injector's configuration that decide here, and how the vendor's keys say yes.
const (
	defaultKey = "INJECTION_DEFAULT_DISABLED"
	on         = "T"
)

// source is an injector with what its answers follow from.
type source struct {
	owner.Injector
	// hooks are the entries of its webhook configuration.
	hooks []admissionv1.MutatingWebhook
	image string
	optIn bool
	// unread is why its settings are not known.
	unread string
}

// sources looks at all injectors of the cluster.
func sources(ctx context.Context, c *kube.Cluster) ([]source, error) {
	found, err := owner.Find(ctx, c)
	if err != nil {
		return nil, err
	}
	all := make([]source, len(found))
	for n := range found {
		s := &all[n]
		s.Injector = found[n]
		if s.Webhook != "" {
			hook, err := c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().Get(ctx, s.Webhook, metav1.GetOptions{})
			// It may have gone since.
			if err != nil && !apierrors.IsNotFound(err) {
				return nil, fmt.Errorf("read mutatingwebhookconfiguration %s: %w", s.Webhook, err)
			}
			if err == nil {
				s.hooks = hook.Webhooks
			}
		}
		if err := s.settings(ctx, c); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// settings reads the configuration as the injector's container gets it. What may not be read stays unknown.
func (s *source) settings(ctx context.Context, c *kube.Cluster) error {
	if s.Deployment == "" {
		s.unread = "the injector's Deployment is not there, so its default is not known"
		return nil
	}
	d, err := c.Client.AppsV1().Deployments(s.Namespace).Get(ctx, s.Deployment, metav1.GetOptions{})
	if err == nil {
		var values map[string]string
		values, err = owner.Settings(ctx, c, d)
		s.optIn, s.image = values[defaultKey] == on, values[owner.ImageKey]
	}
	switch {
	case apierrors.IsForbidden(err):
		s.unread = "you may not read the injector's configuration, so its default is not known"
	case apierrors.IsNotFound(err):
		s.unread = "the injector's configuration is not there, so its default is not known"
	default:
		return err
	}
	return nil
}

// space is what is known of a namespace.
type space struct {
	labels map[string]string
	// there says that the cluster has it, hidden that this user may not read it.
	there, hidden bool
}

// namespaceOf reads a namespace, or takes what a file is going to make of it.
func namespaceOf(ctx context.Context, c *kube.Cluster, name string, made map[string]map[string]string) (space, error) {
	ns, err := c.Client.CoreV1().Namespaces().Get(ctx, name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		labels := made[name]
		if labels == nil {
			labels = map[string]string{corev1.LabelMetadataName: name}
		}
		return space{labels: labels}, nil
	case apierrors.IsForbidden(err):
		return space{there: true, hidden: true}, nil
	case err != nil:
		return space{}, fmt.Errorf("read namespace %s: %w", name, err)
	}
	return space{labels: ns.Labels, there: true}, nil
}
