package fargate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// A gated pod is not to be scheduled yet; binding it would be refused.
func TestLeavesGatedPodsAlone(t *testing.T) {
	pod := podWith(corev1.Container{})
	pod.Spec.SchedulingGates = []corev1.PodSchedulingGate{{Name: "wait"}}
	s, client, _ := newScheduler(pod)
	s.consider(t.Context(), pod)
	if done := client.Actions(); len(done) != 0 {
		t.Errorf("it did %v", done)
	}
}

// A condition is there once, and says the newest.
func TestRefusalReplacesTheCondition(t *testing.T) {
	pod := podWith(privileged(true))
	pod.Status.Conditions = []corev1.PodCondition{
		{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "an older reason"}}
	s, client, _ := newScheduler(pod)
	s.consider(t.Context(), pod)
	now, err := client.CoreV1().Pods(pod.Namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c := now.Status.Conditions; len(c) != 1 || c[0].Message != Refusal(pod) {
		t.Errorf("conditions %+v", c)
	}
}

func TestProfilesMayBeWrittenWithSpaces(t *testing.T) {
	w := newWebhook(t, map[string]string{"fp-default": "default, apps"})
	if got := w.profileOf("apps"); got != "fp-default" {
		t.Errorf("got %q", got)
	}
}
