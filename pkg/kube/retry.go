package kube

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	utilnet "k8s.io/apimachinery/pkg/util/net"
)

// retrying sends a request again when the answer says nothing about it: the connection broke, or the
// server had a fault of its own. Only what can be repeated without harm is: reading, applying, replacing,
// deleting, and dry runs. client-go repeats by itself what the server asks to (429 and 503 with
// Retry-After).
type retrying struct {
	next http.RoundTripper
	// answered says that there is a server: one that refuses connections is only restarting then.
	answered atomic.Bool
}

// pauses are the waits before the second, third and further attempts.
var pauses = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second, 2 * time.Second}

// RoundTrip implements http.RoundTripper.
func (r *retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		response, err := r.next.RoundTrip(request)
		if err == nil {
			r.answered.Store(true)
		}
		if attempt == len(pauses) || !r.again(request, response, err) {
			return response, err
		}
		select {
		case <-request.Context().Done():
			return response, err
		case <-time.After(pauses[attempt]):
		}
		again, bodyErr := rewound(request)
		if bodyErr != nil {
			return response, err
		}
		if response != nil {
			// Read to its end, or the connection could not be used again.
			_, _ = io.Copy(io.Discard, response.Body)
			_ = response.Body.Close()
		}
		request = again
	}
}

// WrappedRoundTripper lets client-go find the transport below.
func (r *retrying) WrappedRoundTripper() http.RoundTripper { return r.next }

// again says whether to send a request again after what came of it. What makes something anew each time is
// not, nor what upgrades the connection. Of a dry run, which stores nothing, a failure of the server is an
// answer, but a connection that broke is none.
func (r *retrying) again(request *http.Request, response *http.Response, err error) bool {
	dry := request.URL.Query().Has("dryRun")
	switch {
	case request.Header.Get("Upgrade") != "", request.Method == http.MethodPost && !dry:
		return false
	case err != nil:
		return broken(err) || failedWith(err, refused) && r.answered.Load()
	case dry:
		return false
	}
	switch response.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return response.Header.Get("Retry-After") == ""
	}
	return false
}

// What the system calls a connection that is refused, and one that ends in the middle. Windows has numbers of its own
// (WSAECONNREFUSED, WSAECONNABORTED, WSAECONNRESET), which errors.Is does not take for those of syscall. On other
// systems they are beyond all numbers.
var (
	refused = []syscall.Errno{syscall.ECONNREFUSED, 10061}
	cut     = []syscall.Errno{syscall.ECONNRESET, syscall.EPIPE, 10053, 10054}
)

func failedWith(err error, numbers []syscall.Errno) bool {
	number, ok := errors.AsType[syscall.Errno](err)
	return ok && slices.Contains(numbers, number)
}

// broken says whether a connection ended before the answer to a request had come. A server that shuts down
// says GOAWAY; the error that it becomes is of a type that net/http does not export.
func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || failedWith(err, cut) || utilnet.IsHTTP2ConnectionLost(err) || strings.Contains(err.Error(), "GOAWAY")
}

// Passing says whether an error may be gone at the next attempt, so that a wait goes on: the server could not
// be reached, was too busy, or had a fault of its own. What it decided (a missing right, a conflict) is not
// passing, nor is the end of the caller's own context.
func Passing(err error) bool {
	if err == nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	if status, answered := errors.AsType[*apierrors.StatusError](err); answered {
		code := status.ErrStatus.Code
		return code >= http.StatusInternalServerError || code == http.StatusTooManyRequests
	}
	if _, ok := errors.AsType[*net.OpError](err); ok {
		return true
	}
	return broken(err)
}

// rewound is the request with its body from the start.
func rewound(request *http.Request) (*http.Request, error) {
	again := request.Clone(request.Context())
	if request.Body == nil || request.Body == http.NoBody {
		return again, nil
	}
	if request.GetBody == nil {
		return nil, errors.New("the body cannot be sent twice")
	}
	body, err := request.GetBody()
	again.Body = body
	return again, err
}
