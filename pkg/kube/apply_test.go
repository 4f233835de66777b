package kube

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const configPath = "/api/v1/namespaces/ns/configmaps/c"

func config() *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: metav1.ObjectMeta{Name: "c", Namespace: "ns"},
		Data:       map[string]string{"a": "b"},
	}
}

func TestApplySaysWhatItDid(t *testing.T) {
	missing := refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "none")
	version := func(v string) http.HandlerFunc {
		o := stored("v1", "ConfigMap", "c", v, "u")
		o["data"] = map[string]any{"version": v}
		return answer(http.StatusOK, o)
	}
	tests := map[string]struct {
		get, patch http.HandlerFunc
		want       Change
	}{
		"created":    {missing, version("1"), Created},
		"configured": {version("1"), version("2"), Changed},
		"unchanged":  {version("1"), version("1"), Unchanged},
		// The server answers a dry run with the version that is stored, whatever would change.
		"configured in a dry run": {version("1"), func(w http.ResponseWriter, r *http.Request) {
			o := stored("v1", "ConfigMap", "c", "1", "u")
			o["data"] = map[string]any{"version": "2"}
			answer(http.StatusOK, o)(w, r)
		}, Changed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			name, dry := strings.CutSuffix(name, " in a dry run")
			a := newAPI(t, map[string]http.HandlerFunc{"GET " + configPath: test.get, "PATCH " + configPath: test.patch})
			got, err := connect(t, a.URL).Apply(t.Context(), config(), dry)
			if err != nil || got != test.want || string(got) != name {
				t.Errorf("got %q, %v; want %q", got, err, name)
			}
		})
	}
}

// The request is what makes the difference between living beside other tools and overrunning them.
func TestApplyAsksForServerSideApplyInItsOwnNameAndNeverByForce(t *testing.T) {
	for _, dryRun := range []bool{false, true} {
		a := newAPI(t, map[string]http.HandlerFunc{
			"PATCH " + configPath: answer(http.StatusOK, stored("v1", "ConfigMap", "c", "1", "u"))})
		if _, err := connect(t, a.URL).Apply(t.Context(), config(), dryRun); err != nil {
			t.Fatal(err)
		}
		patches := a.requests(http.MethodPatch)
		if len(patches) != 1 {
			t.Fatalf("%d patches", len(patches))
		}
		p := patches[0]
		if p.contentType != string(types.ApplyYAMLPatchType) {
			t.Errorf("content type %q", p.contentType)
		}
		if got := p.query.Get("fieldManager"); got != "kubectl-falcon" {
			t.Errorf("field manager %q", got)
		}
		// client-go writes force=false, which to the server is the same as no force at all.
		if got := p.query.Get("force"); got != "" && got != "false" {
			t.Errorf("force=%s", got)
		}
		var want []string
		if dryRun {
			want = []string{"All"}
		}
		if got := p.query["dryRun"]; !slices.Equal(got, want) {
			t.Errorf("dryRun=%v, want %v", got, want)
		}
	}
}

func TestApplyReportsAConflictAndDoesNotRetryByForce(t *testing.T) {
	const says = `Apply failed with 1 conflict: conflict with "helm": .data.a`
	conflict := apierrors.NewApplyConflict([]metav1.StatusCause{
		{Type: metav1.CauseTypeFieldManagerConflict, Message: `conflict with "helm"`, Field: ".data.a"}}, says).ErrStatus
	conflict.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	a := newAPI(t, map[string]http.HandlerFunc{
		"GET " + configPath:   answer(http.StatusOK, stored("v1", "ConfigMap", "c", "1", "u")),
		"PATCH " + configPath: answer(http.StatusConflict, conflict),
	})
	c := connect(t, a.URL)
	change, err := c.Apply(t.Context(), config(), false)
	if !apierrors.IsConflict(err) || change != "" {
		t.Fatalf("got %q, %v", change, err)
	}
	p := mustProblem(t, Explain(err, c), problem.Failed, "the tool that owns it")
	for _, text := range []string{"configmap/c", says} {
		if !strings.Contains(p.Error(), text) {
			t.Errorf("%q does not say %q", p, text)
		}
	}
	if n := len(a.requests(http.MethodPatch)); n != 1 {
		t.Errorf("it patched %d times", n)
	}
}

// A field that is sent is owned from then on: what nobody set must not be in the body.
func TestApplySendsOnlyWhatIsSet(t *testing.T) {
	const path = "/apis/apps/v1/namespaces/ns/deployments/d"
	a := newAPI(t, map[string]http.HandlerFunc{
		"PATCH " + path: answer(http.StatusOK, stored("apps/v1", "Deployment", "d", "1", "u"))})
	_, err := connect(t, a.URL).Apply(t.Context(), &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: "d", Namespace: "ns"},
		Spec: appsv1.DeploymentSpec{Template: corev1.PodTemplateSpec{
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "x", Image: "y"}}}}},
	}, false)
	if err != nil {
		t.Fatal(err)
	}
	body := a.requests(http.MethodPatch)[0].body
	var sent map[string]any
	if err := json.Unmarshal(body, &sent); err != nil {
		t.Fatal(err)
	}
	if _, ok := sent["status"]; ok {
		t.Errorf("it sends a status: %s", body)
	}
	if strings.Contains(string(body), "creationTimestamp") {
		t.Errorf("it sends a creationTimestamp: %s", body)
	}
	if sent["kind"] != "Deployment" || sent["apiVersion"] != "apps/v1" || !strings.Contains(string(body), `"image":"y"`) {
		t.Errorf("it does not send what is set: %s", body)
	}
}

func TestApplyStopsWhereItMayNotLook(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{
		"GET " + configPath: refuse(http.StatusForbidden, metav1.StatusReasonForbidden, "no")})
	_, err := connect(t, a.URL).Apply(t.Context(), config(), false)
	if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "read configmap/c") {
		t.Errorf("got %v", err)
	}
	if n := len(a.requests(http.MethodPatch)); n != 0 {
		t.Errorf("it patched %d times", n)
	}
}

func TestApplyKnowsEveryKindByItsPath(t *testing.T) {
	tests := map[string]struct{ apiVersion, kind, namespace, path string }{
		"cluster-wide": {"v1", "Namespace", "", "/api/v1/namespaces/n"},
		"webhook": {"admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration", "",
			"/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/n"},
		"account": {"v1", "ServiceAccount", "ns", "/api/v1/namespaces/ns/serviceaccounts/n"},
		"secret":  {"v1", "Secret", "ns", "/api/v1/namespaces/ns/secrets/n"},
		"service": {"v1", "Service", "ns", "/api/v1/namespaces/ns/services/n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, map[string]http.HandlerFunc{
				"PATCH " + test.path: answer(http.StatusOK, stored(test.apiVersion, test.kind, "n", "1", "u"))})
			o := &metav1.PartialObjectMetadata{
				TypeMeta:   metav1.TypeMeta{APIVersion: test.apiVersion, Kind: test.kind},
				ObjectMeta: metav1.ObjectMeta{Name: "n", Namespace: test.namespace},
			}
			if change, err := connect(t, a.URL).Apply(t.Context(), o, false); err != nil || change != Created {
				t.Errorf("got %q, %v", change, err)
			}
		})
	}
}

func TestApplyRefusesAKindItDoesNotKnow(t *testing.T) {
	a := newAPI(t, nil)
	o := &metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Node"},
		ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	_, err := connect(t, a.URL).Apply(t.Context(), o, false)
	if err == nil || !strings.Contains(err.Error(), `"Node"`) {
		t.Errorf("got %v", err)
	}
}
