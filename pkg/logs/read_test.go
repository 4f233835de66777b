package logs

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// apiServer answers for pods and their logs as an API server does.
type apiServer struct {
	mu   sync.Mutex
	pods map[string]*corev1.Pod
	// logs are served one after another, the last again and again.
	logs  map[string][]reply
	asked []string
}

// reply is one answer to a request for a log. broken ends it in the middle, open leaves it open.
type reply struct {
	code         int
	text         string
	broken, open bool
}

func (a *apiServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	name := parts[len(parts)-1]
	if name != "log" {
		a.mu.Lock()
		pod := a.pods[name]
		a.mu.Unlock()
		if pod == nil {
			refuse(w, http.StatusNotFound, metav1.StatusReasonNotFound, "pods not found")
			return
		}
		write(w, http.StatusOK, pod)
		return
	}
	name = parts[len(parts)-2]
	a.mu.Lock()
	a.asked = append(a.asked, r.URL.RawQuery)
	key := name
	if r.URL.Query().Get("previous") == "true" {
		key += "/previous"
	}
	answer := reply{code: http.StatusBadRequest, text: "previous terminated container not found"}
	if list := a.logs[key]; len(list) > 0 {
		answer = list[0]
		if len(list) > 1 {
			a.logs[key] = list[1:]
		}
	}
	a.mu.Unlock()
	if answer.code != 0 {
		reason := metav1.StatusReasonBadRequest
		if answer.code == http.StatusForbidden {
			reason = metav1.StatusReasonForbidden
		}
		refuse(w, answer.code, reason, answer.text)
		return
	}
	fmt.Fprint(w, answer.text)
	_ = http.NewResponseController(w).Flush()
	if answer.broken {
		panic(http.ErrAbortHandler)
	}
	if answer.open {
		<-r.Context().Done()
	}
}

func refuse(w http.ResponseWriter, code int, reason metav1.StatusReason, message string) {
	write(w, code, &metav1.Status{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Status"},
		Status: metav1.StatusFailure, Code: int32(code), Reason: reason, Message: message})
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v)
}

// serve returns a cluster with pods of these names, all running.
func serve(t *testing.T, a *apiServer, names ...string) (*kube.Cluster, Lister) {
	t.Helper()
	a.pods = map[string]*corev1.Pod{}
	var containers []Container
	for _, name := range names {
		a.pods[name] = &corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
			ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: "falcon-system"},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, ContainerStatuses: []corev1.ContainerStatus{
				{Name: "injector", State: corev1.ContainerState{Running: &corev1.ContainerStateRunning{}}}}}}
		containers = append(containers, Container{"falcon-system", name, "injector"})
	}
	server := httptest.NewUnstartedServer(a)
	server.Config.ErrorLog = nil
	server.Start()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	config := &rest.Config{Host: server.URL, ContentConfig: rest.ContentConfig{ContentType: "application/json"}}
	client, err := clientset.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	return &kube.Cluster{Client: client, Config: config}, func(context.Context) ([]Container, error) { return containers, nil }
}

func stamp(second int, message string) string {
	return noon.Add(time.Duration(second)*time.Second).Format(time.RFC3339Nano) + " " + message + "\n"
}

// collect reads until the wanted number of lines has come, if any is wanted, or to the end.
func collect(t *testing.T, c *kube.Cluster, o Options, list Lister, want int) (lines, told string, err error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	done := errors.New("enough")
	var mu sync.Mutex
	var got, said []string
	err = Read(ctx, c, o, list, func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, fmt.Sprintf(format, args...))
	}, func(l Line) error {
		if got = append(got, l.Message); len(got) == want {
			return done
		}
		return nil
	})
	if errors.Is(err, done) {
		err = nil
	}
	mu.Lock()
	defer mu.Unlock()
	return strings.Join(got, " "), strings.Join(said, "\n"), err
}

func TestReadMergesReplicas(t *testing.T) {
	a := &apiServer{logs: map[string][]reply{
		"one": {{text: stamp(1, "a1") + stamp(4, "a4")}},
		"two": {{text: stamp(2, "b2") + stamp(3, "b3") + "no time\n" + stamp(5, "b5")}}}}
	c, list := serve(t, a, "one", "two")
	lines, _, err := collect(t, c, Options{Tail: 7, Since: noon}, list, 0)
	if err != nil || lines != "a1 b2 b3 no time a4 b5" {
		t.Errorf("got %q (%v)", lines, err)
	}
	for _, asked := range a.asked {
		for _, want := range []string{"timestamps=true", "tailLines=7", "sinceTime=2026-11-25T12%3A00%3A00Z", "container=injector"} {
			if !strings.Contains(asked, want) {
				t.Errorf("asked %q, without %q", asked, want)
			}
		}
	}
}

// A log that breaks in the middle goes on where it was, though the server can only begin at a whole second.
func TestReadGoesOnAfterABreak(t *testing.T) {
	same := noon.Add(1500 * time.Millisecond).Format(time.RFC3339Nano)
	a := &apiServer{logs: map[string][]reply{"one": {
		{text: stamp(1, "1") + same + " 2a\n" + same + " 2b\n" + noon.Format(time.RFC3339Nano) + " ha", broken: true},
		{text: stamp(1, "1") + same + " 2a\n" + same + " 2b\n" + same + " 2c\n" + stamp(3, "3")},
	}}}
	for _, follow := range []bool{false, true} {
		one := &apiServer{logs: map[string][]reply{"one": a.logs["one"]}}
		c, list := serve(t, one, "one")
		lines, told, err := collect(t, c, Options{Tail: -1, Follow: follow}, list, 5)
		if err != nil || lines != "1 2a 2b 2c 3" {
			t.Errorf("follow %v: got %q (%v)", follow, lines, err)
		}
		if follow && !strings.Contains(told, "broke off") {
			t.Errorf("it told %q", told)
		}
	}
}

