//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/crowd"
)

const (
	crowdNamespaces = 50
	crowdPods       = 10_000
	// mostShared is what verify -A may ask for besides the pages of pods and a dry run in each namespace.
	mostShared = 12
	pageSize   = 500
)

// TestNoVerifyUnderFault judges ten thousand pods while the API server forgets pages, asks to wait, is slow,
// or the user has had enough. Its name puts it among the tests with a lab of their own.
func TestNoVerifyUnderFault(t *testing.T) {
	r := newRig(t, "crowd")
	if err := crowd.Fill(t.Context(), r.client, crowdNamespaces, crowdPods, sensorImage); err != nil {
		t.Fatal(err)
	}
	r.mustFalcon(t, good("--failure-policy", "Ignore")...)
	var sound verdict
	through := func(t *testing.T, fault func(next http.Handler) http.Handler, args ...string) result {
		t.Helper()
		l := *r.lab
		l.kubeconfig = proxyTo(t, r.kubeconfig, fault)
		return l.falcon(t, append([]string{"verify", "-A", "-o", "json"}, args...)...)
	}
	t.Run("no fault", func(t *testing.T) {
		var mu sync.Mutex
		requests := map[string]int{}
		got := through(t, func(next http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
				mu.Lock()
				requests[q.Method+" "+q.URL.Path]++
				mu.Unlock()
				next.ServeHTTP(w, q)
			})
		})
		wantCode(t, got, 0)
		sound = read[verdict](t, got.stdout)
		cover := sound.Clusters[0].Coverage
		if cover.InScope < crowdPods || cover.Protected != cover.InScope {
			t.Errorf("coverage is %+v", cover)
		}
		// The pages have all pods of the cluster; a dry run is made in the crowd's namespaces, in default and
		// in the rig's own.
		most := mostShared + (crowdPods+pageSize)/pageSize + crowdNamespaces + 2
		n := 0
		for _, times := range requests {
			n += times
		}
		t.Logf("%d requests, at most %d", n, most)
		if n > most {
			t.Errorf("%d requests, more than %d: %v", n, most, requests)
		}
	})
	t.Run("a page that has expired", func(t *testing.T) {
		var expired atomic.Bool
		got := through(t, pods(func(w http.ResponseWriter, q *http.Request) bool {
			if q.URL.Query().Get("continue") == "" || !expired.CompareAndSwap(false, true) {
				return false
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusGone)
			_, _ = w.Write([]byte(`{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410,"message":"the page has expired"}`))
			return true
		}))
		same(t, sound, got)
		if !expired.Load() {
			t.Error("no page was asked for")
		}
	})
	t.Run("a server that asks to wait", func(t *testing.T) {
		var asked atomic.Int64
		got := through(t, pods(func(w http.ResponseWriter, _ *http.Request) bool {
			if asked.Add(1) > 2 {
				return false
			}
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return true
		}))
		same(t, sound, got)
		if !strings.Contains(got.stdout, "FC107") {
			t.Error("that the server asked to wait is not in the report")
		}
	})
	t.Run("a slow server", func(t *testing.T) {
		same(t, sound, through(t, pods(func(http.ResponseWriter, *http.Request) bool {
			time.Sleep(300 * time.Millisecond)
			return false
		})))
	})
	t.Run("Ctrl-C in the middle", func(t *testing.T) {
		l, reached := *r.lab, make(chan struct{}, 100)
		l.kubeconfig = proxyTo(t, r.kubeconfig, pods(func(_ http.ResponseWriter, q *http.Request) bool {
			reached <- struct{}{}
			time.Sleep(200 * time.Millisecond)
			return false
		}))
		cmd := l.command(bin("kubectl-falcon"), "verify", "-A")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-reached
		<-reached
		begin := time.Now()
		if err := cmd.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
		if took := time.Since(begin); took > time.Second {
			t.Errorf("it took %s to end", took)
		}
		if code := cmd.ProcessState.ExitCode(); code != 128+int(syscall.SIGINT) {
			t.Errorf("exit code %s", strconv.Itoa(code))
		}
	})
}

// pods puts a fault before the lists of pods. do says whether it has answered.
func pods(do func(w http.ResponseWriter, q *http.Request) bool) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, q *http.Request) {
			if q.Method == http.MethodGet && q.URL.Path == "/api/v1/pods" && do(w, q) {
				return
			}
			next.ServeHTTP(w, q)
		})
	}
}

// same holds that a run under fault has found what a run without one has.
func same(t *testing.T, sound verdict, got result) {
	t.Helper()
	wantCode(t, got, 0)
	if got.code != 0 {
		return
	}
	now := read[verdict](t, got.stdout).Clusters[0].Coverage
	if before := sound.Clusters[0].Coverage; now.Pods != before.Pods || now.Protected != before.Protected {
		t.Errorf("coverage is %+v, without the fault %+v", now, before)
	}
}
