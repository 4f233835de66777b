package inject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"

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
		client, err := i.c.Resource(object)
		if err != nil {
			return err
		}
		now, err := client.Get(ctx, object.GetName(), metav1.GetOptions{})
		if apierrors.IsNotFound(err) || err == nil && Ours(now) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read %s: %w", kube.Describe(object), err)
		}
		managers := sets.New[string]()
		for _, entry := range now.GetManagedFields() {
			for _, name := range handmade {
				if entry.Manager == name {
					managers.Insert(name)
				}
			}
		}
		if err := csaupgrade.UpgradeManagedFields(now, managers, kube.FieldManager); err != nil {
			return fmt.Errorf("take over %s: %w", kube.Describe(object), err)
		}
		annotations := now.GetAnnotations()
		delete(annotations, "kubectl.kubernetes.io/last-applied-configuration")
		now.SetAnnotations(annotations)
		if object == guides {
			// It is no part of the plan; marked, it goes when no revision needs it any more.
			marked := now.GetLabels()
			if marked == nil {
				marked = map[string]string{}
			}
			marked[manifest.ManagedByLabel] = kube.FieldManager
			now.SetLabels(marked)
		}
		if _, err := client.Update(ctx, now, metav1.UpdateOptions{FieldManager: kube.FieldManager}); err != nil {
			return fmt.Errorf("take over %s: %w", kube.Describe(object), err)
		}
		taken++
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

// spareObjects removes what an installation with other options made and this one has not: the right to read
// secrets, the registry's authority, certificates made here.
func (i *installation) spareObjects(ctx context.Context) error {
	all := manifest.Defaults()
	all.RegistryCA = []byte("any")
	for _, object := range manifest.Render(all, manifest.Given{TLS: manifest.TLS{Cert: []byte("any")}}).Objects {
		planned := slices.ContainsFunc(i.plan.Objects, func(o kube.Object) bool { return kube.Describe(o) == kube.Describe(object) })
		if planned || strings.HasPrefix(object.GetName(), manifest.ConfigMapName) {
			continue
		}
		change, err := i.c.Delete(ctx, object, foreign)
		if err != nil && !errors.Is(err, errForeign) {
			return err
		}
		if change == kube.Deleted {
			i.report.change(object, change)
		}
	}
	return nil
}

// prune deletes configurations that no revision of the Deployment refers to any more, and that are old
// enough not to be another run's that is just being made. Those of the revisions that are kept stay, so
// that kubectl rollout undo works.
func (i *installation) prune(ctx context.Context) error {
	return pruneConfigs(ctx, i.c, i.now, i.report)
}
