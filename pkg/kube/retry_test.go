package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestMain shortens the waits between attempts: what counts is how many there are.
func TestMain(m *testing.M) {
	for n := range pauses {
		pauses[n] = time.Millisecond
	}
	os.Exit(m.Run())
}

// attempts answers each request with the next of its answers, the last one again and again, and keeps the
// bodies.
type attempts struct {
	answers []func() (*http.Response, error)
	bodies  []string
	closed  int
}

func (a *attempts) RoundTrip(r *http.Request) (*http.Response, error) {
	body := ""
	if r.Body != nil {
		content, _ := io.ReadAll(r.Body)
		body = string(content)
	}
	a.bodies = append(a.bodies, body)
	response, err := a.answers[min(len(a.bodies), len(a.answers))-1]()
	if response != nil {
		response.Body = &countingBody{Reader: strings.NewReader("answer"), closed: &a.closed}
	}
	return response, err
}

type countingBody struct {
	io.Reader
	closed *int
}

func (b *countingBody) Close() error { *b.closed++; return nil }

func code(n int, headers ...string) func() (*http.Response, error) {
	return func() (*http.Response, error) {
		h := http.Header{}
		for i := 0; i < len(headers); i += 2 {
			h.Set(headers[i], headers[i+1])
		}
		return &http.Response{StatusCode: n, Header: h}, nil
	}
}

func failing(err error) func() (*http.Response, error) {
	return func() (*http.Response, error) { return nil, err }
}

// windowsError is one of a connection there, with Windows' own number.
func windowsError(call string, number syscall.Errno) error {
	return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError(call, number)}
}

func TestRetryRepeatsWhatSaysNothingAboutTheRequest(t *testing.T) {
	all := 1 + len(pauses)
	tests := map[string]struct {
		answer func() (*http.Response, error)
		want   int // attempts, when the answer is always this one
	}{
		"reset":              {failing(fmt.Errorf("read tcp: %w", syscall.ECONNRESET)), all},
		"broken pipe":        {failing(syscall.EPIPE), all},
		"reset on Windows":   {failing(windowsError("wsarecv", 10054)), all},
		"aborted on Windows": {failing(windowsError("wsarecv", 10053)), all},
		"cut":                {failing(io.ErrUnexpectedEOF), all},
		"closed":             {failing(io.EOF), all},
		"500":                {code(500), all},
		"502":                {code(502), all},
		"503":                {code(503), all},
		"504":                {code(504), all},
		"503, asked to wait": {code(503, "Retry-After", "1"), 1},
		"429":                {code(429, "Retry-After", "1"), 1},
		"501":                {code(501), 1},
		"200":                {code(200), 1},
		"404":                {code(404), 1},
		"409":                {code(409), 1},
		"going away":         {failing(errors.New(`http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=""`)), all},
		"lost":               {failing(errors.New("http2: client connection lost")), all},
		"refused":            {failing(syscall.ECONNREFUSED), 1},
		"refused on Windows": {failing(windowsError("connectex", 10061)), 1},
		"time is up there":   {failing(windowsError("connectex", 10060)), 1},
		"another error":      {failing(errors.New("x509: no")), 1},
	}
	for name, tt := range tests {
		for _, method := range []string{"GET", "PATCH", "PUT", "DELETE"} {
			t.Run(name+" of "+method, func(t *testing.T) {
				a := &attempts{answers: []func() (*http.Response, error){tt.answer}}
				r, err := http.NewRequestWithContext(t.Context(), method, "https://a.invalid/x", strings.NewReader("whole"))
				if err != nil {
					t.Fatal(err)
				}
				response, err := (&retrying{next: a}).RoundTrip(r)
				if len(a.bodies) != tt.want {
					t.Errorf("%d attempts, want %d", len(a.bodies), tt.want)
				}
				if strings.Join(a.bodies, "") != strings.Repeat("whole", tt.want) {
					t.Errorf("it sent %q", a.bodies)
				}
				// The last answer is the caller's, and open; the others are done with.
				wantResponse, wantErr := tt.answer()
				if (response == nil) != (wantResponse == nil) || !errors.Is(err, wantErr) || response != nil && a.closed != tt.want-1 {
					t.Errorf("got %v, %v after closing %d", response, err, a.closed)
				}
			})
		}
	}
}

func TestRetryEndsWithTheFirstGoodAnswer(t *testing.T) {
	a := &attempts{answers: []func() (*http.Response, error){failing(io.EOF), code(502), code(200)}}
	r, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.invalid/x", nil)
	response, err := (&retrying{next: a}).RoundTrip(r)
	if err != nil || response.StatusCode != 200 || len(a.bodies) != 3 {
		t.Errorf("got %v, %v after %d attempts", response, err, len(a.bodies))
	}
}

func TestRetryLeavesAloneWhatMustNotBeRepeated(t *testing.T) {
	tests := map[string]func(*http.Request){
		"what makes something anew": func(r *http.Request) { r.Method = http.MethodPost },
		"an upgrade":                func(r *http.Request) { r.Header.Set("Upgrade", "SPDY/3.1") },
		"a body that is read once":  func(r *http.Request) { r.GetBody = nil },
	}
	for name, change := range tests {
		for what, answer := range map[string]func() (*http.Response, error){"500": code(500), "reset": failing(syscall.ECONNRESET)} {
			t.Run(name+", "+what, func(t *testing.T) {
				a := &attempts{answers: []func() (*http.Response, error){answer}}
				r, _ := http.NewRequestWithContext(t.Context(), "PATCH", "https://a.invalid/x", strings.NewReader("b"))
				change(r)
				response, err := (&retrying{next: a}).RoundTrip(r)
				if len(a.bodies) != 1 || response != nil && a.closed > 0 || response == nil && err == nil {
					t.Errorf("%d attempts; got %v, %v", len(a.bodies), response, err)
				}
			})
		}
	}
}

