package verify

import (
	"encoding/json"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// edits are the fields of one of this tool's objects that other managers own, by what the API server notes
// of each write: whoever changes a field that we applied owns it from then on. Metadata and status are
// everybody's, and what only adds an annotation to the pods (kubectl rollout restart) changes nothing.
func edits(object string, written []metav1.ManagedFieldsEntry) (all []Edit) {
	for _, w := range written {
		if w.Manager == kube.FieldManager || w.Subresource == "status" || w.FieldsV1 == nil {
			continue
		}
		var tree map[string]any
		if json.Unmarshal(w.FieldsV1.GetRawBytes(), &tree) != nil {
			continue
		}
		fields := leaves("", tree)
		fields = slices.DeleteFunc(fields, func(f string) bool {
			return strings.HasPrefix(f, ".metadata") || strings.HasPrefix(f, ".status") ||
				strings.HasPrefix(f, ".spec.template.metadata.annotations")
		})
		if len(fields) == 0 {
			continue
		}
		e := Edit{Object: object, Manager: w.Manager, Fields: fields}
		if w.Time != nil {
			e.Time = w.Time.UTC()
		}
		all = append(all, e)
	}
	return all
}

// leaves are the paths of a set of fields in the form of the API server: f:name is a field, k:{...} and
// v:... an element of a list, "." the thing itself.
func leaves(path string, tree map[string]any) (all []string) {
	for key, below := range tree {
		inner, _ := below.(map[string]any)
		here := path
		switch kind, name, _ := strings.Cut(key, ":"); kind {
		case "f":
			here += "." + name
		case "k", "v":
			here += "[" + name + "]"
		default:
			continue
		}
		if deeper := leaves(here, inner); len(deeper) > 0 {
			all = append(all, deeper...)
			continue
		}
		all = append(all, here)
	}
	slices.Sort(all)
	return all
}
