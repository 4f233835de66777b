package kube

import (
	"context"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"k8s.io/client-go/rest"
)

// Traffic is what was seen of the talk with one API server. It may be read while requests are under way.
type Traffic struct {
	requests, throttled atomic.Int64

	mu   sync.Mutex
	skew time.Duration
	seen bool
}

// Requests is how many requests were sent, repeated ones counted each time.
func (t *Traffic) Requests() int { return int(t.requests.Load()) }

// Throttled is how many of them the server asked to send again later.
func (t *Traffic) Throttled() int { return int(t.throttled.Load()) }

// Skew is how far this machine's clock is ahead of the server's, to the second, by the first answer that
// had a date; zero if none had.
func (t *Traffic) Skew() time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.skew
}

// observing counts requests below the retries, so that it sees each.
type observing struct {
	next    http.RoundTripper
	traffic *Traffic
}

// RoundTrip implements http.RoundTripper.
func (o *observing) RoundTrip(request *http.Request) (*http.Response, error) {
	o.traffic.requests.Add(1)
	response, err := o.next.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode == http.StatusTooManyRequests {
		o.traffic.throttled.Add(1)
	}
	o.traffic.date(response.Header.Get("Date"), time.Now())
	return response, nil
}

// WrappedRoundTripper lets client-go find the transport below.
func (o *observing) WrappedRoundTripper() http.RoundTripper { return o.next }

func (t *Traffic) date(header string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.seen {
		return
	}
	at, err := http.ParseTime(header)
	if err != nil {
		return
	}
	// The header has whole seconds, so less than one is no difference.
	if skew := now.Sub(at).Truncate(time.Second); skew >= time.Second || skew <= -time.Second {
		t.skew = skew
	}
	t.seen = true
}

// warningsKey is where a context has the place for the server's warnings.
type warningsKey struct{}

// caught are the warnings of the requests of one context.
type caught struct {
	mu  sync.Mutex
	all []string
}

// CatchWarnings returns a context whose requests' warnings are kept for the caller, who gets them from the
// function returned, instead of being shown.
func CatchWarnings(ctx context.Context) (context.Context, func() []string) {
	c := &caught{}
	return context.WithValue(ctx, warningsKey{}, c), func() []string {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.all
	}
}

// catching hands warnings to the context of their request if it wants them, and else on.
type catching struct {
	next rest.WarningHandlerWithContext
}

// HandleWarningHeaderWithContext implements rest.WarningHandlerWithContext.
func (h catching) HandleWarningHeaderWithContext(ctx context.Context, code int, agent, text string) {
	if c, ok := ctx.Value(warningsKey{}).(*caught); ok {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.all = append(c.all, text)
		return
	}
	if h.next != nil {
		h.next.HandleWarningHeaderWithContext(ctx, code, agent, text)
	}
}
