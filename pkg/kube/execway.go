package kube

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
)

// way is the protocol that commands go by, which one of them finds out for all. That one is waited for only
// until its upgrade was answered: its command may take as long as it likes.
type way struct {
	mu sync.Mutex
	// known says that spdy is the answer.
	known, spdy bool
	// leader is closed when whoever finds out has done so, or cannot; nil if nobody tries.
	leader chan struct{}
}

// begin returns the protocol, or makes the caller the one who finds out, beginning with WebSocket. It waits
// for another who does. The error is the context's.
func (w *way) begin(ctx context.Context) (spdy, leads bool, err error) {
	for {
		w.mu.Lock()
		if w.known {
			defer w.mu.Unlock()
			return w.spdy, false, nil
		}
		if w.leader == nil {
			w.leader = make(chan struct{})
			w.mu.Unlock()
			return false, true, nil
		}
		wait := w.leader
		w.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return false, false, ctx.Err()
		}
	}
}

// decide is the leader's finding. It may come late, when the leader has ended with its context.
func (w *way) decide(spdy bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known {
		return
	}
	w.known, w.spdy = true, spdy
	if w.leader != nil {
		close(w.leader)
	}
}

// giveUp is the leader's end: if it found out nothing (its pod was gone, say), the next one leads.
func (w *way) giveUp() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.known {
		return
	}
	close(w.leader)
	w.leader = nil
}

// noteKey is where a request's context has its note.
type noteKey struct{}

// note is what the server said to a request for an upgrade.
type note struct {
	status atomic.Int32
	// upgraded is called when it agreed, if it is set.
	upgraded func()
}

// code is the answer's, or 0 if there was none that the transport tells of.
func (n *note) code() int { return int(n.status.Load()) }

// noting writes what each upgrade was answered into the note of its context.
type noting struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t noting) RoundTrip(request *http.Request) (*http.Response, error) {
	response, err := t.next.RoundTrip(request)
	n, asked := request.Context().Value(noteKey{}).(*note)
	if !asked || err != nil {
		return response, err
	}
	n.status.Store(int32(response.StatusCode))
	if response.StatusCode == http.StatusSwitchingProtocols && n.upgraded != nil {
		n.upgraded()
	}
	return response, nil
}

// WrappedRoundTripper lets client-go find the transport below.
func (t noting) WrappedRoundTripper() http.RoundTripper { return t.next }
