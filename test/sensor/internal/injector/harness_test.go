package injector

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/certs"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const serverName = "injector.falcon-system.svc"

// cluster is the certificate of the installer and its CA; one serves all tests
// because keys are slow to make.
var cluster = sync.OnceValues(func() (*certs.Authority, certs.Pair) {
	life := certs.Lifetime{From: time.Now().Add(-time.Hour), Until: time.Now().Add(time.Hour)}
	authority, err := certs.NewAuthority("falcon-system ca", life)
	if err != nil {
		panic(err)
	}
	pair, err := authority.Server(certs.ServiceNames("injector", "falcon-system"), life)
	if err != nil {
		panic(err)
	}
	return authority, pair
})

// writeCertificate is the volume the Deployment mounts.
func writeCertificate(t *testing.T) string {
	t.Helper()
	_, pair := cluster()
	dir := t.TempDir()
	for name, text := range map[string][]byte{"tls.crt": pair.Cert, "tls.key": pair.Key} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// buffer is a bytes.Buffer two goroutines may use.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// running is a served injector and a client that trusts what the API server
// would.
type running struct {
	address string
	client  *http.Client
	log     *buffer
	stop    context.CancelFunc
	ended   chan error
}

func start(t *testing.T, extra standin.Env) *running {
	t.Helper()
	env := minimal(extra)
	env[standin.EnvTLSDir] = writeCertificate(t)
	config, err := ParseConfig(env)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	authority, _ := cluster()
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority.Cert)
	ctx, cancel := context.WithCancel(t.Context())
	r := &running{
		address: "https://" + listener.Addr().String(),
		client: &http.Client{Transport: &http.Transport{
			TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: serverName},
		}},
		log:   &buffer{},
		stop:  cancel,
		ended: make(chan error, 1),
	}
	go func() { r.ended <- Serve(ctx, config, listener, nil, NewLog(r.log, config.LogForm)) }()
	t.Cleanup(func() {
		cancel()
		r.client.CloseIdleConnections()
	})
	return r
}

// reviewOf is the API server's request for a pod.
func reviewOf(t *testing.T, pod *corev1.Pod) []byte {
	t.Helper()
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	raw, err := json.Marshal(pod)
	if err != nil {
		t.Fatal(err)
	}
	review := admissionv1.AdmissionReview{
		TypeMeta: metav1.TypeMeta{APIVersion: "admission.k8s.io/v1", Kind: "AdmissionReview"},
		Request: &admissionv1.AdmissionRequest{
			UID: "u-1", Namespace: "default", Operation: admissionv1.Create,
			Kind:   metav1.GroupVersionKind{Version: "v1", Kind: "Pod"},
			Object: runtime.RawExtension{Raw: raw},
		},
	}
	text, err := json.Marshal(review)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func simplePod() *corev1.Pod {
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "web-"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1", Command: []string{"/serve"}}}},
	}
}

// post sends a review and returns the status and body.
func (r *running) post(t *testing.T, ctx context.Context, body []byte) (*http.Response, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, r.address+"/mutate", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := r.client.Do(request)
	if err != nil {
		return nil, "", err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	return response, string(text), err
}

// review posts a pod and reads the answer.
func (r *running) review(t *testing.T, pod *corev1.Pod) *admissionv1.AdmissionResponse {
	t.Helper()
	response, text, err := r.post(t, t.Context(), reviewOf(t, pod))
	if err != nil {
		t.Fatal(err)
	}
	answer := admissionv1.AdmissionReview{}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || answer.Response == nil {
		t.Fatalf("status %s, answer %q: %v", response.Status, text, err)
	}
	if answer.APIVersion != "admission.k8s.io/v1" || answer.Kind != "AdmissionReview" || answer.Response.UID != "u-1" {
		t.Errorf("answer %s", text)
	}
	return answer.Response
}

// until waits for a line of the injector's log.
func (r *running) until(t *testing.T, line string) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(r.log.String(), line); {
		if time.Now().After(deadline) {
			t.Fatalf("no %q in the log:\n%s", line, r.log)
		}
		time.Sleep(2 * time.Millisecond)
	}
}
