package fargate

import (
	"bytes"
	"errors"
	"log"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	kubetesting "k8s.io/client-go/testing"
)

func newScheduler(objects ...runtime.Object) (*scheduler, *fake.Clientset, *bytes.Buffer) {
	client := fake.NewClientset(objects...)
	var logged bytes.Buffer
	return &scheduler{client: client, node: "fargate-ip-1", log: log.New(&logged, "", 0)}, client, &logged
}

func TestBindsWhatFargateTakes(t *testing.T) {
	pod := podWith(corev1.Container{})
	s, client, logged := newScheduler(pod)
	s.consider(t.Context(), pod)
	actions := client.Actions()
	if len(actions) != 1 {
		t.Fatalf("actions %v, log %s", actions, logged)
	}
	create, ok := actions[0].(kubetesting.CreateAction)
	if !ok || create.GetSubresource() != "binding" || create.GetNamespace() != "default" {
		t.Fatalf("action %v", actions[0])
	}
	binding := create.GetObject().(*corev1.Binding)
	// Without the UID a pod of the same name made anew meanwhile would be bound unseen.
	if binding.Name != "app" || binding.UID != "the-uid" || binding.Target.Kind != "Node" || binding.Target.Name != "fargate-ip-1" {
		t.Errorf("binding %+v", binding)
	}
}

func TestLeavesOtherPodsAlone(t *testing.T) {
	others, bound, going := podWith(privileged(true)), podWith(corev1.Container{}), podWith(privileged(true))
	others.Spec.SchedulerName = corev1.DefaultSchedulerName
	bound.Spec.NodeName = "somewhere"
	now := metav1.Now()
	going.DeletionTimestamp, going.Finalizers = &now, []string{"x/y"}
	for what, pod := range map[string]*corev1.Pod{"another scheduler's": others, "bound": bound, "being deleted": going} {
		s, client, _ := newScheduler(pod)
		s.consider(t.Context(), pod)
		if actions := client.Actions(); len(actions) != 0 {
			t.Errorf("%s: %v", what, actions)
		}
	}
}

func TestLogsOnlyOddFailuresToBind(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	for err, want := range map[error]string{
		apierrors.NewConflict(pods, "app", errors.New("bound")): "",
		apierrors.NewNotFound(pods, "app"):                      "",
		errors.New("no etcd"):                                   "bind default/app: no etcd\n",
	} {
		s, client, logged := newScheduler()
		client.PrependReactor("create", "pods", func(kubetesting.Action) (bool, runtime.Object, error) { return true, nil, err })
		s.consider(t.Context(), podWith(corev1.Container{}))
		if logged.String() != want {
			t.Errorf("%v is logged as %q, want %q", err, logged, want)
		}
	}
}

func TestRefusesOnce(t *testing.T) {
	pod := podWith(privileged(true))
	s, client, logged := newScheduler(pod)
	s.consider(t.Context(), pod)
	why := Refusal(pod)
	// What the informer brings next is the pod with the new condition.
	refused, err := client.CoreV1().Pods("default").Get(t.Context(), "app", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if c := refused.Status.Conditions; len(c) != 1 || c[0].Type != corev1.PodScheduled || c[0].Status != corev1.ConditionFalse ||
		c[0].Reason != corev1.PodReasonUnschedulable || c[0].Message != why {
		t.Errorf("conditions %+v", c)
	}
	events, err := client.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(events.Items) != 1 {
		t.Fatalf("events %v, %v", events, err)
	}
	e := events.Items[0]
	if e.Type != corev1.EventTypeWarning || e.Reason != "FailedScheduling" || e.Message != why ||
		e.Source.Component != "fargate-scheduler" || e.Count != 1 || e.LastTimestamp.IsZero() {
		t.Errorf("event %+v", e)
	}
	if o := e.InvolvedObject; o.Kind != "Pod" || o.Namespace != "default" || o.Name != "app" || o.UID != "the-uid" {
		t.Errorf("the event is about %+v", o)
	}
	client.ClearActions()
	s.consider(t.Context(), refused)
	if actions := client.Actions(); len(actions) != 0 || logged.Len() != 0 {
		t.Errorf("the second time: %v, log %s", actions, logged)
	}
	if len(pod.Status.Conditions) != 0 {
		t.Error("it changed the informer's own pod")
	}
}

func TestRefusesAgainForAnotherReason(t *testing.T) {
	pod := podWith(privileged(true))
	pod.Status.Conditions = []corev1.PodCondition{{Type: corev1.PodScheduled, Message: "another reason"},
		{Type: corev1.PodReady, Message: Refusal(pod)}}
	s, client, _ := newScheduler(pod)
	s.consider(t.Context(), pod)
	events, err := client.CoreV1().Events("default").List(t.Context(), metav1.ListOptions{})
	if err != nil || len(events.Items) != 1 {
		t.Errorf("events %v, %v", events, err)
	}
}

// A pod that cannot be told why still gets the other half of the answer.
func TestRefusalIsWrittenAsFarAsPossible(t *testing.T) {
	for resource, want := range map[string]string{"events": "event for default/app: refused", "pods": "status of default/app: refused"} {
		pod := podWith(privileged(true))
		s, client, logged := newScheduler(pod)
		client.PrependReactor("*", resource, func(kubetesting.Action) (bool, runtime.Object, error) { return true, nil, errors.New("refused") })
		s.consider(t.Context(), pod)
		if len(client.Actions()) != 2 || strings.TrimSpace(logged.String()) != want {
			t.Errorf("%s fail: %v, log %s", resource, client.Actions(), logged)
		}
	}
}

func TestEnsureProfiles(t *testing.T) {
	client := fake.NewClientset()
	maps := client.CoreV1().ConfigMaps(metav1.NamespaceSystem)
	// The second time finds what a user has changed, and keeps it.
	for _, want := range []string{"default,kube-system", "mine"} {
		if err := ensureProfiles(t.Context(), client); err != nil {
			t.Fatal(err)
		}
		m, err := maps.Get(t.Context(), "fargate-profiles", metav1.GetOptions{})
		if err != nil || len(m.Data) != 1 || m.Data["fp-default"] != want {
			t.Fatalf("profiles %v, %v; want %s", m, err, want)
		}
		m.Data["fp-default"] = "mine"
		if _, err := maps.Update(t.Context(), m, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	client.PrependReactor("create", "configmaps", func(kubetesting.Action) (bool, runtime.Object, error) {
		return true, nil, errors.New("refused")
	})
	if err := ensureProfiles(t.Context(), client); err == nil {
		t.Error("a failure is passed over")
	}
}
