package injector

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/imageinfo"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/mutate"
)

// maxReview is more than the API server ever sends.
const maxReview = 16 << 20

// webhook answers admission reviews.
type webhook struct {
	config  Config
	secrets *imageinfo.Secrets
	log     *Log
}

// handler routes the two paths the injector has.
func (h *webhook) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /live", h.live)
	mux.Handle("POST /mutate", spoil(h.config, h.log, http.HandlerFunc(h.mutate)))
	return mux
}

func (h *webhook) live(w http.ResponseWriter, _ *http.Request) {
	if h.config.Fault == FaultNotReady {
		http.Error(w, "not ready", http.StatusServiceUnavailable)
		return
	}
	_, _ = io.WriteString(w, "ok\n")
}

func (h *webhook) mutate(w http.ResponseWriter, r *http.Request) {
	request, err := readReview(w, r)
	if err != nil {
		h.log.Failed(err)
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	h.log.Handling(string(request.UID), request.Namespace)
	response := &admissionv1.AdmissionResponse{UID: request.UID, Allowed: true}
	patch, err := h.patch(r.Context(), request)
	switch {
	case err != nil:
		h.log.Failed(err)
		response.Allowed = false
		// Only the message: the API server adds who denied, and the code.
		response.Result = &metav1.Status{Message: err.Error()}
	case len(patch) > 0:
		response.PatchType = new(admissionv1.PatchTypeJSONPatch)
		if response.Patch, err = json.Marshal(patch); err != nil {
			h.log.Failed(err)
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fallthrough
	default:
		h.log.Handled(string(request.UID), request.Namespace)
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: admissionv1.SchemeGroupVersion.String(), Kind: "AdmissionReview"},
		Response: response,
	})
}

func readReview(w http.ResponseWriter, r *http.Request) (*admissionv1.AdmissionRequest, error) {
	review := admissionv1.AdmissionReview{}
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxReview)).Decode(&review); err != nil {
		return nil, fmt.Errorf("read the admission review: %w", err)
	}
	if version := admissionv1.SchemeGroupVersion.String(); review.APIVersion != version {
		return nil, fmt.Errorf("admission review of version %q, want %q", review.APIVersion, version)
	}
	if review.Request == nil {
		return nil, errors.New("admission review without a request")
	}
	return review.Request, nil
}

// patch decides what to do with the request's object. An error denies it.
func (h *webhook) patch(ctx context.Context, request *admissionv1.AdmissionRequest) (mutate.Patch, error) {
	switch h.config.Fault {
	case FaultDeny:
		return nil, errors.New(denyText)
	case FaultBadPatch:
		return mutate.Patch{{Op: "replace", Path: "/spec/notThere/atAll", Value: true}}, nil
	}
	if request.Kind.Kind != "Pod" || request.Operation != admissionv1.Create {
		return nil, nil
	}
	pod := &corev1.Pod{}
	if err := json.Unmarshal(request.Object.Raw, pod); err != nil {
		return nil, fmt.Errorf("read the pod: %w", err)
	}
	source := imageinfo.Source{Namespace: request.Namespace}
	for _, secret := range pod.Spec.ImagePullSecrets {
		source.PullSecrets = append(source.PullSecrets, secret.Name)
	}
	reader := imageinfo.Reader{
		Timeout: h.config.RegistryTimeout,
		Secrets: h.secrets,
		Found: func(image, registry string) {
			h.log.FoundRegistry(image, request.Namespace, pod.Name, registry)
		},
	}
	lookUp := func(ctx context.Context, image string) (mutate.ImageCommand, error) {
		return reader.Command(ctx, image, source)
	}
	return mutate.Pod(ctx, pod, request.Namespace, h.config.Settings, lookUp)
}
