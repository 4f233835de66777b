package plugin

import (
	"io"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// printObjects prints objects as kubectl apply takes them: documents of YAML, or a List in JSON.
func printObjects(w io.Writer, format term.Format, objects []kube.Object) error {
	plain := make([]any, 0, len(objects))
	for _, o := range objects {
		u, err := kube.ToUnstructured(o)
		if err != nil {
			return err
		}
		plain = append(plain, u.Object)
	}
	if format == term.JSON {
		return term.Structured(w, term.JSON, map[string]any{"apiVersion": "v1", "kind": "List", "items": plain})
	}
	for n, o := range plain {
		text, err := yaml.Marshal(o)
		if err != nil {
			return err
		}
		if n > 0 {
			text = append([]byte("---\n"), text...)
		}
		if _, err := w.Write(text); err != nil {
			return err
		}
	}
	return nil
}
