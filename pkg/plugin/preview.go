package plugin

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

const (
	// mask stands for the value of a Secret.
	mask = "***"
	// lastApplied is where kubectl apply keeps an object whole, values of Secrets included.
	lastApplied = "kubectl.kubernetes.io/last-applied-configuration"
	// maskedNote is the first line of YAML in which something is masked.
	maskedNote = "# The values of Secrets are masked: to apply this, print it with --show-secrets.\n"
)

// printOffline prints what an installation would make, without a cluster.
func (s *session) printOffline(f *installFlags) error {
	plan, err := inject.Offline(f.o, f.how.Version)
	if err != nil {
		return err
	}
	s.warn(f)
	if f.output != "" {
		return s.printObjects(f, plan.All())
	}
	for _, o := range plan.All() {
		// Nothing was looked at, so as kubectl does it says what becomes of it in an empty cluster.
		fmt.Fprintf(s.Out, "%s %s (client dry run)\n", kube.Describe(o), kube.Created)
	}
	return nil
}

// printPreview prints what the server makes of each object, or the objects.
func (s *session) printPreview(ctx context.Context, c *kube.Cluster, f *installFlags) error {
	outcomes, err := inject.Preview(ctx, c, f.o, f.how, s.remarks)
	if err != nil {
		return err
	}
	s.warn(f)
	if f.output != "" {
		return s.printObjects(f, rendered(outcomes))
	}
	for _, o := range outcomes {
		fmt.Fprintf(s.Out, "%s %s (server dry run)\n", o.Name, o.Change)
	}
	return nil
}

// printApplied prints the objects that an installation has just applied. A preview has them: it finds the
// certificate that the installation made.
func (s *session) printApplied(ctx context.Context, c *kube.Cluster, f *installFlags, applied map[string]bool) error {
	outcomes, err := inject.Preview(ctx, c, f.o, f.how, func(inject.Event) {})
	if err != nil {
		return fmt.Errorf("it is installed, but what was applied cannot be printed: %w", err)
	}
	var made []inject.Outcome
	for _, o := range outcomes {
		if applied[o.Name] {
			made = append(made, o)
		}
	}
	return s.printObjects(f, rendered(made))
}

// remarks is a reporter for what changes nothing.
func (s *session) remarks(e inject.Event) {
	if e.Remark != "" {
		s.remark("%s", e.Remark)
	}
}

// warn says what an installation would warn of.
func (s *session) warn(f *installFlags) {
	for _, warning := range f.o.Warnings() {
		s.remark("warning: %s", warning)
	}
}

// rendered are the objects that are applied.
func rendered(outcomes []inject.Outcome) []kube.Object {
	var objects []kube.Object
	for _, o := range outcomes {
		if o.Rendered != nil {
			objects = append(objects, o.Rendered)
		}
	}
	return objects
}

// printObjects prints objects in the form of -o.
func (s *session) printObjects(f *installFlags, objects []kube.Object) error {
	if f.output == outputName {
		for _, o := range objects {
			if _, err := fmt.Fprintln(s.Out, kube.Describe(o)); err != nil {
				return err
			}
		}
		return nil
	}
	masked := false
	items := make([]map[string]any, 0, len(objects))
	for _, o := range objects {
		u, err := kube.ToUnstructured(o)
		if err != nil {
			return err
		}
		if !f.showSecrets && isSecret(u) {
			masked = true
			hide(u, nil, "")
		}
		items = append(items, u.Object)
	}
	if f.output == outputJSON {
		return term.Structured(s.Out, term.JSON, map[string]any{"apiVersion": "v1", "kind": "List", "items": items})
	}
	var all bytes.Buffer
	if masked {
		all.WriteString(maskedNote)
	}
	for n, item := range items {
		if n > 0 {
			all.WriteString("---\n")
		}
		if err := term.Structured(&all, term.YAML, item); err != nil {
			return err
		}
	}
	_, err := all.WriteTo(s.Out)
	return err
}

