package injector

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/registry"
	admissionv1 "k8s.io/api/admission/v1"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

func TestMutates(t *testing.T) {
	r := start(t, nil)
	answer := r.review(t, simplePod())
	if !answer.Allowed || answer.PatchType == nil || *answer.PatchType != admissionv1.PatchTypeJSONPatch ||
		!strings.Contains(string(answer.Patch), `"crowdstrike-falcon-container"`) {
		t.Errorf("answer %+v", answer)
	}
	want := regexp.MustCompile(`^injector server starting \.\.\.\n` + regexp.QuoteMeta(standin.Notice) + `\n` +
		`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d Handling webhook request with id u-1 in namespace default \.\.\.\n` +
		`\d{4}/\d\d/\d\d \d\d:\d\d:\d\d Webhook request with id u-1 in namespace default handled successfully!\n$`)
	if !want.MatchString(r.log.String()) {
		t.Errorf("log is\n%s", r.log)
	}
	r.stop()
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestLeavesAlone(t *testing.T) {
	r := start(t, nil)
	pod := simplePod()
	pod.Annotations = map[string]string{standin.InjectionKey: "disabled"}
	if answer := r.review(t, pod); !answer.Allowed || answer.Patch != nil || answer.PatchType != nil {
		t.Errorf("opted-out pod: %+v", answer)
	}
	body := strings.Replace(string(reviewOf(t, simplePod())), `"operation":"CREATE"`, `"operation":"UPDATE"`, 1)
	if _, text, err := r.post(t, t.Context(), []byte(body)); err != nil || strings.Contains(text, "patch") {
		t.Errorf("update of a pod: %s (%v)", text, err)
	}
}

func TestDeniesWithTheVendorsWords(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, _, ok := r.BasicAuth(); !ok && strings.Contains(r.URL.Path, "closed") || r.URL.Path == "/v2/" {
			w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		registry.New().ServeHTTP(w, r)
	}))
	defer server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	r := start(t, standin.Env{standin.EnvLog: "logrus"})
	pod := simplePod()
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: "second", Image: host + "/closed:1"})
	answer := r.review(t, pod)
	want := `Failed to retrieve image details for "` + host + `/closed:1" in container "second" in pod "default/": ` +
		`Failed to get the image config/digest for "` + host + `/closed:1" on "` + host + `": unauthorized: authentication required`
	if answer.Allowed || answer.Result == nil || answer.Result.Message != want {
		t.Errorf("answer %+v, want %s", answer, want)
	}
	r.until(t, `level=error msg="Failed to handle webhook request" error="Failed to retrieve`)
	r.until(t, `msg="Found registry" image="`+host+`/closed:1" namespace=default podName="" registry="`+host+`"`)
}

func TestBadRequests(t *testing.T) {
	r := start(t, nil)
	tests := []struct{ name, body, want string }{
		{"no JSON", "hello", "read the admission review"},
		{"another version", `{"apiVersion":"admission.k8s.io/v1beta1","request":{}}`, "want \"admission.k8s.io/v1\""},
		{"no request", `{"apiVersion":"admission.k8s.io/v1"}`, "without a request"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			response, text, err := r.post(t, t.Context(), []byte(tt.body))
			if err != nil || response.StatusCode != http.StatusBadRequest || !strings.Contains(text, tt.want) {
				t.Errorf("answer %q, error %v", text, err)
			}
		})
	}
	for path, want := range map[string]int{"/mutate": http.StatusMethodNotAllowed, "/live": http.StatusOK, "/": http.StatusNotFound} {
		if response, err := r.client.Get(r.address + path); err != nil || response.StatusCode != want {
			t.Errorf("GET %s: %v, %v, want %d", path, response, err, want)
		}
	}
}

func TestFinishesRequestsInFlight(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	enter := sync.OnceFunc(func() { close(entered) })
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		enter()
		<-release
		http.NotFound(w, nil)
	}))
	defer server.Close()
	r := start(t, standin.Env{standin.EnvRegistryTimeout: "20s"})
	pod := simplePod()
	pod.Spec.Containers[0].Image = strings.TrimPrefix(server.URL, "http://") + "/app:1"
	pod.Spec.Containers[0].Command = nil
	body := reviewOf(t, pod)
	answered := make(chan string, 1)
	go func() {
		_, text, err := r.post(t, context.Background(), body)
		answered <- fmt.Sprint(text, err)
	}()
	<-entered
	r.stop()
	select {
	case err := <-r.ended:
		t.Fatalf("ended with a request in flight: %v", err)
	case text := <-answered:
		t.Fatalf("answered before the registry did: %s", text)
	default:
	}
	close(release)
	if text := <-answered; !strings.Contains(text, "Failed to retrieve image details") {
		t.Errorf("answer %s", text)
	}
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

// A client that is busy all the time must not lose a request to the end of the server.
func TestNoRequestIsLostWhenItLeaves(t *testing.T) {
	r := start(t, nil)
	body := reviewOf(t, simplePod())
	if _, text, err := r.post(t, t.Context(), body); err != nil {
		t.Fatalf("before: %v %s", err, text)
	}
	r.stop()
	for told := false; !told; {
		response, err := r.client.Get(r.address + "/live")
		if err != nil {
			t.Fatalf("a request after SIGTERM, on the connection from before: %v", err)
		}
		response.Body.Close()
		told = response.Close
	}
	if err := <-r.ended; err != nil {
		t.Errorf("ended with %v", err)
	}
}

func TestMissingCertificate(t *testing.T) {
	var out bytes.Buffer
	env := minimal(standin.Env{standin.EnvTLSDir: t.TempDir(), standin.EnvListenPort: freePort(t)})
	code := Run(t.Context(), standin.Process{Env: env, Err: &out})
	if code != 1 || !strings.Contains(out.String(), "tls.crt") || strings.Count(out.String(), "\n") != 1 {
		t.Errorf("exit code %d, says %q", code, out.String())
	}
}

// freePort is a port nobody listened on a moment ago.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", ":0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return strconv.Itoa(listener.Addr().(*net.TCPAddr).Port)
}
