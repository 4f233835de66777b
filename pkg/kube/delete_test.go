package kube

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func anything(metav1.Object) error { return nil }

// Between looking and deleting somebody may have made a new object of that name: the server must be told
// which one was meant.
func TestDeleteMeansTheObjectItLookedAt(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{
		"GET " + configPath:    answer(http.StatusOK, stored("v1", "ConfigMap", "c", "7", "the-uid")),
		"DELETE " + configPath: answer(http.StatusOK, metav1.Status{Status: metav1.StatusSuccess}),
	})
	var asked metav1.Object
	change, err := connect(t, a.URL).Delete(t.Context(), config(), func(now metav1.Object) error { asked = now; return nil })
	if err != nil || change != Deleted {
		t.Fatalf("got %q, %v", change, err)
	}
	if asked == nil || asked.GetUID() != "the-uid" {
		t.Errorf("keep was asked about %v, not about the object in the cluster", asked)
	}
	var sent metav1.DeleteOptions
	if err := json.Unmarshal(a.requests(http.MethodDelete)[0].body, &sent); err != nil {
		t.Fatal(err)
	}
	if sent.Preconditions == nil || sent.Preconditions.UID == nil || *sent.Preconditions.UID != "the-uid" {
		t.Errorf("preconditions are %v", sent.Preconditions)
	}
	if sent.PropagationPolicy == nil || *sent.PropagationPolicy != metav1.DeletePropagationBackground {
		t.Errorf("propagation is %v", sent.PropagationPolicy)
	}
}

func TestDeleteDoesNotMissWhatIsNotThere(t *testing.T) {
	gone := refuse(http.StatusNotFound, metav1.StatusReasonNotFound, "none")
	there := answer(http.StatusOK, stored("v1", "ConfigMap", "c", "1", "u"))
	tests := map[string]map[string]http.HandlerFunc{
		"from the start":         {"GET " + configPath: gone},
		"since it was looked at": {"GET " + configPath: there, "DELETE " + configPath: gone},
	}
	for name, routes := range tests {
		t.Run(name, func(t *testing.T) {
			change, err := connect(t, newAPI(t, routes).URL).Delete(t.Context(), config(), anything)
			if err != nil || change != Unchanged {
				t.Errorf("got %q, %v", change, err)
			}
		})
	}
}

func TestDeleteKeepsWhatItIsToldToKeep(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{
		"GET " + configPath:    answer(http.StatusOK, stored("v1", "ConfigMap", "c", "1", "u")),
		"DELETE " + configPath: answer(http.StatusOK, metav1.Status{Status: metav1.StatusSuccess}),
	})
	foreign := errors.New("somebody else's")
	_, err := connect(t, a.URL).Delete(t.Context(), config(), func(metav1.Object) error { return foreign })
	if !errors.Is(err, foreign) {
		t.Errorf("got %v", err)
	}
	if n := len(a.requests(http.MethodDelete)); n != 0 {
		t.Errorf("it deleted %d objects", n)
	}
}

func TestDeleteSaysWhichStepFailed(t *testing.T) {
	no := refuse(http.StatusForbidden, metav1.StatusReasonForbidden, "no")
	there := answer(http.StatusOK, stored("v1", "ConfigMap", "c", "1", "u"))
	tests := map[string]map[string]http.HandlerFunc{
		"read configmap/c":   {"GET " + configPath: no},
		"delete configmap/c": {"GET " + configPath: there, "DELETE " + configPath: no},
	}
	for step, routes := range tests {
		t.Run(step, func(t *testing.T) {
			_, err := connect(t, newAPI(t, routes).URL).Delete(t.Context(), config(), anything)
			if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), step) {
				t.Errorf("got %v", err)
			}
		})
	}
}
