package aid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/streaming/pkg/httpstream/wsstream"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// run is one run of falconctl.
type run struct {
	stdout, stderr string
	code           int
}

// falconctl is a server with one running pod, in whose sidecar each run of falconctl does the next thing
// given; the last one is repeated.
type falconctl struct {
	mu    sync.Mutex
	runs  []run
	asked []string
	// looked is called each time the pod is read, if it is set.
	looked func()
}

// serve returns the cluster of that server.
func (f *falconctl) serve(t *testing.T) *kube.Cluster {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/exec") {
			f.exec(w, r)
			return
		}
		if f.looked != nil {
			f.looked()
		}
		p := pod(corev1.PodRunning, "app", "falcon-container")
		p.TypeMeta = metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(p)
	}))
	t.Cleanup(server.Close)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	flags := kube.NewFlags()
	*flags.APIServer = server.URL
	c, err := kube.Connect(flags, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (f *falconctl) exec(w http.ResponseWriter, r *http.Request) {
	write, read := wsstream.WriteChannel, wsstream.ReadChannel
	conn := wsstream.NewConn(map[string]wsstream.ChannelProtocolConfig{"v5.channel.k8s.io": {
		Binary: true, Channels: []wsstream.ChannelType{read, write, write, write, read}}})
	_, channels, err := conn.Open(w, r)
	if err != nil {
		return
	}
	defer conn.Close()
	f.mu.Lock()
	defer f.mu.Unlock()
	q := r.URL.Query()
	f.asked = append(f.asked, fmt.Sprintf("%s: %s", q.Get("container"), strings.Join(q["command"], " ")))
	now := f.runs[0]
	if len(f.runs) > 1 {
		f.runs = f.runs[1:]
	}
	fmt.Fprint(channels[1], now.stdout)
	fmt.Fprint(channels[2], now.stderr)
	status := metav1.Status{Status: metav1.StatusSuccess}
	if now.code != 0 {
		status = metav1.Status{Status: metav1.StatusFailure, Reason: "NonZeroExitCode", Details: &metav1.StatusDetails{
			Causes: []metav1.StatusCause{{Type: "ExitCode", Message: fmt.Sprint(now.code)}}}}
	}
	_ = json.NewEncoder(channels[3]).Encode(status)
}

func TestOfAsksTheSensorForItsID(t *testing.T) {
	// The exit code is not to be relied on: vendors' scripts do not, and it is not documented.
	for _, code := range []int{0, 1} {
		f := &falconctl{runs: []run{{stdout: `aid="` + strings.ToUpper(id) + "\".\n", code: code}}}
		got, err := Of(t.Context(), f.serve(t), "team-a", "web")
		if got != id || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
		if asked := strings.Join(f.asked, "; "); asked != "falcon-container: falconctl -g --aid" {
			t.Errorf("it asked %s", asked)
		}
	}
}

func TestOfKnowsASensorThatHasNotRegistered(t *testing.T) {
	f := &falconctl{runs: []run{{stdout: "aid is not set.\n"}}}
	got, err := Of(t.Context(), f.serve(t), "team-a", "web")
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || got != "" || !errors.Is(err, ErrUnset) || p.Kind() != problem.Failed {
		t.Fatalf("got %q, %v", got, err)
	}
	if !strings.Contains(p.Error(), "pod team-a/web") || !strings.Contains(p.Next(), "CID") || !strings.Contains(p.Next(), "443") {
		t.Errorf("it says %q, next %q", p, p.Next())
	}
}

func TestOfRepeatsWhatFalconctlSaidInstead(t *testing.T) {
	tests := map[string]struct {
		run  run
		says string
	}{
		"an error":           {run{stderr: "ERROR: sensor is not running\n", code: 3}, `exit code 3, it said "ERROR: sensor is not running"`},
		"only on stdout":     {run{stdout: "what?\n"}, `exit code 0, it said "what?"`},
		"a cut line":         {run{stdout: `aid="44e3`}, `it said "aid=\"44e3"`},
		"an id, but on err":  {run{stderr: "aid=" + id}, "it said"},
		"more than one line": {run{stderr: "a\nb"}, `it said "a\nb"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := &falconctl{runs: []run{test.run}}
			got, err := Of(t.Context(), f.serve(t), "team-a", "web")
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || got != "" || errors.Is(err, ErrUnset) {
				t.Fatalf("got %q, %v", got, err)
			}
			if !strings.Contains(p.Error(), test.says) {
				t.Errorf("%q does not say %q", p, test.says)
			}
			if !strings.Contains(p.Next(), "kubectl exec -n team-a web -c falcon-container -- falconctl -g --aid") {
				t.Errorf("next is %q", p.Next())
			}
		})
	}
}

func TestWaitAsksUntilTheSensorHasRegistered(t *testing.T) {
	f := &falconctl{runs: []run{{stdout: "aid is not set.\n"}, {stdout: `aid="` + id + "\".\n"}}}
	got, err := Wait(t.Context(), f.serve(t), "team-a", "web", time.Minute)
	if got != id || err != nil || len(f.asked) != 2 {
		t.Errorf("got %q, %v after %d questions", got, err, len(f.asked))
	}
}

func TestWaitHasAnEnd(t *testing.T) {
	f := &falconctl{runs: []run{{stdout: "aid is not set.\n"}}}
	got, err := Wait(t.Context(), f.serve(t), "team-a", "web", 500*time.Millisecond)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || got != "" || p.Kind() != problem.TimedOut {
		t.Fatalf("got %q, %v", got, err)
	}
	if !strings.Contains(p.Error(), "pod team-a/web has no agent id after 500ms") || !strings.Contains(p.Next(), "CID") {
		t.Errorf("it says %q, next %q", p, p.Next())
	}
}

// The user's interrupt is not a timeout, and must not be told as one.
func TestWaitEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	looks := 0
	f := &falconctl{runs: []run{{stdout: "aid is not set.\n"}}, looked: func() {
		if looks++; looks == 2 {
			cancel()
		}
	}}
	got, err := Wait(ctx, f.serve(t), "team-a", "web", time.Minute)
	if got != "" || !errors.Is(err, context.Canceled) {
		t.Errorf("got %q, %v", got, err)
	}
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Kind() == problem.TimedOut {
		t.Errorf("it says %q", p)
	}
}
