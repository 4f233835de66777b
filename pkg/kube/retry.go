package kube

import (
	"errors"
	"io"
	"net/http"
	"syscall"
	"time"
)

// retrying sends a request again when the answer says nothing about it: the connection broke, or the
// server had a fault of its own. Only what can be repeated without harm is: reading, applying, replacing,
// deleting. client-go repeats by itself what the server asks to (429 and 503 with Retry-After).
type retrying struct{ next http.RoundTripper }

// pauses are the waits before the second, third and further attempts.
var pauses = []time.Duration{100 * time.Millisecond, 300 * time.Millisecond, time.Second, 2 * time.Second}

// RoundTrip implements http.RoundTripper.
func (r *retrying) RoundTrip(request *http.Request) (*http.Response, error) {
	for attempt := 0; ; attempt++ {
		response, err := r.next.RoundTrip(request)
		if attempt == len(pauses) || !repeatable(request) || !transient(response, err) {
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

// repeatable leaves out what makes something anew each time, what upgrades the connection, and dry runs,
// whose failures are answers.
func repeatable(request *http.Request) bool {
	return request.Method != http.MethodPost && request.Header.Get("Upgrade") == "" &&
		!request.URL.Query().Has("dryRun")
}

func transient(response *http.Response, err error) bool {
	if err != nil {
		return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) ||
			errors.Is(err, syscall.EPIPE)
	}
	switch response.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return response.Header.Get("Retry-After") == ""
	}
	return false
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
