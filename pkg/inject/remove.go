package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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
		report.remark("%s kept: it was not made by kubectl falcon", describe(object))
		return nil
	}
	if change == kube.Deleted {
		report.change(object, change)
	}
	return err
}

// list names the first few of many.
func list(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}
