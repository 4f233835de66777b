package kube

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/api/equality"
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
	"ResourceQuota":  {Version: "v1", Resource: "resourcequotas"},
	"Deployment":     {Group: "apps", Version: "v1", Resource: "deployments"},
	"ClusterRole": {
		Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterroles"},
	"ClusterRoleBinding": {
		Group: "rbac.authorization.k8s.io", Version: "v1", Resource: "clusterrolebindings"},
	"NetworkPolicy": {
		Group: "networking.k8s.io", Version: "v1", Resource: "networkpolicies"},
	"PodDisruptionBudget": {
		Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"},
	"MutatingWebhookConfiguration": {
		Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"},
}

// Describe names an object as kubectl does: kind/name in lower case.
func Describe(o Object) string {
	return fmt.Sprintf("%s/%s", strings.ToLower(o.GetObjectKind().GroupVersionKind().Kind), o.GetName())
}

// ApplyOptions say how an object is applied.
type ApplyOptions struct {
	// DryRun has the server only answer.
	DryRun bool
	// Force takes fields that another manager owns with another value.
	Force bool
	// Version is the resourceVersion that the object must still have, if not empty: a change by somebody
	// else since it was read is an error (apierrors.IsConflict).
	Version string
	// Before is the object as Know found it a moment ago; without it, it is read.
	Before *Known
}

// Known is what an object was when it was looked at; nil if it was not there.
type Known struct{ Object *unstructured.Unstructured }

// Know reads an object of a kind that this tool makes.
func (c *Cluster) Know(ctx context.Context, o Object) (Known, error) {
	client, err := c.Resource(o)
	if err != nil {
		return Known{}, err
	}
	now, err := client.Get(ctx, o.GetName(), metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return Known{}, nil
	case err != nil:
		return Known{}, fmt.Errorf("read %s: %w", Describe(o), err)
	}
	return Known{Object: now}, nil
}

// Applied is what applying did to an object.
type Applied struct {
	Change Change
	// Before is the object as it was, nil if it was not there; After is the server's answer.
	Before, After *unstructured.Unstructured
}

// Apply creates or changes one object by server-side apply, never by force: a field that another manager
// owns with another value is an error (apierrors.IsConflict). With dryRun the server only answers.
func (c *Cluster) Apply(ctx context.Context, o Object, dryRun bool) (Change, error) {
	applied, err := c.ApplyWith(ctx, o, ApplyOptions{DryRun: dryRun})
	return applied.Change, err
}

// ApplyWith is Apply with a choice of how. Fields that this program itself set by other means than apply
// are its own and are taken over.
func (c *Cluster) ApplyWith(ctx context.Context, o Object, how ApplyOptions) (Applied, error) {
	u, err := ToUnstructured(o)
	if err != nil {
		return Applied{}, err
	}
	client, err := c.Resource(o)
	if err != nil {
		return Applied{}, err
	}
	if how.Before == nil {
		known, err := c.Know(ctx, o)
		if err != nil {
			return Applied{}, err
		}
		how.Before = &known
	}
	a := Applied{Before: how.Before.Object}
	options := metav1.ApplyOptions{FieldManager: FieldManager, Force: how.Force}
	if how.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	if how.Version != "" {
		u.SetResourceVersion(how.Version)
	}
	a.After, err = client.Apply(ctx, o.GetName(), u, options)
	if ownConflict(err) {
		options.Force = true
		a.After, err = client.Apply(ctx, o.GetName(), u, options)
	}
	if err != nil {
		return a, fmt.Errorf("apply %s: %w", Describe(o), err)
	}
	switch {
	case a.Before == nil:
		a.Change = Created
	// Not by the version: a dry run answers with the one that is stored.
	case sameContent(a.Before, a.After):
		a.Change = Unchanged
	default:
		a.Change = Changed
	}
	return a, nil
}

// sameContent compares two forms of an object; who owns which field is not content.
func sameContent(a, b *unstructured.Unstructured) bool {
	x, y := a.DeepCopy(), b.DeepCopy()
	for _, u := range []*unstructured.Unstructured{x, y} {
		u.SetManagedFields(nil)
		u.SetResourceVersion("")
		u.SetGeneration(0)
	}
	return equality.Semantic.DeepEqual(x.Object, y.Object)
}

// ownConflict says whether a refusal to apply is only about fields that this program changed itself, by
// patch or update: the server counts those as another manager's although the name is the same.
func ownConflict(err error) bool {
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || !apierrors.IsConflict(err) || status.ErrStatus.Details == nil {
		return false
	}
	own := 0
	for _, cause := range status.ErrStatus.Details.Causes {
		if cause.Type != metav1.CauseTypeFieldManagerConflict {
			continue
		}
		if !strings.Contains(cause.Message, `"`+FieldManager+`"`) {
			return false
		}
		own++
	}
	return own > 0
}

// Delete removes one object if it is there and keep does not object to it as it stands. It returns
// Unchanged when there was nothing to delete.
func (c *Cluster) Delete(ctx context.Context, o Object, keep func(metav1.Object) error) (Change, error) {
	client, err := c.Resource(o)
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

// Resource returns the client for an object of a kind that this tool makes.
func (c *Cluster) Resource(o Object) (dynamic.ResourceInterface, error) {
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

// ToUnstructured drops what typed structs carry although nobody set it, so that applying does not claim
// to own it.
func ToUnstructured(o Object) (*unstructured.Unstructured, error) {
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
