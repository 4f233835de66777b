package inject

import (
	"context"
	"errors"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

var secretKind = schema.GroupVersionResource{Version: "v1", Resource: "secrets"}

// pullSecrets brings the pull secret to every namespace in scope, since a sidecar is pulled with its pod's
// rights. A secret of that name that somebody else made is left as it is.
func (i *installation) pullSecrets(ctx context.Context) error {
	if i.o.PullSecret == "" {
		return nil
	}
	o := i.o
	if len(o.PullSecretConfig) == 0 {
		s, err := i.c.Client.CoreV1().Secrets(Namespace).Get(ctx, o.PullSecret, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return problem.New(problem.BadInput, "make it there first, or have it made with --pull-secret-file",
				"--pull-secret: there is no secret %q in namespace %s", o.PullSecret, Namespace)
		}
		if err != nil {
			return fmt.Errorf("read secret/%s: %w", o.PullSecret, err)
		}
		if o.PullSecretConfig = s.Data[corev1.DockerConfigJsonKey]; len(o.PullSecretConfig) == 0 {
			return problem.New(problem.BadInput, "kubectl create secret docker-registry makes one that is",
				"--pull-secret: secret %q in namespace %s is not of type %s", o.PullSecret, Namespace, corev1.SecretTypeDockerConfigJson)
		}
	}
	there, err := i.copies(ctx)
	if err != nil {
		return err
	}
	in, _ := covered(i.plan.Webhook, i.found.namespaces)
	for _, ns := range in {
		ours, exists := there[ns]
		if exists && !ours {
			i.report.remark("secret/%s (%s) is kept as it is: it was not made by kubectl falcon", o.PullSecret, ns)
			continue
		}
		err := i.apply(ctx, manifest.PullSecret(o, ns))
		// A namespace that has gone meanwhile needs none.
		if err != nil && !apierrors.IsNotFound(err) && !apierrors.HasStatusCause(err, corev1.NamespaceTerminatingCause) {
			return err
		}
	}
	return nil
}

// spareSecrets takes our copies of the pull secret out of namespaces that are not in scope any more, once
// no pod there gets the sensor.
func (i *installation) spareSecrets(ctx context.Context) error {
	if i.o.PullSecret == "" {
		return nil
	}
	there, err := i.copies(ctx)
	if err != nil {
		return err
	}
	in, _ := covered(i.plan.Webhook, i.found.namespaces)
	for ns, ours := range there {
		if !ours || ns == Namespace || slices.Contains(in, ns) {
			continue
		}
		copied := manifest.PullSecret(i.o, ns)
		change, err := i.c.Delete(ctx, copied, foreign)
		if err != nil && !errors.Is(err, errForeign) {
			return err
		}
		if change == kube.Deleted {
			i.report.change(copied, change)
		}
	}
	return nil
}

// copies says which namespaces have a secret of the pull secret's name, and whether it is ours.
func (i *installation) copies(ctx context.Context) (map[string]bool, error) {
	there := map[string]bool{}
	err := eachMetadata(ctx, i.c, secretKind, metav1.ListOptions{FieldSelector: "metadata.name=" + i.o.PullSecret},
		func(o *metav1.PartialObjectMetadata) { there[o.Namespace] = Ours(o) })
	return there, err
}
