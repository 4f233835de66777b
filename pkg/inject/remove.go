package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

var errForeign = errors.New("not made by kubectl falcon")

// foreign objects to an object that this tool did not make.
func foreign(o metav1.Object) error {
	if Ours(o) {
		return nil
	}
	return errForeign
}

// remove deletes one object if this tool made it, and says what it did.
func remove(ctx context.Context, c *kube.Cluster, object kube.Object, report Reporter) error {
	change, err := c.Delete(ctx, object, foreign)
	if errors.Is(err, errForeign) {
		report.kept(describe(object), "kept", madeByOthers)
		return nil
	}
	if change == kube.Deleted {
		report.change(object, change)
	}
	return err
}

// unmark takes the label that leaves pods out off the injector's namespace, if the namespace is somebody
// else's and it was this tool alone that set it.
func unmark(ctx context.Context, c *kube.Cluster, dryRun bool, report Reporter) error {
	ns, err := one(c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{}))("namespace/" + Namespace)
	if err != nil || ns == nil || Ours(ns) || !setHere(ns, InjectionKey) {
		return err
	}
	if !dryRun {
		patch := fmt.Sprintf(`{"metadata":{"labels":{%q:null}}}`, InjectionKey)
		_, err = c.Client.CoreV1().Namespaces().Patch(ctx, Namespace, types.MergePatchType, []byte(patch),
			metav1.PatchOptions{FieldManager: kube.FieldManager})
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("take the label off namespace/%s: %w", Namespace, err)
	}
	report(Event{Object: "namespace/" + Namespace, Change: kube.Changed})
	return nil
}

// setHere says whether a label is there that this tool owns and nobody else.
func setHere(o metav1.Object, label string) bool {
	ours := false
	for _, e := range o.GetManagedFields() {
		if e.FieldsV1 == nil || !strings.Contains(e.FieldsV1.GetRawString(), `"f:`+label+`"`) {
			continue
		}
		if e.Manager != kube.FieldManager {
			return false
		}
		ours = true
	}
	return ours
}

// list names the first few of many.
func list(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
