package canary

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// Quota and PodSecurity judge the pod with the sensor in it; were the canary itself at fault, the sensor
// would be blamed. These are the fields of PodSecurity's restricted level, and what a quota asks for.
func TestPodIsBeyondReproach(t *testing.T) {
	pod := Pod()
	s := pod.Spec
	if s.HostNetwork || s.HostPID || s.HostIPC || len(s.Volumes) > 0 || len(s.InitContainers) > 0 {
		t.Error("it shares something with its node or brings something along")
	}
	if s.AutomountServiceAccountToken == nil || *s.AutomountServiceAccountToken {
		t.Error("it asks for a token")
	}
	if p := s.SecurityContext; p == nil || p.RunAsNonRoot == nil || !*p.RunAsNonRoot || p.RunAsUser == nil || *p.RunAsUser == 0 ||
		p.SeccompProfile == nil || p.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("its security context is %+v", p)
	}
	if len(s.Containers) != 1 {
		t.Fatalf("it has %d containers", len(s.Containers))
	}
	c := s.Containers[0]
	if p := c.SecurityContext; p == nil || p.AllowPrivilegeEscalation == nil || *p.AllowPrivilegeEscalation || p.Privileged != nil ||
		p.Capabilities == nil || len(p.Capabilities.Add) > 0 || !slices.Equal(p.Capabilities.Drop, []corev1.Capability{"ALL"}) {
		t.Errorf("its container's security context is %+v", p)
	}
	for _, list := range []corev1.ResourceList{c.Resources.Requests, c.Resources.Limits} {
		if list.Cpu().IsZero() || list.Memory().IsZero() {
			t.Errorf("a quota would miss something in %v", list)
		}
	}
	// Without a command the injector would ask the image's registry for one.
	if len(c.Command) == 0 {
		t.Error("it has no command")
	}
	if len(c.Ports) > 0 {
		t.Error("it listens")
	}
}

// A fixed name would collide with the canary of a colleague, though neither is stored.
func TestPodHasNoNameOfItsOwn(t *testing.T) {
	pod := Pod()
	if pod.Name != "" || pod.GenerateName == "" || !strings.HasSuffix(pod.GenerateName, "-") {
		t.Errorf("name %q, generateName %q", pod.Name, pod.GenerateName)
	}
	if pod.Namespace != "" {
		t.Errorf("namespace %q", pod.Namespace)
	}
}

func TestPodsAreNotShared(t *testing.T) {
	Pod().Spec.Containers[0].Command[0] = "changed"
	if got := Pod().Spec.Containers[0].Command[0]; got == "changed" {
		t.Error("changing one canary changes the next")
	}
}

// probe sends a canary to a server that makes an answer of it.
func probe(t *testing.T, image string, answer func(pod *corev1.Pod) (int, any)) Answer {
	t.Helper()
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.Method != http.MethodPost || r.URL.Path != "/api/v1/namespaces/team-a/pods" {
			t.Errorf("it asked %s %s", r.Method, r.URL.Path)
		}
		// The one thing that keeps the canary from becoming a pod.
		if got := r.URL.Query()["dryRun"]; !slices.Equal(got, []string{"All"}) {
			t.Errorf("dryRun=%v", got)
		}
		body, _ := io.ReadAll(r.Body)
		sent, _, err := clientset.Codecs().UniversalDeserializer().Decode(body, nil, nil)
		if err != nil {
			t.Errorf("it sent something else than a pod: %v", err)
		}
		code, v := answer(sent.(*corev1.Pod))
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_ = json.NewEncoder(w).Encode(v)
	}))
	defer server.Close()
	client, err := clientset.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	a, err := Probe(t.Context(), client, "team-a", image)
	if err != nil {
		t.Fatal(err)
	}
	if asked != 1 {
		t.Errorf("it asked %d times", asked)
	}
	return a
}

// admit returns the pod as a server that lets an injector add a container to it.
func admit(pod *corev1.Pod, sensor ...corev1.Container) (int, any) {
	pod.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
	pod.Name = pod.GenerateName + "x7"
	pod.Spec.Containers = append(pod.Spec.Containers, sensor...)
	return http.StatusCreated, pod
}

func TestProbeTellsAnInjectedPodFromAPlainOne(t *testing.T) {
	tests := map[string]struct {
		added []corev1.Container
		image string
		want  string // empty: not injected
	}{
		"plain":            {nil, "sensor:7", ""},
		"by its name":      {[]corev1.Container{{Name: "falcon-container", Image: "sensor:7"}}, "", "falcon-container"},
		"by its image":     {[]corev1.Container{{Name: "tomorrow", Image: "sensor:7"}}, "sensor:7", "tomorrow"},
		"something else's": {[]corev1.Container{{Name: "istio-proxy", Image: "istio:1"}}, "sensor:7", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			a := probe(t, test.image, func(pod *corev1.Pod) (int, any) { return admit(pod, test.added...) })
			if a.Refused != nil || a.Sidecar != test.want || a.Injected() != (test.want != "") {
				t.Errorf("got %+v, injected %v", a, a.Injected())
			}
		})
	}
}

func TestProbeKeepsTheServersWordsWhenItRefuses(t *testing.T) {
	const says = `admission webhook "injector.falcon-system.svc" denied the request: CID mismatch`
	a := probe(t, "", func(*corev1.Pod) (int, any) {
		return http.StatusForbidden, metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
			Status: metav1.StatusFailure, Code: http.StatusForbidden, Reason: metav1.StatusReasonForbidden, Message: says}
	})
	if a.Injected() || a.Sidecar != "" || !apierrors.IsForbidden(a.Refused) || a.Refused.Error() != says {
		t.Errorf("got %+v", a)
	}
}

// An answer that never came is no proof of anything, least of all of injection.
func TestProbeOfADeadServerIsAnError(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := clientset.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if a, err := Probe(t.Context(), client, "team-a", ""); err == nil || a.Refused != nil || a.Injected() {
		t.Errorf("got %+v, %v", a, err)
	}
}
