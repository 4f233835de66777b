package inject

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	"k8s.io/apimachinery/pkg/util/strategicpatch"
	"k8s.io/client-go/applyconfigurations"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/yaml"
)

type object = map[string]any

// plurals are the resources of the kinds that are stored.
var plurals = map[string]string{"Namespace": "namespaces", "ServiceAccount": "serviceaccounts", "ConfigMap": "configmaps",
	"Secret": "secrets", "Service": "services", "Pod": "pods", "Event": "events", "Deployment": "deployments", "ReplicaSet": "replicasets",
	"PodDisruptionBudget": "poddisruptionbudgets", "ClusterRole": "clusterroles", "ClusterRoleBinding": "clusterrolebindings",
	"MutatingWebhookConfiguration": "mutatingwebhookconfigurations"}

// decode reads an object in whatever form a client sends it, or returns nil.
func decode(body []byte) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	if text, err := yaml.YAMLToJSON(body); err == nil && o.UnmarshalJSON(text) == nil {
		return o
	}
	typed, gvk, err := scheme.Codecs.UniversalDeserializer().Decode(body, nil, nil)
	if err != nil {
		return nil
	}
	typed.GetObjectKind().SetGroupVersionKind(*gvk)
	return asUnstructured(typed)
}

// into reads a typed object.
func into(body []byte, target any) error {
	o := decode(body)
	if o == nil {
		return apierrors.NewBadRequest("the body cannot be read")
	}
	return runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, target)
}

func asUnstructured(o any) *unstructured.Unstructured {
	text, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	u := &unstructured.Unstructured{}
	if err := u.UnmarshalJSON(text); err != nil {
		panic(err)
	}
	// What typed objects carry although nobody set it.
	if t := u.GetCreationTimestamp(); t.IsZero() {
		unstructured.RemoveNestedField(u.Object, "metadata", "creationTimestamp")
	}
	if status, ok := u.Object["status"].(object); ok && len(status) == 0 {
		delete(u.Object, "status")
	}
	return u
}

// put stores an object, typed or not, as if it had always been there.
func (c *cluster) put(o any) *unstructured.Unstructured {
	u := asUnstructured(o)
	key := plurals[u.GetKind()] + "/" + u.GetNamespace() + "/" + u.GetName()
	return c.keep(key, u, nil)
}

// of returns a stored object, or nil.
func (c *cluster) of(key string) *unstructured.Unstructured {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.objects[key]
}

// do answers a request on objects.
func (c *cluster) do(q *request) (any, error) {
	now := c.objects[q.key]
	missing := apierrors.NewNotFound(q.gvr.GroupResource(), q.name)
	switch {
	case q.verb == "list":
		return c.list(q), nil
	case q.verb == "create" && q.gvr.Resource == "pods":
		return c.canary(q)
	case q.verb == "create" && now != nil:
		return nil, apierrors.NewAlreadyExists(q.gvr.GroupResource(), q.name)
	case q.verb == "create":
		return c.store(q, nil, decode(q.body))
	case q.verb == "patch" && q.Header.Get("Content-Type") == string(types.ApplyYAMLPatchType):
		return c.apply(q, now)
	case now == nil || q.sub != "":
		return nil, missing
	case q.verb == "patch":
		return c.merge(q, now)
	case q.verb == "update":
		return c.store(q, now, decode(q.body))
	case q.verb == "delete":
		return c.remove(q, now)
	}
	return c.live(now), nil
}

func (c *cluster) list(q *request) object {
	query := q.URL.Query()
	selector, _ := labels.Parse(query.Get("labelSelector"))
	chosen, _ := fields.ParseSelector(query.Get("fieldSelector"))
	items := []any{}
	if q.gvr.Resource == "endpointslices" {
		items = append(items, object{"metadata": object{"name": "s", "namespace": Namespace}, "addressType": "IPv4",
			"endpoints": []any{object{"addresses": []any{"10.0.0.1"}, "conditions": object{"ready": c.answers()}}}})
	}
	for _, key := range slices.Sorted(maps.Keys(c.objects)) {
		o := c.objects[key]
		if !strings.HasPrefix(key, q.gvr.Resource+"/"+q.namespace) || !selector.Matches(labels.Set(o.GetLabels())) ||
			!chosen.Matches(fieldsOf(o)) || q.namespace != "" && q.namespace != o.GetNamespace() {
			continue
		}
		items = append(items, c.live(o).Object)
	}
	kind, version := "List", q.gvr.GroupVersion().String()
	for k, plural := range plurals {
		if plural == q.gvr.Resource {
			kind = k + "List"
		}
	}
	if q.gvr.Resource == "endpointslices" {
		kind = "EndpointSliceList"
	}
	if strings.Contains(q.Header.Get("Accept"), "as=PartialObjectMetadataList") {
		kind, version = "PartialObjectMetadataList", "meta.k8s.io/v1"
	}
	return object{"apiVersion": version, "kind": kind, "metadata": object{}, "items": items}
}

// untouched converts and defaults nothing: everything is stored in the version that it is sent in.
type untouched struct{}

func (untouched) Default(runtime.Object)    {}
func (untouched) Convert(_, _, _ any) error { return nil }
func (untouched) ConvertFieldLabel(_ schema.GroupVersionKind, label, value string) (string, string, error) {
	return label, value, nil
}
func (untouched) ConvertToVersion(in runtime.Object, _ runtime.GroupVersioner) (runtime.Object, error) {
	return in, nil
}

