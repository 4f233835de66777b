package canary

import (
	"errors"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// A missing right and a refusing admission plugin both answer 403; only the second says something about
// the injector.
func TestForbidden(t *testing.T) {
	pods := schema.GroupResource{Resource: "pods"}
	tests := map[string]struct {
		refused error
		want    bool
	}{
		"a missing right": {apierrors.NewForbidden(pods, "", errors.New(
			`User "auditor" cannot create resource "pods" in API group "" in the namespace "team-a"`)), true},
		"PodSecurity": {apierrors.NewForbidden(pods, "falcon-canary-5m9ft", errors.New(
			`violates PodSecurity "baseline:latest": non-default capabilities`)), false},
		"quota": {apierrors.NewForbidden(pods, "falcon-canary-pnnd9", errors.New(
			"failed quota: q: must specify requests.cpu for: c,crowdstrike-falcon-container")), false},
		"a broken webhook": {apierrors.NewInternalError(errors.New("failed calling webhook")), false},
		"no refusal":       {nil, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := (Answer{Refused: tt.refused}).Forbidden(); got != tt.want {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