// Of a container that was restarted while the stream was broken, what it said last is not lost.
func TestFollowReadsTheRunBefore(t *testing.T) {
	a := &apiServer{logs: map[string][]reply{
		"one":          {{text: stamp(1, "1"), broken: true}, {text: stamp(5, "5"), open: true}},
		"one/previous": {{text: stamp(1, "1") + stamp(2, "last words")}}}}
	c, list := serve(t, a, "one")
	a.pods["one"].Status.ContainerStatuses[0].RestartCount = 1
	lines, _, err := collect(t, c, Options{Tail: -1, Follow: true}, list, 3)
	if err != nil || lines != "1 last words 5" {
		t.Errorf("got %q (%v)", lines, err)
	}
}

// Replicas that come while the others are followed are read from their beginning.
func TestFollowFindsNewReplicas(t *testing.T) {
	a := &apiServer{logs: map[string][]reply{"one": {{text: stamp(1, "1"), open: true}}, "two": {
		{code: http.StatusBadRequest, text: "container is waiting to start"}, {text: stamp(2, "2"), open: true}}}}
	c, list := serve(t, a, "one", "two")
	looked := 0
	growing := func(ctx context.Context) ([]Container, error) {
		all, err := list(ctx)
		if looked++; looked == 1 {
			return all[:1], err
		}
		return all, err
	}
	lines, told, err := collect(t, c, Options{Tail: 1, Follow: true}, growing, 2)
	if err != nil || lines != "1 2" || !strings.Contains(told, "has no log yet: container is waiting to start") {
		t.Errorf("got %q, told %q (%v)", lines, told, err)
	}
}

func TestFollowEndsWithItsPod(t *testing.T) {
	a := &apiServer{logs: map[string][]reply{"one": {{text: stamp(1, "1")}}}}
	c, _ := serve(t, a, "one")
	_, err := Sidecar(t.Context(), c, "falcon-system", "one", "")
	if err == nil || !strings.Contains(err.Error(), "has no Falcon sensor") {
		t.Errorf("a pod without the sensor: %v", err)
	}
	a.pods["one"].Spec.Containers = []corev1.Container{{Name: "falcon-container"}, {Name: "app"}}
	list, err := Sidecar(t.Context(), c, "falcon-system", "one", "")
	if err != nil {
		t.Fatal(err)
	}
	a.pods["one"].Status.Phase = corev1.PodSucceeded
	lines, _, err := collect(t, c, Options{Tail: -1, Follow: true}, list, 0)
	if err != nil || lines != "1" {
		t.Errorf("got %q (%v)", lines, err)
	}
}

func TestReadSaysWhyThereIsNone(t *testing.T) {
	waiting := []reply{{code: http.StatusBadRequest, text: "container injector is waiting to start: ContainerCreating"}}
	forbidden := []reply{{code: http.StatusForbidden, text: `pods "one" is forbidden: User "x" cannot get resource "pods/log"`}}
	tests := map[string]struct {
		logs     map[string][]reply
		o        Options
		lines    string
		says     string
		told     string
		previous bool
	}{
		"not started":      {logs: map[string][]reply{"one": waiting, "two": waiting}, says: "container injector of pod falcon-system/one has no log yet: container injector is waiting"},
		"one not started":  {logs: map[string][]reply{"one": waiting, "two": {{text: stamp(1, "1")}}}, lines: "1", told: "pod falcon-system/one has no log yet"},
		"no previous":      {o: Options{Previous: true}, says: "has no log of a previous run"},
		"forbidden":        {logs: map[string][]reply{"one": forbidden, "two": forbidden}, says: `cannot get resource "pods/log"`},
		"forbidden, later": {logs: map[string][]reply{"one": forbidden, "two": forbidden}, o: Options{Follow: true}, says: `cannot get resource "pods/log"`},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c, list := serve(t, &apiServer{logs: test.logs}, "one", "two")
			test.o.Tail = -1
			lines, told, err := collect(t, c, test.o, list, 0)
			if lines != test.lines || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) || !strings.Contains(told, test.told) {
				t.Errorf("got %q, told %q, %v", lines, told, err)
			}
			if p, ok := errors.AsType[*problem.Error](err); err != nil && !ok && !strings.Contains(name, "forbidden") || ok && p.Next() == "" {
				t.Errorf("the error does not say what to do: %v", err)
			}
		})
	}
}

// A line may be of any length without taking memory for it.
func TestLongLinesAreCut(t *testing.T) {
	a := &apiServer{logs: map[string][]reply{"one": {{text: stamp(1, strings.Repeat("x", 2*mostLine)) + stamp(2, "next")}}}}
	c, list := serve(t, a, "one")
	lines, _, err := collect(t, c, Options{Tail: -1}, list, 0)
	if err != nil || len(lines) > mostLine+100 || !strings.Contains(lines, cutMark+" next") {
		t.Errorf("got %d bytes (%v)", len(lines), err)
	}
}
