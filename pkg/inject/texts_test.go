package inject

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
)

func TestListAndCount(t *testing.T) {
	for want, got := range map[string]string{
		"":                list(nil, 2),
		"a":               list([]string{"a"}, 2),
		"a, b":            list([]string{"a", "b"}, 2),
		"a, b and 1 more": list([]string{"a", "b", "c"}, 2),
		"none":            orNone(""),
		"some":            orNone("some"),
		"0 namespaces":    count(0, "namespace"),
		"1 namespace":     count(1, "namespace"),
		"2 namespaces":    count(2, "namespace"),
		"1 pod runs":      running(1),
		"2 pods run":      running(2),
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAdvised(t *testing.T) {
	tests := map[string]string{
		"container injector: ErrImagePull: not found":                     "--pull-secret",
		"container injector: ImagePullBackOff":                            "--image",
		"InvalidImageName":                                                "check --image",
		"exceeded quota: small":                                           "raise the quota",
		"must specify limits.cpu":                                         "--injector-memory-limit",
		`violates PodSecurity "restricted"`:                               "a level that admits the injector",
		"Pod not supported on Fargate: fields not supported: HostNetwork": "install with --fargate",
		"0/1 nodes are available: 1 node(s) had untolerated taint(s)":     "make a profile",
		"cannot be scheduled: no nodes available to schedule pods":        "on AWS EKS Fargate make a profile",
		"FailedMount: secret not found":                                   "names what is missing",
		"Unhealthy: Readiness probe failed: 500":                          "kubectl logs",
		"cannot be scheduled: 0/3 nodes":                                  "--toleration",
		"CreateContainerConfigError":                                      "kubectl describe pods",
	}
	for why, next := range tests {
		got := advised(why)
		if !strings.HasPrefix(got, why+" (") || !strings.Contains(got, next) || !strings.HasSuffix(got, ")") {
			t.Errorf("got %q, want the advice %q", got, next)
		}
	}
	if got := advised("something new"); got != "something new" {
		t.Errorf("got %q", got)
	}
}

// A refusal is the injector's doing only if it names what the injector is or adds.
func TestBlames(t *testing.T) {
	for text, want := range map[string]bool{
		`failed calling webhook "injector.falcon-system.svc"`:                    true,
		`violates PodSecurity: container "crowdstrike-falcon-container"`:         true,
		`unrestricted capabilities (container "falcon-container" ...)`:           true,
		`capabilities.add: Invalid value: "SYS_PTRACE"`:                          true,
		`failed calling webhook "validate.kyverno.svc-fail"`:                     false,
		`pods is forbidden: User "eve" cannot create resource "pods"`:            false,
		`exceeded quota: small, requested: limits.cpu=1m, used: limits.cpu=100m`: false,
	} {
		if got := blames(canary.Answer{Refused: errors.New(text)}); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestMakerAndRestart(t *testing.T) {
	yes := true
	tests := map[string]struct {
		owners []metav1.OwnerReference
		want   string
	}{
		"Deployment":  {[]metav1.OwnerReference{{Kind: "Deployment", Name: "web", Controller: &yes}}, "kubectl rollout restart -n shop deployment/web"},
		"StatefulSet": {[]metav1.OwnerReference{{Kind: "StatefulSet", Name: "db", Controller: &yes}}, "kubectl rollout restart -n shop statefulset/db"},
		"DaemonSet":   {[]metav1.OwnerReference{{Kind: "DaemonSet", Name: "agent", Controller: &yes}}, "kubectl rollout restart -n shop daemonset/agent"},
		"ReplicaSet":  {[]metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-1", Controller: &yes}}, ""},
		"Job":         {[]metav1.OwnerReference{{Kind: "Job", Name: "once", Controller: &yes}}, ""},
		// An owner that does not control it makes no new one.
		"Pod": {[]metav1.OwnerReference{{Kind: "Deployment", Name: "web"}}, ""},
	}
	for kind, tt := range tests {
		w := maker(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "shop", OwnerReferences: tt.owners}})
		if w.Kind != kind || w.Namespace != "shop" || w.Restart() != tt.want {
			t.Errorf("%s: %+v, %q", kind, w, w.Restart())
		}
	}
}

func TestOver(t *testing.T) {
	for phase, want := range map[corev1.PodPhase]bool{corev1.PodSucceeded: true, corev1.PodFailed: true, corev1.PodRunning: false, corev1.PodPending: false} {
		if got := over(&corev1.Pod{Status: corev1.PodStatus{Phase: phase}}); got != want {
			t.Errorf("%s: %v", phase, got)
		}
	}
}
