package kube

import (
	"context"
	"fmt"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
)

// FieldManager is the name under which this tool owns what it applies.
const FieldManager = "kubectl-falcon"

// Object is anything with a kind and a name that a renderer makes.
type Object interface {
	runtime.Object
	metav1.Object
}

// Change says what applying or deleting did to an object.
type Change string

// The changes that can be reported.
const (
	Created   Change = "created"
	Changed   Change = "configured"
	Unchanged Change = "unchanged"
	Deleted   Change = "deleted"
)

// resources maps the kinds this tool makes to their resource, so that no discovery is needed.
var resources = map[string]schema.GroupVersionResource{
	"Namespace":      {Version: "v1", Resource: "namespaces"},
	"ServiceAccount": {Version: "v1", Resource: "serviceaccounts"},
	"ConfigMap":      {Version: "v1", Resource: "configmaps"},
	"Secret":         {Version: "v1", Resource: "secrets"},
	"Service":        {Version: "v1", Resource: "services"},
	"Deployment":     {Group: "apps", Version: "v1", Resource: "deployments"},
	"MutatingWebhookConfiguration": {
		Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
}

// Describe names an object as kubectl does: kind/name in lower case.
func Describe(o Object) string {
	return fmt.Sprintf("%s/%s", strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind), o.GetName())
}

// Apply creates or changes one object by server-side apply, never by force: a field that another manager
// owns with another value is an error (apierrors.IsConflict). With dryRun the server only answers.
func (c *Cluster) Apply(ctx context.Context, o Object, dryRun bool) (Change, error) {
	u, err := toUnstructured(o)
	if err != nil {
		return "", err
	}
	client, err := c.resource(o)
	if err != nil {
		return "", err
	}
	before, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		return "", fmt.Errorf("read %s: %w", Describe(o), err)
	}
	existed := err == nil
	options := metav1.ApplyOptions{FieldManager: FieldManager}
	if dryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	after, err := client.Apply(ctx, o.GetName(), u, options)
	switch {
	case err != nil:
		return "", fmt.Errorf("apply %s: %w", Describe(o), err)
	case !existed:
		return Created, nil
	case before.GetResourceVersion() == after.GetResourceVersion():
		return Unchanged, nil
	}
	return Changed, nil
}

// Delete removes one object if it is there and keep does not object to it as it stands. It returns
// Unchanged when there was nothing to delete.
func (c *Cluster) Delete(ctx context.Context, o Object, keep func(metav1.Object) error) (Change, error) {
	client, err := c.resource(o)
	if err != nil {
		return "", err
	}
	now, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return Unchanged, nil
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", Describe(o), err)
	}
	if err := keep(now); err != nil {
		return "", err
	}
	uid, background := now.GetUID(), metav1.DeletePropagationBackground
	err = client.Delete(ctx, o.GetName(), metav1.DeleteOptions{
		// Only the object that was looked at: one made since then is somebody's new one.
		Preconditions:     &metav1.Preconditions{UID: &uid},
		PropagationPolicy: &background,
	})
	if apierrors.IsNotFound(err) {
		return Unchanged, nil
	}
	if err != nil {
		return "", fmt.Errorf("delete %s: %w", Describe(o), err)
	}
	return Deleted, nil
}

func (c *Cluster) resource(o Object) (dynamic.ResourceInterface, error) {
	kind := o.GetObjectKind().GroupVersionKind().Kind
	gvr, ok := resources[kind]
	if !ok {
		return nil, fmt.Errorf("the kind %q of %q is not one that this tool makes", kind, o.GetName())
	}
	if o.GetNamespace() == "" {
		return c.Dynamic.Resource(gvr), nil
	}
	return c.Dynamic.Resource(gvr).Namespace(o.GetNamespace()), nil
}

// toUnstructured drops what typed structs carry although nobody set it, so that applying does not claim
// to own it.
func toUnstructured(o Object) (*unstructured.Unstructured, error) {
	content, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return nil, fmt.Errorf("convert %s: %w", Describe(o), err)
	}
	u := &unstructured.Unstructured{Object: content}
	unstructured.RemoveNestedField(content, "status")
	unstructured.RemoveNestedField(content, "metadata", "creationTimestamp")
	unstructured.RemoveNestedField(content, "spec", "template", "metadata", "creationTimestamp")
	return u, nil
}
