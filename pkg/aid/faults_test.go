package aid

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/test/farm"
)

// onFarm connects to a farm.
func onFarm(t *testing.T, f *farm.Farm) *kube.Cluster {
	t.Helper()
	address, end := f.Start()
	t.Cleanup(end)
	t.Setenv("KUBECONFIG", filepath.Join(t.TempDir(), "absent"))
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	flags := kube.NewFlags()
	*flags.APIServer = address
	c, err := kube.Connect(flags, "test", nil)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// answers says the pod's id.
func answersID(e farm.Exec) metav1.Status {
	fmt.Fprintf(e.Stdout, "aid=%q.\n", farm.ID(e.Pod))
	return farm.Succeed()
}

// fault is a pod that does not answer as it should.
type fault struct {
	// pod changes what the API server says of it.
	pod func(*corev1.Pod)
	// run is what falconctl does, refuse what the API server answers to the exec.
	run    func(farm.Exec) metav1.Status
	refuse func(http.ResponseWriter, *http.Request) bool

	reason Reason
	says   string
	// asks is how many commands may be run.
	asks int
}

func prints(code int, stdout, stderr string) func(farm.Exec) metav1.Status {
	return func(e farm.Exec) metav1.Status {
		_, _ = io.WriteString(e.Stdout, stdout)
		_, _ = io.WriteString(e.Stderr, stderr)
		return farm.Exit(code)
	}
}

func refuses(code int, reason metav1.StatusReason, message string) func(http.ResponseWriter, *http.Request) bool {
	return func(w http.ResponseWriter, _ *http.Request) bool {
		farm.Answer(w, code, reason, message)
		return true
	}
}

func sidecarState(state corev1.ContainerState) func(*corev1.Pod) {
	return func(p *corev1.Pod) {
		p.Status.ContainerStatuses[1].Ready, p.Status.ContainerStatuses[1].State = false, state
	}
}

// faults are all that was thought of, by the name of its pod.
var faults = map[string]fault{
	"pending": {pod: func(p *corev1.Pod) { p.Status.Phase, p.Status.ContainerStatuses = corev1.PodPending, nil }, reason: NotRunning, says: "its phase is Pending"},
	"ended": {pod: func(p *corev1.Pod) {
		p.Status.Phase, p.Status.ContainerStatuses = corev1.PodSucceeded, nil
	}, reason: Ended, says: "its phase is Succeeded"},
	"deleting": {pod: func(p *corev1.Pod) {
		now := metav1.Now()
		p.DeletionTimestamp = &now
	}, reason: Deleting, says: "is being deleted"},
	"plain": {pod: func(p *corev1.Pod) { p.Spec.Containers = p.Spec.Containers[:1] }, reason: NoSensor, says: "has no Falcon sensor"},
	"waiting": {pod: sidecarState(corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "CrashLoopBackOff", Message: "back-off 10s"}}),
		reason: SensorNotReady, says: "CrashLoopBackOff: back-off 10s"},
	"terminated": {pod: sidecarState(corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 137, Reason: "OOMKilled"}}),
		reason: SensorEnded, says: "exit code 137 (OOMKilled)"},
	"unready": {pod: sidecarState(corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}), reason: SensorNotReady, says: "is not ready"},

	"unset":      {run: prints(0, "aid is not set.\n", ""), reason: NotRegistered, says: "without an agent id yet", asks: 1},
	"unset-1":    {run: prints(1, "aid is not set.\n", ""), reason: NotRegistered, says: "without an agent id yet", asks: 1},
	"silent":     {run: prints(0, "", ""), reason: NoAnswer, says: "exit code 0", asks: 1},
	"half":       {run: prints(0, `aid="44e3b7d20b434a2b`, ""), reason: NotUnderstood, says: "44e3", asks: 1},
	"error":      {run: prints(0, "", "ERROR: no sensor\n"), reason: NotUnderstood, says: "ERROR: no sensor", asks: 1},
	"error-with": {run: prints(0, `ERROR: aid="`+id+`" is old`, ""), reason: NotUnderstood, says: "ERROR", asks: 1},
	"exit-1":     {run: prints(1, "", "no"), reason: ExitCode, says: "exit code 1", asks: 1},
	"exit-126":   {run: prints(126, "", "permission denied"), reason: NoFalconctl, says: "exit code 126", asks: 1},
	"exit-127":   {run: prints(127, "", "sh: falconctl: not found"), reason: NoFalconctl, says: "exit code 127", asks: 1},
	"exit-137":   {run: prints(137, "", ""), reason: ExitCode, says: "exit code 137", asks: 1},
	"huge":       {run: prints(0, strings.Repeat("filler of a program gone wild\n", 1<<20/30), ""), reason: TooMuchOutput, says: "first 64 KiB", asks: 1},
	"hung": {run: func(e farm.Exec) metav1.Status {
		<-e.Over
		return farm.Succeed()
	}, reason: Timeout, says: "did not answer within", asks: 1},
	"cut": {run: func(e farm.Exec) metav1.Status {
		_, _ = io.WriteString(e.Stdout, `aid="44e3`)
		time.Sleep(20 * time.Millisecond)
		e.Cut()
		return farm.Succeed()
	}, reason: Transport, says: "could not be asked", asks: 3},
	"no-program": {run: func(farm.Exec) metav1.Status {
		return farm.Fail(`error executing command in container: failed to exec in container: OCI runtime exec failed: exec failed: unable to start container process: exec: "falconctl": executable file not found in $PATH: unknown`)
	}, reason: NoFalconctl, says: "executable file not found", asks: 1},
	"restarting": {run: func(farm.Exec) metav1.Status {
		return farm.Fail(`unable to upgrade connection: container not found ("crowdstrike-falcon-container")`)
	}, reason: SensorRestarting, says: "container not found", asks: 1},
	"kubelet-down": {run: func(farm.Exec) metav1.Status {
		return farm.Fail("error dialing backend: dial tcp 10.0.0.7:10250: connect: connection refused")
	}, reason: Transport, says: "connection refused", asks: 3},
	"forbidden": {refuse: refuses(http.StatusForbidden, metav1.StatusReasonForbidden, `pods "forbidden" is forbidden: User "eve" cannot create resource "pods/exec"`),
		reason: Forbidden, says: `User "eve" cannot`, asks: 2},
	"gone": {refuse: refuses(http.StatusNotFound, metav1.StatusReasonNotFound, `pods "gone" not found`), reason: Gone, says: "is gone", asks: 1},
}

