package kube

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const execPath = "/api/v1/namespaces/ns/pods/p/exec"

func run(t *testing.T, a *api) (Output, error) {
	t.Helper()
	return NewExecutor(connect(t, a.URL)).Run(t.Context(), Command{
		Namespace: "ns", Pod: "p", Container: "sensor", Argv: []string{"falconctl", "-g", "--aid"}})
}

func TestExecRunsTheCommandInTheContainer(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: serveWebSocket(prints("to out", "to err"))})
	got, err := run(t, a)
	if err != nil || got != (Output{Stdout: "to out", Stderr: "to err"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	q := a.requests(http.MethodGet)[0].query
	if !slices.Equal(q["command"], []string{"falconctl", "-g", "--aid"}) || q.Get("container") != "sensor" ||
		q.Get("stdout") != "true" || q.Get("stderr") != "true" || q.Has("stdin") || q.Has("tty") {
		t.Errorf("it asked for %v", q)
	}
}

// What a failing command printed is the reason for which it failed.
func TestExecReturnsTheExitCodeWithTheOutput(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: serveWebSocket(exits(42, "ERROR: no"))})
	got, err := run(t, a)
	if err != nil || got != (Output{Stderr: "ERROR: no", ExitCode: 42}) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// A proxy that knows no WebSocket must cost one attempt, not one for each pod.
func TestExecFallsBackToSPDYAndRemembers(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{
		"GET " + execPath: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, "what is an upgrade?", http.StatusBadRequest)
		},
		"POST " + execPath: serveSPDY(prints("to out", "to err")),
	})
	e := NewExecutor(connect(t, a.URL))
	for range 3 {
		got, err := e.Run(t.Context(), Command{Namespace: "ns", Pod: "p", Argv: []string{"x"}})
		if err != nil || got != (Output{Stdout: "to out", Stderr: "to err"}) {
			t.Fatalf("got %+v, %v", got, err)
		}
	}
	if gets, posts := len(a.requests(http.MethodGet)), len(a.requests(http.MethodPost)); gets != 1 || posts != 3 {
		t.Errorf("it tried WebSocket %d times and SPDY %d times, want 1 and 3", gets, posts)
	}
}

func TestExecReportsWhatTheAPIServerRefuses(t *testing.T) {
	no := refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `User "eve" cannot create resource "pods/exec"`)
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: no, "POST " + execPath: no})
	if got, err := run(t, a); err == nil || !strings.Contains(err.Error(), `User "eve"`) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// Where a server asks for a second verb, its refusal over WebSocket has the code and no reason, and over SPDY
// it has the reason and no code.
func TestWhatIsRefusedHasItsCodeAndItsReason(t *testing.T) {
	bare := refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "p" is forbidden: `)
	told := func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `pods "p" is forbidden: User "eve" cannot create resource "pods/exec"`, http.StatusForbidden)
	}
	streams := map[string]func(a *api) error{
		execPath:    func(a *api) error { _, err := run(t, a); return err },
		forwardPath: func(a *api) error { _, err := connect(t, a.URL).DialPod(t.Context(), "ns", "p", 4433); return err },
	}
	for path, open := range streams {
		err := open(newAPI(t, map[string]http.HandlerFunc{"GET " + path: bare, "POST " + path: told}))
		if !apierrors.IsForbidden(err) || !strings.Contains(err.Error(), `forbidden: User "eve" cannot create`) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func TestLimitedKeepsTheBeginningAndTakesTheRest(t *testing.T) {
	const limit = 64 << 10
	for name, sizes := range map[string][]int{
		"less":          {10},
		"exactly":       {limit},
		"one too many":  {limit + 1},
		"over the edge": {limit - 1, 2, 5},
		"long after":    {limit, limit, limit},
		"in one go":     {3 * limit},
	} {
		t.Run(name, func(t *testing.T) {
			var l limited
			var all strings.Builder
			for i, size := range sizes {
				part := strings.Repeat(string(rune('a'+i)), size)
				all.WriteString(part)
				// Anything but the full length would end the command in the container with a broken pipe.
				if n, err := l.Write([]byte(part)); n != size || err != nil {
					t.Fatalf("Write of %d bytes returned %d, %v", size, n, err)
				}
			}
			if want := all.String()[:min(limit, all.Len())]; l.String() != want {
				t.Errorf("kept %d bytes, want %d, the first", len(l.kept), len(want))
			}
		})
	}
}
