package inject

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/fake"
	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// Programs read these names; the golden file is the promise.
func TestStateJSON(t *testing.T) {
	full := State{Installed: true, Webhook: true, Image: goodImage, Ready: 1, Replicas: 2, FailurePolicy: "Fail",
		Pods: 7, Protected: 5, Config: webhook(nil)}
	var all []byte
	for _, s := range []State{full, {}} {
		content, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, content...), '\n')
	}
	golden.Check(t, "state.json", all)
}

func TestReadFindsWhatThereIs(t *testing.T) {
	plan := Render(goodOptions(), fixed())
	deployed := plan.Objects[4].(*appsv1.Deployment).DeepCopy()
	deployed.Status.ReadyReplicas = 1
	tests := map[string]struct {
		objects []runtime.Object
		want    State
	}{
		"nothing": {nil, State{}},
		"all of it": {[]runtime.Object{deployed, plan.Objects[2], plan.Webhook},
			State{Installed: true, Ready: 1, Replicas: 2, Image: goodImage, Webhook: true, FailurePolicy: "Fail"}},
		// What is left when an uninstallation was cut short the wrong way.
		"an orphaned webhook":  {[]runtime.Object{plan.Webhook}, State{Webhook: true, FailurePolicy: "Fail"}},
		"before the webhook":   {[]runtime.Object{deployed, plan.Objects[2]}, State{Installed: true, Ready: 1, Replicas: 2, Image: goodImage}},
		"the config map alone": {[]runtime.Object{plan.Objects[2]}, State{Image: goodImage}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := Read(t.Context(), &kube.Cluster{Client: fake.NewClientset(test.objects...)})
			if err != nil {
				t.Fatal(err)
			}
			if got.Webhook != (got.Config != nil) {
				t.Errorf("webhook is %v, its configuration %v", got.Webhook, got.Config)
			}
			got.Config = nil
			if got != test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

func podOf(namespace, name string, ready bool, containers ...string) corev1.Pod {
	p := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
	for _, c := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c, Image: "image-of-" + c})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: c, Ready: ready})
	}
	return p
}

// The fake clientset knows neither pages nor field selectors, and both are what Count is about.
func TestCountCountsRunningPodsPageByPage(t *testing.T) {
	pages := map[string]corev1.PodList{
		"": {ListMeta: metav1.ListMeta{Continue: "next"}, Items: []corev1.Pod{
			podOf("a", "protected", true, "app", "falcon-container"),
			podOf("a", "starting", false, "app", "falcon-container"),
			podOf("falcon-system", "injector", true, "injector"),
		}},
		"next": {Items: []corev1.Pod{
			podOf("b", "by-image", true, "sensor-of-tomorrow", "app"),
			podOf("b", "plain", true, "app"),
		}},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.URL.Path != "/api/v1/pods" || q.Get("fieldSelector") != "status.phase=Running" || q.Get("limit") == "" {
			t.Errorf("it asked for %s", r.URL)
		}
		page := pages[q.Get("continue")]
		page.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "PodList"}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(page)
	}))
	defer server.Close()
	client, err := kubernetes.NewForConfig(&rest.Config{Host: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	s := State{Image: "image-of-sensor-of-tomorrow"}
	if err := s.Count(t.Context(), &kube.Cluster{Client: client}); err != nil {
		t.Fatal(err)
	}
	if s.Pods != 4 || s.Protected != 2 {
		t.Errorf("counted %d pods, %d protected; want 4 and 2", s.Pods, s.Protected)
	}
}