func isSecret(u *unstructured.Unstructured) bool {
	return u.GetKind() == "Secret" && u.GroupVersionKind().Group == ""
}

// hide masks the values of a Secret. Those that another one has differently are marked as being the ones
// of this side, so that a change still shows.
func hide(u, other *unstructured.Unstructured, side string) {
	for _, field := range []string{"data", "stringData"} {
		values, ok, _ := unstructured.NestedMap(u.Object, field)
		if !ok {
			continue
		}
		var others map[string]any
		if other != nil {
			others, _, _ = unstructured.NestedMap(other.Object, field)
		}
		hidden := map[string]any{}
		for key, value := range values {
			hidden[key] = mask
			if theirs, both := others[key]; both && theirs != value {
				hidden[key] = mask + " (" + side + ")"
			}
		}
		u.Object[field] = hidden
	}
	if annotations := u.GetAnnotations(); annotations[lastApplied] != "" {
		annotations[lastApplied] = mask
		u.SetAnnotations(annotations)
	}
}

// printDiff prints how the server's dry run differs from what is there; the exit code says whether it does.
func (s *session) printDiff(ctx context.Context, c *kube.Cluster, f *installFlags) error {
	outcomes, err := inject.Preview(ctx, c, f.o, f.how, s.remarks)
	if err != nil {
		return err
	}
	s.warn(f)
	var all strings.Builder
	for _, o := range outcomes {
		one, err := diff(o, f.showSecrets)
		if err != nil {
			return err
		}
		all.WriteString(one)
	}
	if all.Len() == 0 {
		return nil
	}
	if _, err := fmt.Fprint(s.Out, painted(all.String(), s.painter())); err != nil {
		return err
	}
	return exitWith{code: ExitFailed}
}

// diff is one object's unified diff, or nothing.
func diff(o inject.Outcome, showSecrets bool) (string, error) {
	after := o.After
	if after == nil && o.Rendered != nil {
		// Its namespace is not there yet, so no server has judged it.
		var err error
		if after, err = kube.ToUnstructured(o.Rendered); err != nil {
			return "", err
		}
	}
	old, fresh := bared(o.Before), bared(after)
	if !showSecrets {
		oldAsIs := old.DeepCopy()
		if old != nil && isSecret(old) {
			hide(old, fresh, "before")
		}
		if fresh != nil && isSecret(fresh) {
			hide(fresh, oldAsIs, "after")
		}
	}
	was, err := written(old)
	if err != nil {
		return "", err
	}
	is, err := written(fresh)
	if err != nil {
		return "", err
	}
	return udiff.Unified("live/"+o.Name, "installed/"+o.Name, was, is), nil
}

// bared is a copy without what the server keeps for itself and changes with every write.
func bared(u *unstructured.Unstructured) *unstructured.Unstructured {
	if u == nil {
		return nil
	}
	u = u.DeepCopy()
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp"} {
		unstructured.RemoveNestedField(u.Object, "metadata", field)
	}
	unstructured.RemoveNestedField(u.Object, "status")
	return u
}

func written(u *unstructured.Unstructured) (string, error) {
	if u == nil {
		return "", nil
	}
	content, err := yaml.Marshal(u.Object)
	return string(content), err
}

// painted colours the lines of a diff.
func painted(diff string, p term.Painter) string {
	if !p.On {
		return diff
	}
	var all strings.Builder
	for line := range strings.Lines(diff) {
		text := strings.TrimSuffix(line, "\n")
		style := term.Style(0)
		switch {
		case strings.HasPrefix(text, "+"):
			style = term.Good
		case strings.HasPrefix(text, "-"):
			style = term.Bad
		case strings.HasPrefix(text, "@"):
			style = term.Dim
		}
		all.WriteString(p.Paint(style, text) + "\n")
	}
	return all.String()
}