// TestFaults asks all of them at once, among pods that are well: every pod has one result with its true
// reason, none has an id that it has not, and none costs another its own.
func TestFaults(t *testing.T) {
	defer func(b time.Duration) { backoff = b }(backoff)
	backoff = time.Millisecond
	f := &farm.Farm{Run: func(e farm.Exec) metav1.Status {
		if f := faults[e.Pod]; f.run != nil {
			return f.run(e)
		}
		return answersID(e)
	}, Refuse: func(w http.ResponseWriter, r *http.Request, pod string) bool {
		f := faults[pod]
		return f.refuse != nil && f.refuse(w, r)
	}}
	n := 0
	for name, fault := range faults {
		p := farm.Pod("team-a", name, fmt.Sprint("node-", n), "web")
		if fault.pod != nil {
			fault.pod(p)
		}
		f.Pods = append(f.Pods, p, farm.Pod("team-a", fmt.Sprint("well-", n), fmt.Sprint("node-", n), "web"))
		n++
	}
	c := onFarm(t, f)
	pods, missing, err := Find(t.Context(), c, Selection{Namespace: "team-a"})
	if err != nil || len(missing) != 0 || len(pods) != 2*len(faults) {
		t.Fatalf("found %d, missing %v, %v", len(pods), missing, err)
	}
	told := map[string]int{}
	report := Run(t.Context(), c, pods, Options{PodTimeout: 3 * time.Second, Tell: func(r Result) { told[r.Pod]++ }})
	if len(report.Pods) != len(pods) || report.Summary.Known != len(faults) || report.Summary.Failed != len(faults) {
		t.Errorf("%d results: %+v", len(report.Pods), report.Summary)
	}
	for n := range report.Pods {
		r := &report.Pods[n]
		if told[r.Pod] != 1 {
			t.Errorf("%s was told %d times", r.Pod, told[r.Pod])
		}
		fault, faulty := faults[r.Pod]
		if !faulty {
			if r.AID != farm.ID(r.Pod) || r.Reason != "" || r.Err() != nil {
				t.Errorf("%s: %+v", r.Pod, r)
			}
			continue
		}
		if r.AID != "" || r.Reason != fault.reason || !strings.Contains(r.Message, fault.says) || r.Err() == nil || r.Next() == "" {
			t.Errorf("%s: got %s: %q, id %q; want %s: %q", r.Pod, r.Reason, r.Message, r.AID, fault.reason, fault.says)
		}
		if asked := f.Execs(r.Pod); asked > fault.asks || asked < min(fault.asks, 1) {
			t.Errorf("%s was asked %d times, want %d", r.Pod, asked, fault.asks)
		}
	}
}

