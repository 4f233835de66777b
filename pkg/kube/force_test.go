package kube

import (
	"encoding/json"
	"net/http"
	"slices"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// conflict is the server's refusal because these managers own fields.
func conflict(managers ...string) http.HandlerFunc {
	var causes []metav1.StatusCause
	for _, m := range managers {
		causes = append(causes, metav1.StatusCause{Type: metav1.CauseTypeFieldManagerConflict,
			Message: `conflict with "` + m + `" using v1 at 2026-11-23T12:00:00Z`, Field: ".data.a"})
	}
	status := apierrors.NewApplyConflict(causes, "Apply failed").ErrStatus
	status.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Status"}
	return answer(http.StatusConflict, status)
}

// Fields that this tool set by patch or update are its own; another's are taken only when it is told to.
func TestApplyForcesOnlyWhatIsItsOwn(t *testing.T) {
	tests := map[string]struct {
		refusal http.HandlerFunc
		how     ApplyOptions
		forces  []string // of each request
		fails   bool
	}{
		"its own":                {conflict(FieldManager), ApplyOptions{}, []string{"false", "true"}, false},
		"its own twice":          {conflict(FieldManager, FieldManager), ApplyOptions{}, []string{"false", "true"}, false},
		"its own in a dry run":   {conflict(FieldManager), ApplyOptions{DryRun: true}, []string{"false", "true"}, false},
		"another's":              {conflict("helm"), ApplyOptions{}, []string{"false"}, true},
		"its own and another's":  {conflict(FieldManager, "helm"), ApplyOptions{}, []string{"false"}, true},
		"a name that is longer":  {conflict(FieldManager + "-fork"), ApplyOptions{}, []string{"false"}, true},
		"a name with a prefix":   {conflict("my-" + FieldManager), ApplyOptions{}, []string{"false"}, true},
		"nobody's":               {conflict(), ApplyOptions{}, []string{"false"}, true},
		"an outdated version":    {refuse(http.StatusConflict, metav1.StatusReasonConflict, "modified"), ApplyOptions{Version: "1"}, []string{"false"}, true},
		"told to":                {nil, ApplyOptions{Force: true}, []string{"true"}, false},
		"told to in the dry run": {nil, ApplyOptions{Force: true, DryRun: true}, []string{"true"}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			good := answer(http.StatusOK, stored("v1", "ConfigMap", "c", "2", "u"))
			a := newAPI(t, map[string]http.HandlerFunc{
				"GET " + configPath: answer(http.StatusOK, stored("v1", "ConfigMap", "c", "1", "u")),
				"PATCH " + configPath: func(w http.ResponseWriter, r *http.Request) {
					if tt.refusal != nil && r.URL.Query().Get("force") != "true" {
						tt.refusal(w, r)
						return
					}
					good(w, r)
				}})
			_, err := connect(t, a.URL).ApplyWith(t.Context(), config(), tt.how)
			if apierrors.IsConflict(err) != tt.fails || err != nil && !tt.fails {
				t.Errorf("got %v", err)
			}
			var forces []string
			for _, p := range a.requests(http.MethodPatch) {
				forces = append(forces, p.query.Get("force"))
				if dry := p.query.Get("dryRun") == "All"; dry != tt.how.DryRun {
					t.Errorf("dry run: %v", dry)
				}
			}
			if !slices.Equal(forces, tt.forces) {
				t.Errorf("force was %q, want %q", forces, tt.forces)
			}
		})
	}
}

// The version makes the server refuse what somebody has changed since it was read.
func TestApplySendsTheVersionThatItMeans(t *testing.T) {
	for _, version := range []string{"", "41"} {
		a := newAPI(t, map[string]http.HandlerFunc{"PATCH " + configPath: answer(http.StatusOK, stored("v1", "ConfigMap", "c", "42", "u"))})
		if _, err := connect(t, a.URL).ApplyWith(t.Context(), config(), ApplyOptions{Version: version}); err != nil {
			t.Fatal(err)
		}
		var sent metav1.PartialObjectMetadata
		if err := json.Unmarshal(a.requests(http.MethodPatch)[0].body, &sent); err != nil || sent.ResourceVersion != version {
			t.Errorf("sent %q, want %q (%v)", sent.ResourceVersion, version, err)
		}
	}
}

// A takeover of ownership gives an object a new version, and changes nothing that anybody can see.
func TestApplyKnowsAChangeOfContentFromOneOfOwnership(t *testing.T) {
	base := func(change func(map[string]any)) map[string]any {
		o := stored("v1", "ConfigMap", "c", "2", "u")
		o["data"] = map[string]any{"a": "b"}
		change(o)
		return o
	}
	before := base(func(o map[string]any) { o["metadata"].(map[string]any)["resourceVersion"] = "1" })
	meta := func(o map[string]any) map[string]any { return o["metadata"].(map[string]any) }
	tests := map[string]struct {
		after map[string]any
		want  Change
	}{
		"nothing":    {base(func(map[string]any) {}), Unchanged},
		"owners":     {base(func(o map[string]any) { meta(o)["managedFields"] = []any{map[string]any{"manager": "x"}} }), Unchanged},
		"generation": {base(func(o map[string]any) { meta(o)["generation"] = 7 }), Unchanged},
		"data":       {base(func(o map[string]any) { o["data"] = map[string]any{"a": "c"} }), Changed},
		"labels":     {base(func(o map[string]any) { meta(o)["labels"] = map[string]any{"a": "c"} }), Changed},
		"owner":      {base(func(o map[string]any) { meta(o)["ownerReferences"] = []any{map[string]any{"uid": "c"}} }), Changed},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			a := newAPI(t, map[string]http.HandlerFunc{"GET " + configPath: answer(http.StatusOK, before), "PATCH " + configPath: answer(http.StatusOK, tt.after)})
			got, err := connect(t, a.URL).ApplyWith(t.Context(), config(), ApplyOptions{})
			if err != nil || got.Change != tt.want || got.Before == nil || got.After.GetResourceVersion() != "2" {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// Who compares must find the objects as they were.
func TestSameContentChangesNothing(t *testing.T) {
	u := &unstructured.Unstructured{Object: stored("v1", "ConfigMap", "c", "2", "u")}
	if !sameContent(u, u.DeepCopy()) || u.GetResourceVersion() != "2" {
		t.Errorf("it left %v", u)
	}
}
