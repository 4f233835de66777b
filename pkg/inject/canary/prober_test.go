package canary

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

const sensorImage = "registry.example.com/falcon-container:7"

// prober asks a server whose policy admits images of that prefix, and whose injector adds the sensor.
func prober(t *testing.T, admits string) (*Prober, *[]string) {
	t.Helper()
	var images []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		pod := &corev1.Pod{}
		body := json.NewDecoder(r.Body)
		if strings.Contains(r.Header.Get("Content-Type"), "json") {
			_ = body.Decode(pod)
		}
		image := pod.Spec.Containers[0].Image
		images = append(images, image)
		code, v := admit(pod, corev1.Container{Name: "istio-proxy", Image: "istio:1"})
		if !strings.HasPrefix(image, admits) {
			code, v = http.StatusUnprocessableEntity, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
				Status: metav1.StatusFailure, Code: http.StatusUnprocessableEntity, Reason: metav1.StatusReasonInvalid,
				Message: `pods "x" is forbidden: ValidatingAdmissionPolicy 'images' with binding 'b' denied request: not ` + image}
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(v)
	}))
	t.Cleanup(server.Close)
	client, err := clientset.NewForConfig(&rest.Config{Host: server.URL,
		ContentConfig: rest.ContentConfig{ContentType: "application/json", NegotiatedSerializer: clientset.Codecs().WithoutConversion()}})
	if err != nil {
		t.Fatal(err)
	}
	return &Prober{Client: client, Sensor: sensorImage}, &images
}

// Where a policy forbids the usual image, the sensor's is taken, then and from then on; the canary with it is
// no sidecar of itself.
func TestProberTakesAnImageThatPoliciesAdmit(t *testing.T) {
	p, images := prober(t, "registry.example.com/")
	for range 2 {
		a, err := p.Ask(t.Context(), "shop", Pod())
		if err != nil || a.Refused != nil || a.Sidecar != "" {
			t.Errorf("got %+v, %v", a, err)
		}
	}
	if len(*images) != 3 || (*images)[1] != sensorImage || (*images)[2] != sensorImage {
		t.Errorf("it asked with %q", *images)
	}
}

func TestProberKeepsTheFirstRefusalIfNeitherImageIsAdmitted(t *testing.T) {
	p, images := prober(t, "nothing")
	a, err := p.Ask(t.Context(), "shop", Pod())
	if err != nil || a.Policy() != "images" || !strings.Contains(a.Refused.Error(), "registry.k8s.io/pause") || len(*images) != 2 {
		t.Errorf("got %+v, %v with %q", a, err, *images)
	}
	// The name of the sensor's image is not the sidecar's doing.
	b, err := p.ask(t.Context(), "shop", Pod(), true)
	if err != nil || strings.Contains(b.Why(), "falcon-container") {
		t.Errorf("got %q, %v", b.Why(), err)
	}
}

func TestPolicy(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	tests := map[string]struct {
		refused error
		want    string
	}{
		"none":         {nil, ""},
		"a webhook":    {apierrors.NewBadRequest(`admission webhook "validate.kyverno.svc-fail" denied the request: no`), "validate.kyverno.svc-fail"},
		"a broken one": {apierrors.NewInternalError(errors.New(`failed calling webhook "a.b.c": no`)), "a.b.c"},
		"a policy": {apierrors.NewForbidden(pods, "x", errors.New(
			`ValidatingAdmissionPolicy 'p.example.com' with binding 'b' denied request: failed expression`)), "p.example.com"},
		"an image policy": {apierrors.NewForbidden(pods, "x", errors.New("image policy webhook backend denied one or more images: no")), "image policy webhook"},
		"the injector":    {apierrors.NewBadRequest(`admission webhook "injector.falcon-system.svc" denied the request: no`), ""},
		"the one beside":  {apierrors.NewInternalError(errors.New(`failed calling webhook "canary.injector.falcon-system.svc": no`)), ""},
		"PodSecurity":     {apierrors.NewForbidden(pods, "x", errors.New(`violates PodSecurity "baseline:latest"`)), ""},
		"a bad patch":     {apierrors.NewInternalError(errors.New("replace operation does not apply: doc is missing path: /x")), ""},
	}
	for name, tt := range tests {
		if got := (Answer{Refused: tt.refused}).Policy(); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
