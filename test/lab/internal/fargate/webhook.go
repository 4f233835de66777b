package fargate

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log"
	"net"
	"net/http"
	"sort"
	"strings"

	admissionv1 "k8s.io/api/admission/v1"
	registrationv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	listers "k8s.io/client-go/listers/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/pki"
)

// webhookName is AWS's own. Its digits sort it before every sensor injector's webhook, which is why the
// injector can see that a pod is for Fargate.
const webhookName = "0500-amazon-eks-fargate-mutation.amazonaws.com"

type webhook struct {
	profiles listers.ConfigMapLister
	log      *log.Logger
}

// serve listens on loopback, where the API server is too, and registers itself.
func (w *webhook) serve(ctx context.Context, client kubernetes.Interface) (<-chan error, error) {
	ca, err := pki.NewAuthority()
	if err != nil {
		return nil, err
	}
	pair, err := ca.Server("fargate-webhook", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	server := &http.Server{Handler: w, ErrorLog: w.log}
	go func() {
		done <- server.Serve(tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{certificate}}))
	}()
	url := fmt.Sprintf("https://%s/mutate", listener.Addr())
	_, err = client.AdmissionregistrationV1().MutatingWebhookConfigurations().Create(ctx, configuration(url, ca.PEM), metav1.CreateOptions{})
	return done, err
}

func configuration(url string, ca []byte) *registrationv1.MutatingWebhookConfiguration {
	none, fail, timeout := registrationv1.SideEffectClassNone, registrationv1.Fail, int32(5)
	return &registrationv1.MutatingWebhookConfiguration{
		ObjectMeta: metav1.ObjectMeta{Name: webhookName},
		Webhooks: []registrationv1.MutatingWebhook{{
			Name:                    webhookName,
			ClientConfig:            registrationv1.WebhookClientConfig{URL: &url, CABundle: ca},
			AdmissionReviewVersions: []string{"v1"},
			SideEffects:             &none,
			FailurePolicy:           &fail,
			TimeoutSeconds:          &timeout,
			Rules: []registrationv1.RuleWithOperations{{
				Operations: []registrationv1.OperationType{registrationv1.Create},
				Rule:       registrationv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"}},
			}},
		}},
	}
}

// ServeHTTP answers one admission review.
func (w *webhook) ServeHTTP(out http.ResponseWriter, in *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(http.MaxBytesReader(out, in.Body, 8<<20)).Decode(&review); err != nil || review.Request == nil {
		http.Error(out, "not an admission review", http.StatusBadRequest)
		return
	}
	review.Response = &admissionv1.AdmissionResponse{UID: review.Request.UID, Allowed: true}
	if profile := w.profileOf(review.Request.Namespace); profile != "" {
		if patch, err := patchFor(review.Request.Object.Raw, profile); err == nil {
			kind := admissionv1.PatchTypeJSONPatch
			review.Response.Patch, review.Response.PatchType = patch, &kind
		} else {
			w.log.Printf("pod in %s: %v", review.Request.Namespace, err)
		}
	}
	review.Request = nil
	if err := json.NewEncoder(out).Encode(review); err != nil {
		w.log.Printf("answer: %v", err)
	}
}

// profileOf returns the first profile, by name, that lists the namespace, or nothing.
func (w *webhook) profileOf(namespace string) string {
	config, err := w.profiles.ConfigMaps(metav1.NamespaceSystem).Get(profilesName)
	if err != nil {
		return ""
	}
	names := make([]string, 0, len(config.Data))
	for name := range config.Data {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		for listed := range strings.SplitSeq(config.Data[name], ",") {
			if strings.TrimSpace(listed) == namespace {
				return name
			}
		}
	}
	return ""
}

func patchFor(raw []byte, profile string) ([]byte, error) {
	var pod corev1.Pod
	if err := json.Unmarshal(raw, &pod); err != nil {
		return nil, err
	}
	type operation struct {
		Op    string `json:"op"`
		Path  string `json:"path"`
		Value any    `json:"value"`
	}
	labels := map[string]string{ProfileLabel: profile}
	for key, value := range pod.Labels {
		labels[key] = value
	}
	labels[ProfileLabel] = profile
	return json.Marshal([]operation{
		{Op: "add", Path: "/metadata/labels", Value: labels},
		{Op: "add", Path: "/spec/schedulerName", Value: SchedulerName},
	})
}
