package fit

import (
	"reflect"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	answers "k8s.io/client-go/testing"

	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

func node(name, compute string) *corev1.Node {
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}}
	if compute != "" {
		n.Labels = map[string]string{computeKey: compute}
	}
	return n
}

// coredns is the deployment with a number of ready replicas.
func coredns(wanted *int32, ready int32) *appsv1.Deployment {
	labels := map[string]string{"k8s-app": "kube-dns"}
	return &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "coredns", Namespace: "kube-system"},
		Spec: appsv1.DeploymentSpec{Replicas: wanted, Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels, Annotations: map[string]string{computeKey: "ec2"}}}},
		Status: appsv1.DeploymentStatus{ReadyReplicas: ready}}
}

// resolver is a pod of CoreDNS in a phase that cannot be scheduled.
func resolver(name string, phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "kube-system", Labels: map[string]string{"k8s-app": "kube-dns"}},
		Status: corev1.PodStatus{Phase: phase, Conditions: []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "no nodes available to " + name}}}}
}

func TestLook(t *testing.T) {
	two, labels := int32(2), map[string]string{"k8s-app": "kube-dns"}
	for name, test := range map[string]struct {
		objects []runtime.Object
		want    Inside
	}{
		"nothing":        {nil, Inside{}},
		"Fargate's":      {[]runtime.Object{node("fargate-1", "fargate")}, Inside{}},
		"nodes":          {[]runtime.Object{node("fargate-1", "fargate"), node("a", ""), node("b", "ec2")}, Inside{Nodes: 2}},
		"DNS runs":       {[]runtime.Object{coredns(&two, 2)}, Inside{DNS: &DNS{Labels: labels, Compute: "ec2", Wanted: 2, Ready: 2}}},
		"the usual one":  {[]runtime.Object{coredns(nil, 1)}, Inside{DNS: &DNS{Labels: labels, Compute: "ec2", Wanted: 1, Ready: 1}}},
		"DNS does not":   {[]runtime.Object{coredns(&two, 0), resolver("p", corev1.PodPending)}, Inside{DNS: &DNS{Labels: labels, Compute: "ec2", Wanted: 2, Trouble: "cannot be scheduled: no nodes available to p"}}},
		"one has ended":  {[]runtime.Object{coredns(&two, 1), resolver("p", corev1.PodSucceeded)}, Inside{DNS: &DNS{Labels: labels, Compute: "ec2", Wanted: 2, Ready: 1}}},
		"of another app": {[]runtime.Object{coredns(&two, 1), &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "q", Namespace: "kube-system"}, Status: resolver("q", "Pending").Status}}, Inside{DNS: &DNS{Labels: labels, Compute: "ec2", Wanted: 2, Ready: 1}}},
	} {
		got, err := Look(t.Context(), fake.NewClientset(test.objects...))
		if err != nil || !reflect.DeepEqual(*got, test.want) {
			t.Errorf("%s: got %+v %+v, %v", name, got, got.DNS, err)
		}
	}
}

// What may not be asked is an error that says what it was; why DNS is down is left out.
func TestLookWithoutRights(t *testing.T) {
	two := int32(2)
	for verb, want := range map[string]string{"list nodes": "list the nodes: ", "get deployments": "look up CoreDNS: ", "list pods": ""} {
		client := fake.NewClientset(coredns(&two, 1), resolver("p", corev1.PodPending))
		word, resource, _ := strings.Cut(verb, " ")
		client.PrependReactor(word, resource, func(answers.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", nil)
		})
		got, err := Look(t.Context(), client)
		switch {
		case want == "" && (err != nil || got.DNS.Trouble != ""):
			t.Errorf("%s: got %+v, %v", verb, got, err)
		case want != "" && (err == nil || !strings.HasPrefix(err.Error(), want) || !apierrors.IsForbidden(err)):
			t.Errorf("%s: got %v", verb, err)
		}
	}
}