func (untouched) New(gvk schema.GroupVersionKind) (runtime.Object, error) {
	u := &unstructured.Unstructured{}
	u.SetGroupVersionKind(gvk)
	return u, nil
}

var schemas = applyconfigurations.NewTypeConverter(scheme.Scheme)

// owners is the API server's own bookkeeping of who owns which field.
func owners(gvk schema.GroupVersionKind) *managedfields.FieldManager {
	m, err := managedfields.NewDefaultFieldManager(schemas, untouched{}, untouched{}, untouched{}, gvk, gvk.GroupVersion(), "", nil)
	if err != nil {
		panic(err)
	}
	return m
}

func (c *cluster) apply(q *request, now *unstructured.Unstructured) (any, error) {
	patch := decode(q.body)
	if v := patch.GetResourceVersion(); v != "" && (now == nil || v != now.GetResourceVersion()) {
		return nil, modified(q)
	}
	patch.SetResourceVersion("")
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(patch.GroupVersionKind())
	if now != nil {
		live = now.DeepCopy()
	}
	force := q.URL.Query().Get("force") == "true"
	after, err := owners(patch.GroupVersionKind()).Apply(live, patch, q.URL.Query().Get("fieldManager"), force)
	if err != nil {
		return nil, err
	}
	return c.commit(q, after.(*unstructured.Unstructured), now), nil
}

func modified(q *request) error {
	return apierrors.NewConflict(q.gvr.GroupResource(), q.name, fmt.Errorf("the object has been modified"))
}

// store creates or replaces.
func (c *cluster) store(q *request, now, sent *unstructured.Unstructured) (any, error) {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(sent.GroupVersionKind())
	if now != nil {
		if v := sent.GetResourceVersion(); v != "" && v != now.GetResourceVersion() {
			return nil, modified(q)
		}
		live = now.DeepCopy()
		sent.SetUID(now.GetUID())
		sent.SetCreationTimestamp(now.GetCreationTimestamp())
	}
	unstructured.RemoveNestedField(sent.Object, "status")
	after, err := owners(sent.GroupVersionKind()).Update(live, sent, q.URL.Query().Get("fieldManager"))
	if err != nil {
		return nil, err
	}
	return c.commit(q, after.(*unstructured.Unstructured), now), nil
}

// merge is a strategic merge patch.
func (c *cluster) merge(q *request, now *unstructured.Unstructured) (any, error) {
	typed, err := scheme.Scheme.New(now.GroupVersionKind())
	if err != nil {
		return nil, err
	}
	before, _ := now.MarshalJSON()
	text, err := strategicpatch.StrategicMergePatch(before, q.body, typed)
	if err != nil {
		return nil, apierrors.NewBadRequest(err.Error())
	}
	return c.store(q, now, decode(text))
}

// commit keeps what a request made, unless it is a dry run.
func (c *cluster) commit(q *request, after, now *unstructured.Unstructured) *unstructured.Unstructured {
	if q.dry {
		return after
	}
	return c.live(c.keep(q.key, after, now))
}

// keep gives an object what the server gives it.
func (c *cluster) keep(key string, after, now *unstructured.Unstructured) *unstructured.Unstructured {
	after = after.DeepCopy()
	unstructured.RemoveNestedField(after.Object, "status", "observedGeneration")
	if now == nil {
		after.SetUID(types.UID("uid-of-" + key))
		if t := after.GetCreationTimestamp(); t.IsZero() {
			after.SetCreationTimestamp(metav1.NewTime(time.Now()))
		}
		if after.GetKind() == "Namespace" {
			after.SetLabels(labels.Merge(after.GetLabels(), labels.Set{"kubernetes.io/metadata.name": after.GetName()}))
		}
	} else if reflect.DeepEqual(content(now), content(after)) {
		return now
	}
	c.version++
	after.SetResourceVersion(fmt.Sprint(c.version))
	if slices.Contains([]string{"Deployment", "PodDisruptionBudget", "MutatingWebhookConfiguration"}, after.GetKind()) {
		generation := int64(1)
		if now != nil {
			generation = now.GetGeneration()
			if !reflect.DeepEqual(meant(now), meant(after)) {
				generation++
			}
		}
		after.SetGeneration(generation)
	}
	c.objects[key] = after
	return after
}

func content(u *unstructured.Unstructured) object {
	c := u.DeepCopy()
	c.SetResourceVersion("")
	c.SetGeneration(0)
	return c.Object
}

func meant(u *unstructured.Unstructured) []any { return []any{u.Object["spec"], u.Object["webhooks"]} }

// remove deletes the object that is meant, and what goes with it.
func (c *cluster) remove(q *request, now *unstructured.Unstructured) (any, error) {
	var options metav1.DeleteOptions
	_ = json.Unmarshal(q.body, &options)
	if p := options.Preconditions; p != nil && p.UID != nil && *p.UID != now.GetUID() {
		return nil, modified(q)
	}
	delete(c.objects, q.key)
	for key, o := range c.objects {
		owned := slices.ContainsFunc(o.GetOwnerReferences(), func(r metav1.OwnerReference) bool { return r.UID == now.GetUID() })
		if owned || q.gvr.Resource == "namespaces" && o.GetNamespace() == q.name {
			delete(c.objects, key)
		}
	}
	return object{"apiVersion": "v1", "kind": "Status", "status": "Success"}, nil
}
