package inject

import (
	"bytes"
	"reflect"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

func goodOptions() Options { return Options{CID: goodCID, Image: goodImage} }

// fixed are not real certificates: rendering must not look into them.
func fixed() Certificates {
	block := func(kind, text string) []byte {
		return []byte("-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n")
	}
	return Certificates{
		CA:   block("CERTIFICATE", "dGhlIGF1dGhvcml0eQ=="),
		Cert: block("CERTIFICATE", "dGhlIGluamVjdG9y"),
		Key:  block("PRIVATE KEY", "bm90IGEga2V5"),
	}
}

func everything(p Plan) []kube.Object {
	return append(append([]kube.Object{}, p.Objects...), p.Webhook)
}

func toYAML(t *testing.T, objects []kube.Object) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, o := range objects {
		content, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n")
		all.Write(content)
	}
	return all.Bytes()
}

// The golden file is what a reviewer reads: any change to what is put into a cluster shows there.
func TestRenderGolden(t *testing.T) {
	golden.Check(t, "plan.yaml", toYAML(t, everything(Render(goodOptions(), fixed()))))
}

func TestRenderIsPure(t *testing.T) {
	options, certs := goodOptions(), fixed()
	first := Render(options, certs)
	before := toYAML(t, everything(first))
	if second := Render(options, certs); !reflect.DeepEqual(first, second) {
		t.Error("the same input gives other objects")
	}
	// Whoever changes a rendered object must not change the next plan, nor the input.
	for _, o := range everything(first) {
		o.GetLabels()["app"] = "changed"
		o.SetName("changed")
	}
	first.Objects[4].(*appsv1.Deployment).Spec.Template.Spec.SecurityContext.RunAsUser = nil
	if after := toYAML(t, everything(Render(options, certs))); !bytes.Equal(before, after) {
		t.Error("a change to one plan is seen in the next")
	}
	if !reflect.DeepEqual(certs, fixed()) || options != goodOptions() {
		t.Error("the input was changed")
	}
}

// Uninstall and every later version recognise what they made by this label alone.
func TestEveryObjectIsMarkedAsOurs(t *testing.T) {
	for _, o := range everything(Render(goodOptions(), fixed())) {
		if !Ours(o) || o.GetLabels()["app.kubernetes.io/managed-by"] != "kubectl-falcon" {
			t.Errorf("%s has the labels %v", kube.Describe(o), o.GetLabels())
		}
	}
	if Ours(&corev1.ConfigMap{}) {
		t.Error("an object without labels is taken for ours")
	}
}

// An object in a namespace cannot be made before it, nor a pod before what it mounts and reads.
func TestRenderOrdersWhatIsNeededFirst(t *testing.T) {
	place := map[string]int{}
	for i, o := range Render(goodOptions(), fixed()).Objects {
		place[kube.Describe(o)] = i
	}
	order := []string{"namespace/falcon-system", "serviceaccount/injector", "deployment/injector"}
	order2 := []string{"namespace/falcon-system", "configmap/injector-config", "deployment/injector"}
	order3 := []string{"namespace/falcon-system", "secret/injector-tls", "deployment/injector"}
	for _, names := range [][]string{order, order2, order3} {
		for i, name := range names {
			at, ok := place[name]
			if !ok {
				t.Fatalf("%s is not in the plan", name)
			}
			if i > 0 && at <= place[names[i-1]] {
				t.Errorf("%s comes before %s", name, names[i-1])
			}
		}
	}
}

// The injector reads its configuration only when it starts, so a change that does not reach the pods'
// template changes nothing until someone restarts them.
func TestAChangedConfigurationRollsThePods(t *testing.T) {
	hashOf := func(o Options, c Certificates) string {
		for _, object := range Render(o, c).Objects {
			if d, ok := object.(*appsv1.Deployment); ok {
				return d.Spec.Template.Annotations[configHash]
			}
		}
		return ""
	}
	base := hashOf(goodOptions(), fixed())
	if base == "" {
		t.Fatal("there is no hash on the pods")
	}
	if again := hashOf(goodOptions(), fixed()); again != base {
		t.Errorf("the same configuration has the hashes %s and %s", base, again)
	}
	otherCID, otherImage, otherCert := goodOptions(), goodOptions(), fixed()
	otherCID.CID = "f" + goodCID[1:]
	otherImage.Image += "1"
	otherCert.Cert = append(otherCert.Cert, '\n')
	for name, other := range map[string]string{
		"customer id": hashOf(otherCID, fixed()),
		"image":       hashOf(otherImage, fixed()),
		"certificate": hashOf(goodOptions(), otherCert),
	} {
		if other == base {
			t.Errorf("another %s has the same hash", name)
		}
	}
	// How long the user waits is nothing to the pods.
	patient := goodOptions()
	patient.Timeout = 1
	if hashOf(patient, fixed()) != base {
		t.Error("the timeout changes the hash")
	}
}
