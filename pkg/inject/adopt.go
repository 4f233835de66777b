package inject

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// handmade are the names under which kubectl's own commands set fields.
var handmade = []string{"kubectl-client-side-apply", "kubectl-create", "kubectl-edit", "kubectl-patch",
	"kubectl-label", "kubectl-annotate", "kubectl-scale", "kubectl-set", "kubectl-replace", "kubectl", "before-first-apply"}

// adopt makes ours every field of the guide's objects that was set with kubectl, so that applying the plan
// changes what differs and drops what the plan does not have. Nothing of their content changes here.
func (i *installation) adopt(ctx context.Context) error {
	taken := 0
	guides := configurationNamed(manifest.ConfigMapName)[1]
	for _, object := range append(i.plan.All(), guides) {
		var took bool
		// Its controller writes to a Deployment at any moment, too.
		err := retry.RetryOnConflict(retry.DefaultRetry, func() (err error) {
			took, err = i.take(ctx, object, object == guides)
			return err
		})
		if err != nil {
			return err
		}
		if took {
			taken++
		}
	}
	if taken == 0 {
		return nil
	}
	i.report.remark("taking over %s of the guide's installer", count(taken, "object"))
	var err error
	if i.found, err = look(ctx, i.c, tlsSecretName(i.o)); err != nil {
		return err
	}
	return i.decide()
}

// take makes one object ours, if it is there and is not yet. It is remembered as it was, so that a rollback
// brings its content back; who owns which field is not brought back. Only the webhook is not remembered: the
// authorities that it is going to trust must stay while pods of both forms serve.
func (i *installation) take(ctx context.Context, object kube.Object, mark bool) (taken bool, err error) {
	client, err := i.c.Resource(object)
	if err != nil {
		return false, err
	}
	now, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) || err == nil && Ours(now) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read %s: %w", kube.Describe(object), err)
	}
	before := now.DeepCopy()
	managers := sets.New[string]()
	for _, entry := range now.GetManagedFields() {
		for _, name := range handmade {
			if entry.Manager == name {
				managers.Insert(name)
			}
		}
	}
	if err := csaupgrade.UpgradeManagedFields(now, managers, kube.FieldManager); err != nil {
		return false, fmt.Errorf("take over %s: %w", kube.Describe(object), err)
	}
	annotations := now.GetAnnotations()
	delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
	now.SetAnnotations(annotations)
	if mark {
		// It is no part of the plan; marked, it goes when no revision needs it any more.
		marked := now.GetLabels()
		if marked == nil {
			marked = map[string]string{}
		}
		marked[manifest.ManagedByLabel] = kube.FieldManager
		now.SetLabels(marked)
	}
	after, err := client.Update(ctx, now, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	if err != nil {
		return false, fmt.Errorf("take over %s: %w", kube.Describe(object), err)
	}
	if object.GetName() != WebhookName {
		i.remember(object, kube.Applied{Change: kube.Changed, Before: before, After: after})
	}
	return true, nil
}
