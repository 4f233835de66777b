package kube

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Each kind of writer of events says in another field when it was; what every start goes through is no news.
func TestLastWarning(t *testing.T) {
	made := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	after := func(d time.Duration) metav1.Time { return metav1.NewTime(made.Add(d)) }
	micro := func(d time.Duration) metav1.MicroTime { return metav1.NewMicroTime(made.Add(d)) }
	event := func(reason string, change func(*corev1.Event)) corev1.Event {
		e := corev1.Event{Reason: reason, Message: "wrapped:\nthe core", ObjectMeta: metav1.ObjectMeta{CreationTimestamp: after(time.Second)}}
		change(&e)
		return e
	}
	late := event("Late", func(e *corev1.Event) { e.LastTimestamp = after(time.Minute) })
	tests := map[string]struct {
		events  []corev1.Event
		started time.Duration
		want    string
	}{
		"none":              {nil, 0, ""},
		"of its start":      {[]corev1.Event{event("Early", func(*corev1.Event) {})}, 0, ""},
		"one":               {[]corev1.Event{late}, 0, "Late: the core"},
		"the last of two":   {[]corev1.Event{late, event("Later", func(e *corev1.Event) { e.EventTime = micro(2 * time.Minute) })}, 0, "Later: the core"},
		"in another order":  {[]corev1.Event{event("Later", func(e *corev1.Event) { e.EventTime = micro(2 * time.Minute) }), late}, 0, "Later: the core"},
		"a series":          {[]corev1.Event{event("Again", func(e *corev1.Event) { e.Series = &corev1.EventSeries{LastObservedTime: micro(time.Hour)} })}, 0, "Again: the core"},
		"an aside after it": {[]corev1.Event{late, event("MissingClusterDNS", func(e *corev1.Event) { e.LastTimestamp = after(time.Hour) })}, 0, "Late: the core"},
		"before it started": {[]corev1.Event{late}, 2 * time.Minute, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var asked string
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked = r.URL.Path + " " + r.URL.Query().Get("fieldSelector")
				w.Header().Set("Content-Type", "application/json")
				_ = json.NewEncoder(w).Encode(corev1.EventList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "EventList"}, Items: tt.events})
			}))
			defer s.Close()
			pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns", UID: "u", CreationTimestamp: after(0)}}
			if tt.started > 0 {
				pod.Status.ContainerStatuses = statuses{{State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{StartedAt: after(tt.started)}}}}
			}
			got, err := connect(t, s.URL).LastWarning(t.Context(), pod)
			if err != nil || got != tt.want {
				t.Errorf("got %q, %v; want %q", got, err, tt.want)
			}
			if asked != "/api/v1/namespaces/ns/events type=Warning,involvedObject.uid=u" {
				t.Errorf("it asked for %s", asked)
			}
		})
	}
}
