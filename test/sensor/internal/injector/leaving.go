package injector

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

// leaving ends a server's connections with the answer to a last request, so that nobody writes one into a
// connection that is being closed.
type leaving struct {
	begun atomic.Bool
	open  atomic.Int64
}

// answer has next answer, and once it is time to go, says with each answer that its connection ends.
func (l *leaving) answer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.begun.Load() {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

// count keeps the number of connections.
func (l *leaving) count(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		l.open.Add(1)
	case http.StateClosed, http.StateHijacked:
		l.open.Add(-1)
	}
}

// wait returns when no connection is left, or after within.
func (l *leaving) wait(within time.Duration) {
	l.begun.Store(true)
	for end := time.Now().Add(within); l.open.Load() > 0 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
}
