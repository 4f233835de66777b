package fargate

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/fake"
	listers "k8s.io/client-go/listers/core/v1"
	kubetesting "k8s.io/client-go/testing"
	"k8s.io/client-go/tools/cache"
)

// newWebhook returns a webhook that sees the profiles given; nil is a cluster without the ConfigMap.
func newWebhook(t *testing.T, profiles map[string]string) *webhook {
	t.Helper()
	index := cache.NewIndexer(cache.MetaNamespaceKeyFunc, cache.Indexers{cache.NamespaceIndex: cache.MetaNamespaceIndexFunc})
	if profiles != nil {
		m := &corev1.ConfigMap{Data: profiles}
		m.Namespace, m.Name = "kube-system", "fargate-profiles"
		if err := index.Add(m); err != nil {
			t.Fatal(err)
		}
	}
	return &webhook{profiles: listers.NewConfigMapLister(index), log: log.New(io.Discard, "", 0)}
}

func TestProfileOf(t *testing.T) {
	two := map[string]string{"fp-b": "shared,default", "fp-a": "apps,shared"}
	for _, c := range []struct {
		profiles        map[string]string
		namespace, want string
	}{
		{two, "default", "fp-b"},
		{two, "apps", "fp-a"},
		// With several to choose from EKS takes the first by name.
		{two, "shared", "fp-a"},
		{map[string]string{"h": "x", "g": "x", "f": "x", "e": "x", "d": "x", "c": "x", "b": "x", "a": "x"}, "x", "a"},
		{two, "app", ""},
		{two, "other", ""},
		{map[string]string{}, "default", ""},
		{map[string]string{"fp-empty": ""}, "default", ""},
		{nil, "default", ""},
	} {
		if got := newWebhook(t, c.profiles).profileOf(c.namespace); got != c.want {
			t.Errorf("%v, namespace %s: %q, want %q", c.profiles, c.namespace, got, c.want)
		}
	}
}

