package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func refusesWebSocket(w http.ResponseWriter, _ *http.Request) {
	// As slow as a far proxy: all the others come meanwhile.
	time.Sleep(50 * time.Millisecond)
	http.Error(w, "what is an upgrade?", http.StatusBadRequest)
}

// manyPods has the same routes for all of n pods.
func manyPods(n int, get, post http.HandlerFunc) (routes map[string]http.HandlerFunc, all []Command) {
	routes = map[string]http.HandlerFunc{}
	for i := range n {
		name := fmt.Sprint("p", i)
		path := "/api/v1/namespaces/ns/pods/" + name + "/exec"
		routes["GET "+path], routes["POST "+path] = get, post
		all = append(all, Command{Namespace: "ns", Pod: name, Argv: []string{"x"}})
	}
	return routes, all
}

// atOnce runs all commands at the same time and returns how many had which end.
func atOnce(ctx context.Context, e *Executor, all []Command) (well int, errs []error) {
	var mu sync.Mutex
	var running sync.WaitGroup
	for _, cmd := range all {
		running.Go(func() {
			out, err := e.Run(ctx, cmd)
			mu.Lock()
			defer mu.Unlock()
			if err == nil && out.Stdout == "to out" {
				well++
				return
			}
			errs = append(errs, err)
		})
	}
	running.Wait()
	return well, errs
}

// TestExecOfManyTriesWebSocketOnce holds that a proxy which refuses it costs one attempt, not one for each of
// those that begin at the same time.
func TestExecOfManyTriesWebSocketOnce(t *testing.T) {
	routes, all := manyPods(50, refusesWebSocket, serveSPDY(prints("to out", "")))
	a := newAPI(t, routes)
	if well, errs := atOnce(t.Context(), NewExecutor(connect(t, a.URL)), all); well != 50 {
		t.Errorf("%d ran, the others: %v", well, errs)
	}
	if gets, posts := len(a.requests(http.MethodGet)), len(a.requests(http.MethodPost)); gets != 1 || posts != 50 {
		t.Errorf("it tried WebSocket %d times and SPDY %d times, want 1 and 50", gets, posts)
	}
}

// TestExecIsNotHeldUpByTheFirstCommand holds that the others go on as soon as the first one's upgrade was
// answered, over both protocols, however long its command takes.
func TestExecIsNotHeldUpByTheFirstCommand(t *testing.T) {
	for name, serve := range map[string]func(program) (get, post http.HandlerFunc){
		"over WebSocket": func(p program) (http.HandlerFunc, http.HandlerFunc) { return serveWebSocket(p), http.NotFound },
		"over SPDY":      func(p program) (http.HandlerFunc, http.HandlerFunc) { return refusesWebSocket, serveSPDY(p) },
	} {
		t.Run(name, func(t *testing.T) {
			hold := make(chan struct{})
			var first sync.Once
			get, post := serve(func(out, _ io.Writer) metav1.Status {
				hung := false
				first.Do(func() { hung = true })
				if hung {
					<-hold
				}
				_, _ = io.WriteString(out, "to out")
				return metav1.Status{Status: metav1.StatusSuccess}
			})
			routes, all := manyPods(10, get, post)
			a := newAPI(t, routes)
			// It must be released before the server is closed, which waits for it.
			t.Cleanup(func() { close(hold) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			well, errs := atOnce(ctx, NewExecutor(connect(t, a.URL)), all)
			if well != 9 || len(errs) != 1 || !errors.Is(errs[0], context.DeadlineExceeded) {
				t.Errorf("%d ran, the others: %v", well, errs)
			}
		})
	}
}

// The first pod may be gone or out of bounds, which says nothing about the protocol.
func TestExecFindsOutWithTheNextIfTheFirstCannot(t *testing.T) {
	routes, all := manyPods(9, serveWebSocket(prints("to out", "")), http.NotFound)
	a := newAPI(t, routes)
	e := NewExecutor(connect(t, a.URL))
	for range 2 {
		_, err := e.Run(t.Context(), Command{Namespace: "ns", Pod: "gone", Argv: []string{"x"}})
		if !apierrors.IsNotFound(err) {
			t.Fatalf("got %v", err)
		}
	}
	if well, errs := atOnce(t.Context(), e, all); well != 9 {
		t.Errorf("%d ran, the others: %v", well, errs)
	}
	// What is not there needs no second attempt.
	if posts := len(a.requests(http.MethodPost)); posts != 0 {
		t.Errorf("it tried SPDY %d times", posts)
	}
}

// A role may allow only the verb of one protocol, and another one elsewhere.
func TestExecTakesTheProtocolThatIsPermitted(t *testing.T) {
	no := refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `User "eve" may not`)
	yes := prints("to out", "")
	for name, c := range map[string]struct{ get, post http.HandlerFunc }{
		"get without create": {serveWebSocket(yes), no},
		"create without get": {no, serveSPDY(yes)},
	} {
		t.Run(name, func(t *testing.T) {
			routes, all := manyPods(3, c.get, c.post)
			routes["GET "+execPath], routes["POST "+execPath] = no, serveSPDY(yes)
			a := newAPI(t, routes)
			e := NewExecutor(connect(t, a.URL))
			// This one is permitted only over SPDY, whatever the others are.
			if _, err := e.Run(t.Context(), Command{Namespace: "ns", Pod: "p", Argv: []string{"x"}}); err != nil {
				t.Fatal(err)
			}
			if well, errs := atOnce(t.Context(), e, all); well != 3 {
				t.Errorf("%d ran, the others: %v", well, errs)
			}
		})
	}
}

// Only the proxy's refusal is in the way over one protocol, and only the server's over the other: the error
// is the server's.
func TestExecKnowsAMissingRightBehindAProxy(t *testing.T) {
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: refusesWebSocket,
		"POST " + execPath: refuse(http.StatusForbidden, metav1.StatusReasonForbidden, `User "eve" cannot create resource "pods/exec"`)})
	_, err := run(t, a)
	if !apierrors.IsForbidden(err) || err.Error() != `User "eve" cannot create resource "pods/exec"` {
		t.Errorf("got %v", err)
	}
}

// cuts is a program whose connection breaks when it has printed something.
func cuts(close func(), out string) program {
	return func(stdout, _ io.Writer) metav1.Status {
		_, _ = io.WriteString(stdout, out)
		time.Sleep(20 * time.Millisecond)
		close()
		time.Sleep(20 * time.Millisecond)
		return metav1.Status{Status: metav1.StatusSuccess}
	}
}

// TestExecKnowsACutConnection holds that it is an error over both protocols, and never a command that ended
// well.
func TestExecKnowsACutConnection(t *testing.T) {
	for name, refused := range map[string]bool{"WebSocket": false, "SPDY": true} {
		for what, out := range map[string]string{"output": "half a li", "nothing": ""} {
			t.Run(name+" after "+what, func(t *testing.T) {
				var a *api
				p := cuts(func() { a.CloseClientConnections(); cutHijacked() }, out)
				get := serveWebSocket(p)
				if refused {
					get = refusesWebSocket
				}
				a = newAPI(t, map[string]http.HandlerFunc{"GET " + execPath: hijacks(get), "POST " + execPath: hijacks(serveSPDY(p))})
				if got, err := run(t, a); err == nil {
					t.Errorf("got %+v without an error", got)
				}
			})
		}
	}
}
