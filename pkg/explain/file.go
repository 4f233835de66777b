package explain

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/yaml"
	sigsyaml "sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// File is what was found in a manifest.
type File struct {
	Subjects []Subject
	Skipped  []Skipped
	// Namespaces are the labels of the namespaces that the file makes.
	Namespaces map[string]map[string]string
}

// strict refuses a field that there is not, as kubectl apply does: a misspelt annotation would otherwise
// be explained as if it were not there.
var strict = sync.OnceValue(func() runtime.Decoder {
	return serializer.NewCodecFactory(clientset.Scheme(), serializer.EnableStrict).UniversalDeserializer()
})

// Read takes the pods out of a manifest in YAML or JSON with any number of documents and lists. name is the
// file's for messages, namespace that of objects which name none. The error is one of bad input.
func Read(from io.Reader, name, namespace string) (*File, error) {
	f := &File{Namespaces: map[string]map[string]string{}}
	decoder := yaml.NewYAMLOrJSONDecoder(from, 4096)
	for document := 1; ; document++ {
		var raw runtime.RawExtension
		err := decoder.Decode(&raw)
		if errors.Is(err, io.EOF) {
			break
		}
		where := fmt.Sprintf("document %d of %s", document, name)
		if err != nil {
			return nil, unreadable(where, err)
		}
		if raw.Raw = bytes.TrimSpace(raw.Raw); len(raw.Raw) == 0 || bytes.Equal(raw.Raw, []byte("null")) {
			continue
		}
		if err := f.add(raw.Raw, where, name, namespace); err != nil {
			return nil, err
		}
	}
	if len(f.Subjects) == 0 {
		return nil, problem.New(problem.BadInput, "give a file with a Pod or a workload", "there is nothing in %s that makes pods", name)
	}
	return f, nil
}

func unreadable(where string, err error) error {
	return problem.New(problem.BadInput, "mend the file; kubectl apply --dry-run=server -f FILE checks it too",
		"%s cannot be read: %w", where, err)
}

// add takes one document, which may be a list.
func (f *File) add(content []byte, where, name, namespace string) error {
	object, _, err := strict().Decode(content, nil, nil)
	switch {
	case runtime.IsNotRegisteredError(err):
		f.skip(content, name)
		return nil
	case err != nil:
		return unreadable(where, err)
	}
	if list, ok := object.(*corev1.List); ok {
		for _, item := range list.Items {
			if err := f.add(item.Raw, where, name, namespace); err != nil {
				return err
			}
		}
		return nil
	}
	if meta.IsListType(object) {
		items, err := meta.ExtractList(object)
		for _, item := range items {
			// The items of a typed list do not say what they are.
			if kinds, _, err := clientset.Scheme().ObjectKinds(item); err == nil {
				item.GetObjectKind().SetGroupVersionKind(kinds[0])
			}
			f.take(item, content, name, namespace)
		}
		return err
	}
	f.take(object, content, name, namespace)
	return nil
}

func (f *File) take(object runtime.Object, content []byte, name, namespace string) {
	if ns, ok := object.(*corev1.Namespace); ok {
		labels := map[string]string{corev1.LabelMetadataName: ns.Name}
		for key, value := range ns.Labels {
			labels[key] = value
		}
		f.Namespaces[ns.Name] = labels
		return
	}
	s, ok := subject(object)
	if !ok {
		f.skip(content, name)
		return
	}
	if s.File = name; s.Namespace == "" {
		s.Namespace = namespace
	}
	f.Subjects = append(f.Subjects, s)
}

// subject makes one of an object that was not read from a cluster.
func subject(object runtime.Object) (Subject, bool) {
	named, err := meta.Accessor(object)
	if err != nil {
		return Subject{}, false
	}
	s := Subject{Namespace: named.GetNamespace(), Kind: object.GetObjectKind().GroupVersionKind().Kind, Name: named.GetName()}
	if s.Name == "" {
		s.Name = named.GetGenerateName()
	}
	if pod, ok := object.(*corev1.Pod); ok {
		s.Pod, s.About = kube.Anew(pod), "the pod as it is written"
		return s, true
	}
	s.Pod, s.About = kube.PodOf(object), "a pod of its template"
	return s, s.Pod != nil
}

// skip notes a document that makes no pods, as far as that is known.
func (f *File) skip(content []byte, name string) {
	var o metav1.PartialObjectMetadata
	// What could not even be read this far was an error before.
	_ = sigsyaml.Unmarshal(content, &o)
	why := "it makes no pods"
	if !clientset.Scheme().Recognizes(o.GroupVersionKind()) {
		why = fmt.Sprintf("the kind %s of %s is not known here", o.Kind, o.APIVersion)
	}
	f.Skipped = append(f.Skipped, Skipped{File: name, Object: strings.ToLower(o.Kind) + "/" + o.Name, Why: why})
}
