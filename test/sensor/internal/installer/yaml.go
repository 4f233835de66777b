package installer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// writeYAML prints objects as one stream of documents, under a comment that
// says whose they are. A separator before the first would make an empty
// document of that comment.
func writeYAML(w io.Writer, objects []any) error {
	documents := make([]string, 0, len(objects))
	for _, object := range objects {
		document, err := document(object)
		if err != nil {
			return err
		}
		documents = append(documents, document)
	}
	_, err := io.WriteString(w, "# "+standin.Notice+"\n"+strings.Join(documents, "---\n"))
	if err != nil {
		return fmt.Errorf("print the objects: %w", err)
	}
	return nil
}

// document leaves the status out: it is the cluster's to write, and typed
// objects always carry an empty one.
func document(object any) (string, error) {
	text, err := json.Marshal(object)
	if err != nil {
		return "", fmt.Errorf("render %T: %w", object, err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		return "", fmt.Errorf("render %T: %w", object, err)
	}
	delete(fields, "status")
	out, err := yaml.Marshal(fields)
	if err != nil {
		return "", fmt.Errorf("render %T: %w", object, err)
	}
	return string(out), nil
}
