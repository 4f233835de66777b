package demo

import (
	"errors"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	dynamicfake "k8s.io/client-go/dynamic/fake"
	"k8s.io/client-go/kubernetes/fake"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// The scenario is the guide's to the letter: its command line is what the sensor detects.
func TestDeploymentGolden(t *testing.T) {
	got, err := yaml.Marshal(Deployment(Options{Namespace: "team-a", Image: DefaultImage}))
	if err != nil {
		t.Fatal(err)
	}
	golden.Check(t, "deployment.yaml", got)
}

// What a scenario does must not leave its container.
func TestDeploymentSharesNothingWithItsNode(t *testing.T) {
	s := Deployment(Options{Namespace: "team-a", Image: DefaultImage}).Spec.Template.Spec
	if s.HostNetwork || s.HostPID || s.HostIPC || len(s.Volumes) > 0 || len(s.Containers) != 1 {
		t.Errorf("it is %+v", s)
	}
	if p := s.Containers[0].SecurityContext; p != nil && (p.Privileged != nil || p.Capabilities != nil) {
		t.Errorf("its container may do more than others: %+v", p)
	}
}

func TestRunRefusesWhatCannotBeMeant(t *testing.T) {
	tests := map[string]struct {
		o          Options
		says, next string
	}{
		"a bad image":         {Options{Namespace: "team-a", Image: "A B"}, `"A B" is not an image`, "REGISTRY/NAME:TAG"},
		"a missing namespace": {Options{Namespace: "tem-a", Image: DefaultImage}, `there is no namespace "tem-a"`, "kubectl create namespace tem-a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a"}})
			// There is no Dynamic: an attempt to apply something would panic.
			_, err := Run(t.Context(), &kube.Cluster{Client: client}, test.o, nil)
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Error(), test.says) || !strings.Contains(p.Next(), test.next) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// demoPod makes a pod of the scenario with the sensor beside it, changed as a test needs it.
func demoPod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "detection-single-x", Namespace: "team-a", Labels: map[string]string{"run": Name}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: Name}, {Name: "falcon-container"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{{Name: Name, Ready: true}, {Name: "falcon-container", Ready: true}}},
	}
	if change != nil {
		change(p)
	}
	return p
}

func stuck(p *corev1.Pod) {
	p.Status.ContainerStatuses[0] = corev1.ContainerStatus{Name: Name, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "wrapped:\nno such image"}}}
}

// deployed is the scenario in the cluster; blocked says why no pod can be made, if that is so.
func deployed(blocked string) *appsv1.Deployment {
	d := Deployment(Options{Namespace: "team-a", Image: DefaultImage})
	d.Status.Replicas, d.Status.UpdatedReplicas = 1, 1
	if blocked != "" {
		d.Status.Conditions = []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: blocked}}
	}
	return d
}

// rolling is the Deployment just after its image was changed: a pod of the one before still runs.
func rolling() *appsv1.Deployment {
	d := deployed("")
	d.Status.Replicas, d.Status.UpdatedReplicas = 2, 1
	return d
}

func TestLookSaysHowFarItIs(t *testing.T) {
	now := metav1.NewTime(time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	gone := demoPod(func(p *corev1.Pod) { p.Name, p.DeletionTimestamp, p.Finalizers = "old", &now, []string{"x"} })
	tests := map[string]struct {
		objects []runtime.Object
		ready   bool
		state   string
	}{
		"ready":          {[]runtime.Object{deployed(""), demoPod(nil)}, true, ""},
		"no pod yet":     {[]runtime.Object{deployed("")}, false, "waiting for its pod"},
		"only an old":    {[]runtime.Object{deployed(""), gone}, false, "waiting for its pod"},
		"not rolled yet": {[]runtime.Object{rolling(), demoPod(nil)}, false, "waiting for its pod"},
		"a stuck pod":    {[]runtime.Object{deployed(""), demoPod(stuck)}, false, "pod/detection-single-x: container detection-single: ErrImagePull: no such image"},
		"refused":        {[]runtime.Object{deployed("admission webhook denied the request")}, false, "no pod can be made: admission webhook denied the request"},
		"sensor unready": {[]runtime.Object{deployed(""), demoPod(func(p *corev1.Pod) { p.Status.ContainerStatuses[1].Ready = false })}, false, "pod/detection-single-x: 1/2 containers ready"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			pod, state, err := look(t.Context(), &kube.Cluster{Client: fake.NewClientset(test.objects...)}, "team-a")
			if err != nil || (pod != nil) != test.ready || !test.ready && state != test.state {
				t.Errorf("got %v, %q, %v", pod, state, err)
			}
		})
	}
}

// A demo without the sensor would show nothing, however well it runs.
func TestLookStopsAtAPodWithoutTheSensor(t *testing.T) {
	plain := demoPod(func(p *corev1.Pod) { p.Spec.Containers = p.Spec.Containers[:1] })
	_, _, err := look(t.Context(), &kube.Cluster{Client: fake.NewClientset(deployed(""), plain)}, "team-a")
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || !strings.Contains(p.Error(), "without the Falcon sensor") || !strings.Contains(p.Next(), "kubectl falcon verify -n team-a") {
		t.Errorf("got %v", err)
	}
}

func TestCleanRemovesOnlyItsOwn(t *testing.T) {
	owned := func(manager string) runtime.Object {
		return &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment",
			"metadata": map[string]any{"name": Name, "namespace": "team-a",
				"labels": map[string]any{"app.kubernetes.io/managed-by": manager}}}}
	}
	for name, test := range map[string]struct {
		objects []runtime.Object
		want    kube.Change
		says    string
		left    int
	}{
		"its own":   {[]runtime.Object{owned("kubectl-falcon")}, kube.Deleted, "", 0},
		"nothing":   {nil, kube.Unchanged, "", 0},
		"another's": {[]runtime.Object{owned("Helm")}, "", "deployment team-a/detection-single was not made by kubectl falcon", 1},
	} {
		t.Run(name, func(t *testing.T) {
			client := dynamicfake.NewSimpleDynamicClient(runtime.NewScheme(), test.objects...)
			got, err := Clean(t.Context(), &kube.Cluster{Dynamic: client}, "team-a")
			if got != test.want || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, %v", got, err)
			}
			left := 0
			if _, err := client.Resource(appsv1.SchemeGroupVersion.WithResource("deployments")).Namespace("team-a").
				Get(t.Context(), Name, metav1.GetOptions{}); err == nil {
				left = 1
			}
			if left != test.left {
				t.Errorf("%d Deployments are left, want %d", left, test.left)
			}
		})
	}
}
