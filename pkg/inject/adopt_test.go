package inject

import (
	"encoding/json"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// guides is an installation as the vendor's guide makes it: with kubectl apply, and settings of its own.
func (c *cluster) guides(t *testing.T) {
	t.Helper()
	o := goodOptions()
	o.Image, o.Replicas = "registry.example.com/falcon-sensor:6", 1
	plan := manifest.Render(o, manifest.Given{TLS: pairs()[0], Bundle: pairs()[0].CA})
	config := map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": manifest.ConfigMapName, "namespace": Namespace},
		"data": object{"FALCON_IMAGE": o.Image}}
	all := []any{config, plan.Webhook}
	for _, object := range plan.Objects {
		if !strings.HasPrefix(object.GetName(), manifest.ConfigMapName) {
			all = append(all, object)
		}
	}
	for _, o := range all {
		u := asUnstructured(o)
		u.SetLabels(map[string]string{"app": Name, "by": "guide"})
		u.SetAnnotations(map[string]string{"kubectl.kubernetes.io/last-applied-configuration": "{}"})
		if u.GetKind() == "Deployment" {
			containers, _, _ := unstructured.NestedSlice(u.Object, "spec", "template", "spec", "containers")
			containers[0].(object)["envFrom"] = []any{object{"configMapRef": object{"name": manifest.ConfigMapName}}}
			_ = unstructured.SetNestedSlice(u.Object, containers, "spec", "template", "spec", "containers")
		}
		u = c.put(u)
		fields, _ := json.Marshal(map[string]any{"f:metadata": object{"f:labels": object{"f:by": object{}}}})
		u.SetManagedFields([]metav1.ManagedFieldsEntry{{Manager: "kubectl-client-side-apply", Operation: metav1.ManagedFieldsOperationUpdate,
			APIVersion: u.GetAPIVersion(), FieldsType: "FieldsV1", FieldsV1: metav1.NewFieldsV1(string(fields))}})
	}
	c.serving = pairs()[0]
}

func TestTheGuidesInjectorIsLeftAloneUnlessItIsToBeAdopted(t *testing.T) {
	c, client := newCluster(t)
	c.guides(t)
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, "there is an injector already", "--adopt")
	if len(c.deeds) > 0 {
		t.Errorf("it did %q", c.deeds)
	}
}

// It keeps pods creatable all the while (newCluster watches that), keeps the certificate, and leaves
// nothing that uninstall would not take away.
func TestAdoptTakesOverWhatTheGuideMade(t *testing.T) {
	c, client := newCluster(t)
	c.guides(t)
	how, j := goodHow(), journal{}
	how.Adopt = true
	if _, err := Install(t.Context(), client, goodOptions(), how, j.report); err != nil {
		t.Fatal(err)
	}
	j.says(t, "taking over")
	for key, u := range c.objects {
		if u.GetNamespace() != Namespace && u.GetName() != Namespace && key != hookKey {
			continue
		}
		labels, annotations := u.GetLabels(), u.GetAnnotations()
		if !Ours(u) || labels["by"] != "" && u.GetName() != manifest.ConfigMapName || annotations["kubectl.kubernetes.io/last-applied-configuration"] != "" {
			t.Errorf("%s has the labels %v and annotations %v", key, labels, annotations)
		}
	}
	if string(c.trusted()) != string(pairs()[0].CA) {
		t.Error("the certificate is another one")
	}
	if _, _, err := uninstall(t, client, Removal{}); err != nil || len(c.objects) != 3 {
		t.Errorf("%d objects are left, %v", len(c.objects), err)
	}
}
