package inject

import (
	"context"
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

// findPullSecret reads what copies of the pull secret are to hold; without one, or with one that cannot be
// meant, the error comes before anything was changed.
func (i *installation) findPullSecret(ctx context.Context) error {
	if i.pull = i.o.PullSecretConfig; i.o.PullSecret == "" || len(i.pull) > 0 {
		return nil
	}
	s, err := one(i.c.Client.CoreV1().Secrets(Namespace).Get(ctx, i.o.PullSecret, metav1.GetOptions{}))("secret/" + i.o.PullSecret)
	switch {
	case err != nil:
		return err
	case s == nil:
		return problem.New(problem.BadInput, "make it there first, or have it made with --pull-secret-file",
			"--pull-secret: there is no secret %q in namespace %s", i.o.PullSecret, Namespace)
	case len(s.Data[corev1.DockerConfigJsonKey]) == 0:
		return problem.New(problem.BadInput, "kubectl create secret docker-registry makes one that is",
			"--pull-secret: secret %q in namespace %s is not of type %s", i.o.PullSecret, Namespace, corev1.SecretTypeDockerConfigJson)
	}
	i.pull = s.Data[corev1.DockerConfigJsonKey]
	return nil
}

// copies are the pull secret for every namespace in scope, since a sidecar is pulled with its pod's rights;
// kept are the namespaces with a secret of that name that somebody else made, which is left as it is.
func (i *installation) copies(ctx context.Context) (all []kube.Object, kept []string, err error) {
	if i.o.PullSecret == "" {
		return nil, nil, nil
	}
	theirs := map[string]bool{}
	err = eachMetadata(ctx, i.c, secretKind, metav1.ListOptions{FieldSelector: "metadata.name=" + i.o.PullSecret},
		func(o *metav1.PartialObjectMetadata) { theirs[o.Namespace] = !Ours(o) })
	if err != nil {
		return nil, nil, err
	}
	o := i.o
	o.PullSecretConfig = i.pull
	in, _ := covered(i.plan.Webhook, i.found.namespaces)
	for _, ns := range in {
		if theirs[ns] {
			kept = append(kept, ns)
			continue
		}
		all = append(all, manifest.PullSecret(o, ns))
	}
	return all, kept, nil
}

// pullSecrets makes the copies.
func (i *installation) pullSecrets(ctx context.Context) error {
	all, kept, err := i.copies(ctx)
	if err != nil {
		return err
	}
	for _, ns := range kept {
		i.report.remark("secret/%s (%s) is kept as it is: it was not made by kubectl falcon", i.o.PullSecret, ns)
	}
	for _, object := range all {
		if err := i.apply(ctx, object); err != nil && !gone(err) {
			return err
		}
	}
	return nil
}

// staleSecrets are the pull secrets that were made here and are in no plan any more: in namespaces that are
// out of scope now, under an earlier name, or all of them when the option was dropped. They hold credentials
// of the registry.
func (i *installation) staleSecrets(ctx context.Context) (stale []kube.Object, err error) {
	if i.o.PullSecret == "" {
		// Only whoever had some needs the right to look for them.
		if had, err := i.hadPullSecret(ctx); err != nil || !had {
			return nil, err
		}
	}
	in, _ := covered(i.plan.Webhook, i.found.namespaces)
	err = eachMetadata(ctx, i.c, secretKind, metav1.ListOptions{
		LabelSelector: manifest.ManagedByLabel + "=" + kube.FieldManager,
		FieldSelector: "type=" + string(corev1.SecretTypeDockerConfigJson),
	}, func(s *metav1.PartialObjectMetadata) {
		planned := s.Name == i.o.PullSecret && (s.Namespace == Namespace || slices.Contains(in, s.Namespace))
		if !planned && Ours(s) {
			stale = append(stale, manifest.PullSecret(Options{PullSecret: s.Name}, s.Namespace))
		}
	})
	if apierrors.IsForbidden(err) && i.o.PullSecret == "" {
		i.report.remark("copies of the pull secret from before may be left: you may not list secrets\n" +
			"  next: kubectl falcon rbac install --pull-secret NAME prints the role that may")
		return nil, nil
	}
	return stale, err
}

// hadPullSecret says whether the installation before had one: by its record, or by the configuration of the
// injector that was found, if it did not come to a record.
func (i *installation) hadPullSecret(ctx context.Context) (bool, error) {
	configs := i.c.Client.CoreV1().ConfigMaps(Namespace)
	record, err := one(configs.Get(ctx, manifest.RecordName, metav1.GetOptions{}))("configmap/" + manifest.RecordName)
	if err != nil {
		return false, err
	}
	if record != nil && manifest.RecordsPullSecret(record) {
		return true, nil
	}
	if i.found.deployment == nil {
		return false, nil
	}
	name := configName(&i.found.deployment.Spec.Template.Spec)
	if name == "" {
		return false, nil
	}
	config, err := one(configs.Get(ctx, name, metav1.GetOptions{}))("configmap/" + name)
	if err != nil || config == nil {
		return false, err
	}
	return config.Data[manifest.PullSecretKey] != "", nil
}