// apply gives the pod and the patch to an API server's own code for JSON patches.
func apply(t *testing.T, pod *corev1.Pod, patch []byte) *corev1.Pod {
	t.Helper()
	patched, err := fake.NewClientset(pod).CoreV1().Pods(pod.Namespace).
		Patch(t.Context(), pod.Name, types.JSONPatchType, patch, metav1.PatchOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return patched
}

func encode(t *testing.T, v any) []byte {
	t.Helper()
	content, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestPatchFor(t *testing.T) {
	for what, labels := range map[string]map[string]string{
		"no labels":               nil,
		"labels":                  {"app": "web", "a.example/b~c": "d"},
		"a profile that it chose": {"app": "web", ProfileLabel: "mine"},
	} {
		pod := podWith(corev1.Container{Name: "app", Image: "x"})
		pod.Labels, pod.Spec.SchedulerName = labels, corev1.DefaultSchedulerName
		patch, err := patchFor(encode(t, pod), "fp-a")
		if err != nil {
			t.Fatal(err)
		}
		want := pod.DeepCopy()
		want.Spec.SchedulerName = "fargate-scheduler"
		want.Labels = map[string]string{}
		maps.Copy(want.Labels, labels)
		want.Labels["eks.amazonaws.com/fargate-profile"] = "fp-a"
		got := apply(t, pod, patch)
		got.ManagedFields = nil
		if a, b := encode(t, got), encode(t, want); !bytes.Equal(a, b) {
			t.Errorf("%s:\ngot  %s\nwant %s", what, a, b)
		}
	}
	if patch, err := patchFor([]byte("garbage"), "fp-a"); err == nil {
		t.Errorf("of garbage it makes %s", patch)
	}
}

func reviewOf(t *testing.T, namespace string, object []byte) []byte {
	return encode(t, admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request:  &admissionv1.AdmissionRequest{UID: "review-uid", Namespace: namespace, Object: runtime.RawExtension{Raw: object}},
	})
}

// answer checks what every answer must have, or the API server refuses the pod.
func answer(t *testing.T, body []byte) *admissionv1.AdmissionResponse {
	t.Helper()
	var review admissionv1.AdmissionReview
	if err := json.Unmarshal(body, &review); err != nil {
		t.Fatal(err)
	}
	if review.APIVersion != "admission.k8s.io/v1" || review.Kind != "AdmissionReview" || review.Request != nil {
		t.Errorf("answer %s", body)
	}
	r := review.Response
	if r == nil || r.UID != "review-uid" || !r.Allowed || (r.Patch == nil) != (r.PatchType == nil) {
		t.Fatalf("answer %s", body)
	}
	return r
}

func TestServeHTTP(t *testing.T) {
	w := newWebhook(t, map[string]string{"fp-a": "apps"})
	pod := podWith(corev1.Container{Name: "app", Image: "x"})
	for what, c := range map[string]struct {
		namespace string
		object    []byte
		patched   bool
	}{
		"a namespace of a profile":             {"apps", encode(t, pod), true},
		"another namespace":                    {"default", encode(t, pod), false},
		"what is no pod, which is let through": {"apps", []byte(`"text"`), false},
	} {
		out := httptest.NewRecorder()
		w.ServeHTTP(out, httptest.NewRequest(http.MethodPost, "/mutate", bytes.NewReader(reviewOf(t, c.namespace, c.object))))
		if out.Code != http.StatusOK {
			t.Fatalf("%s: status %d, %s", what, out.Code, out.Body)
		}
		r := answer(t, out.Body.Bytes())
		if (r.Patch != nil) != c.patched {
			t.Errorf("%s: patch %s", what, r.Patch)
			continue
		}
		if c.patched && (*r.PatchType != admissionv1.PatchTypeJSONPatch || apply(t, pod, r.Patch).Labels[ProfileLabel] != "fp-a") {
			t.Errorf("%s: %s %s", what, *r.PatchType, r.Patch)
		}
	}
}

func TestServeHTTPRefusesGarbage(t *testing.T) {
	w := newWebhook(t, nil)
	for what, body := range map[string]string{
		"nothing": "", "no JSON": "garbage", "no review": `{"kind":"Pod"}`, "a review without a request": `{"kind":"AdmissionReview"}`,
		"more than there can be": `{"kind":"` + strings.Repeat("x", 9<<20) + `"}`,
	} {
		out := httptest.NewRecorder()
		w.ServeHTTP(out, httptest.NewRequest(http.MethodPost, "/mutate", strings.NewReader(body)))
		if out.Code != http.StatusBadRequest || !strings.Contains(out.Body.String(), "not an admission review") {
			t.Errorf("%s: status %d, %s", what, out.Code, out.Body)
		}
	}
}

// The API server reaches the webhook with no more than what is registered.
func TestServe(t *testing.T) {
	client := fake.NewClientset()
	if _, err := newWebhook(t, map[string]string{"fp-a": "apps"}).serve(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	list, err := client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(t.Context(), metav1.ListOptions{})
	if err != nil || len(list.Items) != 1 || len(list.Items[0].Webhooks) != 1 {
		t.Fatalf("registered: %v, %v", list, err)
	}
	hook := list.Items[0].Webhooks[0]
	for _, injector := range []string{"injector.falcon-system.svc", "falcon-sensor-injector", "pod-identity-webhook"} {
		if list.Items[0].Name >= injector {
			t.Errorf("%s is called after %s", list.Items[0].Name, injector)
		}
	}
	rule := hook.Rules[0]
	if len(hook.Rules) != 1 || !slices.Equal(rule.Operations, []registrationv1.OperationType{"CREATE"}) || !slices.Equal(rule.Resources, []string{"pods"}) ||
		*hook.FailurePolicy != registrationv1.Fail || *hook.SideEffects != registrationv1.SideEffectClassNone ||
		!slices.Equal(hook.AdmissionReviewVersions, []string{"v1"}) {
		t.Errorf("webhook %+v", hook)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(hook.ClientConfig.CABundle)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}
	t.Cleanup(transport.CloseIdleConnections)
	pod := encode(t, podWith(corev1.Container{}))
	response, err := (&http.Client{Transport: transport}).Post(*hook.ClientConfig.URL, "application/json", bytes.NewReader(reviewOf(t, "apps", pod)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || answer(t, body).Patch == nil {
		t.Errorf("answer %s, %v", body, err)
	}
}

func TestServeUnregistered(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("create", "*", func(kubetesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("refused") })
	if _, err := newWebhook(t, nil).serve(t.Context(), client); err == nil || err.Error() != "refused" {
		t.Errorf("error %v", err)
	}
}