// The sensor may be up in a pod that is not, such as one whose application's image cannot be pulled.
func TestAPodThatIsNotUpMayHaveASensorThatIs(t *testing.T) {
	p := farm.Pod("team-a", "web", "node", "web")
	p.Status.Phase = corev1.PodPending
	f := &farm.Farm{Pods: []*corev1.Pod{p}, Run: answersID}
	if got, err := Of(t.Context(), onFarm(t, f), "team-a", "web"); got != farm.ID("web") || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// A broken connection is tried again, and what comes then counts.
func TestABrokenConnectionIsTriedAgain(t *testing.T) {
	defer func(b time.Duration) { backoff = b }(backoff)
	backoff = time.Millisecond
	var runs atomic.Int32
	f := &farm.Farm{Pods: []*corev1.Pod{farm.Pod("team-a", "web", "node", "web")}, Run: func(e farm.Exec) metav1.Status {
		if runs.Add(1) < 3 {
			time.Sleep(5 * time.Millisecond)
			e.Cut()
			return farm.Succeed()
		}
		return answersID(e)
	}}
	got, err := Of(t.Context(), onFarm(t, f), "team-a", "web")
	if got != farm.ID("web") || err != nil || f.Execs("web") != 3 || f.Reads() != 1 {
		t.Errorf("got %q, %v after %d runs and %d other requests", got, err, f.Execs("web"), f.Reads())
	}
}

// TestStopped holds that a run which is stopped ends at once, with a result for every pod.
func TestStopped(t *testing.T) {
	hold := make(chan struct{})
	t.Cleanup(func() { close(hold) })
	f := &farm.Farm{Pods: farm.Pods(200, 20), Run: func(e farm.Exec) metav1.Status {
		if strings.HasSuffix(e.Pod, "0") {
			return answersID(e)
		}
		select {
		case <-hold:
		case <-e.Over:
		}
		return farm.Succeed()
	}}
	c := onFarm(t, f)
	pods, _, err := Find(t.Context(), c, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(500*time.Millisecond, cancel)
	begin := time.Now()
	report := Run(ctx, c, pods, Options{})
	if took := time.Since(begin); took > 1500*time.Millisecond {
		t.Errorf("it took %s", took)
	}
	s := report.Summary
	if len(report.Pods) != 200 || s.Known == 0 || s.Known+s.Reasons[Canceled] != 200 {
		t.Errorf("%d results: %+v", len(report.Pods), s)
	}
	if most := f.Most(); most > DefaultInFlight {
		t.Errorf("%d at the same time", most)
	}
}
