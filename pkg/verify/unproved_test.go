package verify

import (
	"errors"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
)

// Who may not create pods learns nothing from the canary, and nothing is wrong because of it.
func TestWithoutTheRightToCreatePodsInjectionIsUnproved(t *testing.T) {
	s := healthy()
	s.Canary = canary.Answer{Refused: apierrors.NewForbidden(schema.GroupResource{Resource: "pods"}, "",
		errors.New(`User "auditor" cannot create resource "pods" in API group ""`))}
	r := Judge(s)
	if r.Injection != Unproved || !strings.Contains(r.Reason, "may not create pods") || r.Faults() != 0 {
		t.Errorf("got %+v with %d faults", r, r.Faults())
	}
}

// A pod on its way out is nobody's to mend, also one that never had the sensor.
func TestAPodThatIsBeingDeletedIsNoFault(t *testing.T) {
	now := metav1.Now()
	r := Judge(healthy(corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "old", DeletionTimestamp: &now},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}))
	if r.Pods[0].Verdict != Done || r.Faults() != 0 {
		t.Errorf("got %+v with %d faults", r.Pods[0], r.Faults())
	}
}