// A dry run stores nothing, so one whose answer was lost is asked again; a 500 is its answer, such as that
// of a webhook which cannot be called.
func TestRetryOfADryRunIsForBrokenConnectionsAlone(t *testing.T) {
	all := 1 + len(pauses)
	tests := map[string]struct {
		answer func() (*http.Response, error)
		want   int
	}{
		"reset": {failing(syscall.ECONNRESET), all},
		"500":   {code(500), 1},
		"503":   {code(503), 1},
	}
	for name, tt := range tests {
		for _, method := range []string{"POST", "PATCH"} {
			a := &attempts{answers: []func() (*http.Response, error){tt.answer}}
			r, _ := http.NewRequestWithContext(t.Context(), method, "https://a.invalid/x?fieldManager=x&dryRun=All", strings.NewReader("b"))
			_, _ = (&retrying{next: a}).RoundTrip(r)
			if len(a.bodies) != tt.want {
				t.Errorf("%s of %s: %d attempts, want %d", name, method, len(a.bodies), tt.want)
			}
		}
	}
}

// Nobody waits for a server that was never there; one that answered a moment ago is restarting.
func TestRetryWaitsForAServerThatWasThere(t *testing.T) {
	a := &attempts{answers: []func() (*http.Response, error){code(200), failing(syscall.ECONNREFUSED), failing(windowsError("connectex", 10061)), code(200)}}
	r := &retrying{next: a}
	for range 2 {
		q, _ := http.NewRequestWithContext(t.Context(), "GET", "https://a.invalid/x", nil)
		if _, err := r.RoundTrip(q); err != nil {
			t.Error(err)
		}
	}
	if len(a.bodies) != 4 {
		t.Errorf("%d attempts", len(a.bodies))
	}
}

func TestPassing(t *testing.T) {
	status := func(code int32) error {
		return fmt.Errorf("read x: %w", &apierrors.StatusError{ErrStatus: metav1.Status{Code: code}})
	}
	tests := map[string]struct {
		err  error
		want bool
	}{
		"none":             {nil, false},
		"interrupted":      {context.Canceled, false},
		"out of time":      {fmt.Errorf("read x: %w", context.DeadlineExceeded), false},
		"refused to dial":  {&net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}, true},
		"cut":              {fmt.Errorf("read x: %w", io.ErrUnexpectedEOF), true},
		"going away":       {errors.New("http2: server sent GOAWAY and closed the connection"), true},
		"a server's fault": {status(500), true},
		"busy":             {status(429), true},
		"starting":         {status(503), true},
		"a missing right":  {status(403), false},
		"a conflict":       {status(409), false},
		"nothing there":    {status(404), false},
		"another":          {errors.New("x509: no"), false},
	}
	for name, tt := range tests {
		if got := Passing(tt.err); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestRetryEndsWithTheContext(t *testing.T) {
	was := slices.Clone(pauses)
	pauses[0] = time.Hour
	t.Cleanup(func() { copy(pauses, was) })
	ctx, cancel := context.WithCancel(t.Context())
	a := &attempts{answers: []func() (*http.Response, error){func() (*http.Response, error) { cancel(); return nil, io.EOF }}}
	r, _ := http.NewRequestWithContext(ctx, "GET", "https://a.invalid/x", nil)
	if _, err := (&retrying{next: a}).RoundTrip(r); !errors.Is(err, io.EOF) || len(a.bodies) != 1 {
		t.Errorf("got %v after %d attempts", err, len(a.bodies))
	}
}

// What a user notices: an API server that restarts does not end a run. Apply is repeated with its whole body.
func TestApplyGetsThroughAConnectionThatBreaks(t *testing.T) {
	var cut atomic.Int32
	answers := answer(http.StatusOK, stored("v1", "ConfigMap", "c", "2", "u"))
	a := newAPI(t, map[string]http.HandlerFunc{"PATCH " + configPath: func(w http.ResponseWriter, r *http.Request) {
		switch cut.Add(1) {
		case 1:
			panic(http.ErrAbortHandler)
		case 2:
			refuse(http.StatusInternalServerError, metav1.StatusReasonInternalError, "etcd leader changed")(w, r)
		default:
			answers(w, r)
		}
	}})
	change, err := connect(t, a.URL).Apply(t.Context(), config(), false)
	patches := a.requests(http.MethodPatch)
	if err != nil || change != Created || len(patches) != 3 {
		t.Fatalf("got %q, %v after %d requests", change, err, len(patches))
	}
	for _, p := range patches {
		if string(p.body) != string(patches[0].body) || len(p.body) == 0 {
			t.Errorf("it sent %q, then %q", patches[0].body, p.body)
		}
	}
}

// client-go waits as long as the server asks, and once for each answer: not this package on top of it.
func TestRetryAfterIsLeftToClientGo(t *testing.T) {
	var asked atomic.Int32
	a := newAPI(t, map[string]http.HandlerFunc{"GET " + configPath: func(w http.ResponseWriter, r *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "0")
			refuse(http.StatusServiceUnavailable, metav1.StatusReasonServiceUnavailable, "starting")(w, r)
			return
		}
		answer(http.StatusOK, stored("v1", "ConfigMap", "c", "2", "u"))(w, r)
	}})
	client, err := connect(t, a.URL).Resource(config())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(t.Context(), "c", metav1.GetOptions{}); err != nil || asked.Load() != 2 {
		t.Errorf("got %v after %d requests", err, asked.Load())
	}
}
