package aid

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

// cluster holds the pods given. It has nothing to exec with: whoever tries is found out by a panic.
func cluster(pods ...runtime.Object) *kube.Cluster {
	return &kube.Cluster{Client: fake.NewClientset(pods...)}
}

func pod(phase corev1.PodPhase, containers ...string) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "web"}, Status: corev1.PodStatus{Phase: phase}}
	for _, name := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name})
	}
	return p
}

func unpullable() *corev1.Pod {
	p := pod(corev1.PodPending, "app", "falcon-container")
	p.Status.ContainerStatuses = []corev1.ContainerStatus{{Name: "falcon-container", State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "no such image"}}}}
	return p
}

// ways are both ways to an id: what cannot change by waiting must not be waited for. The hour would show in
// the time that the tests take.
var ways = map[string]func(context.Context, *kube.Cluster) (string, error){
	"at once": func(ctx context.Context, c *kube.Cluster) (string, error) { return Of(ctx, c, "team-a", "web") },
	"waiting": func(ctx context.Context, c *kube.Cluster) (string, error) {
		return Wait(ctx, c, "team-a", "web", time.Hour)
	},
}

func TestPodsThatCannotBeAsked(t *testing.T) {
	tests := map[string]struct {
		cluster    *kube.Cluster
		kind       problem.Kind
		says, next string
		// passing says that waiting may help.
		passing bool
	}{
		"no such pod": {cluster(), problem.BadInput, `there is no pod "web" in namespace team-a`, "kubectl get pods -n team-a", false},
		"no sensor": {cluster(pod(corev1.PodRunning, "app")), problem.Failed,
			"pod team-a/web has no Falcon sensor (no container crowdstrike-falcon-container or falcon-container)",
			"kubectl falcon verify -n team-a", false},
		"pending": {cluster(pod(corev1.PodPending, "app", "falcon-container")), problem.Failed,
			"pod team-a/web does not run, so its sensor cannot be asked: its phase is Pending", "kubectl describe pod -n team-a web", true},
		"pending, and why": {cluster(unpullable()), problem.Failed,
			"container falcon-container: ErrImagePull: no such image", "kubectl describe pod -n team-a web", true},
		"ended": {cluster(pod(corev1.PodSucceeded, "app", "falcon-container")), problem.Failed,
			"its phase is Succeeded", "kubectl describe pod -n team-a web", false},
	}
	for name, test := range tests {
		for way, idOf := range ways {
			if test.passing && way == "waiting" {
				continue
			}
			t.Run(name+", "+way, func(t *testing.T) {
				id, err := idOf(t.Context(), test.cluster)
				p, ok := errors.AsType[*problem.Error](err)
				if !ok || id != "" {
					t.Fatalf("got %q, %v", id, err)
				}
				if p.Kind() != test.kind || !strings.Contains(p.Error(), test.says) || !strings.Contains(p.Next(), test.next) {
					t.Errorf("got kind %d: %q, next %q", p.Kind(), p, p.Next())
				}
				if errors.Is(err, ErrUnset) {
					t.Error("it passes for a sensor that has not registered")
				}
			})
		}
	}
}

// What may come up is waited for, and at the end it is said how it was.
func TestWaitForAPodThatDoesNotComeUp(t *testing.T) {
	_, err := Wait(t.Context(), cluster(unpullable()), "team-a", "web", 1200*time.Millisecond)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind() != problem.TimedOut {
		t.Fatalf("got %v", err)
	}
	for _, says := range []string{"pod team-a/web has no agent id after 1.2s", "does not run", "ErrImagePull: no such image"} {
		if !strings.Contains(p.Error(), says) {
			t.Errorf("%q does not say %q", p, says)
		}
	}
}

func TestForbiddenToLookStaysForbidden(t *testing.T) {
	client := fake.NewClientset()
	client.PrependReactor("get", "pods", func(clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(corev1.Resource("pods"), "web", errors.New("no"))
	})
	for way, idOf := range ways {
		t.Run(way, func(t *testing.T) {
			_, err := idOf(t.Context(), &kube.Cluster{Client: client})
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), "read pod/web") {
				t.Errorf("got %v", err)
			}
		})
	}
}
