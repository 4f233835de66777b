package kube

import (
	"errors"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/streaming/pkg/httpstream"
)

// refusal is the API server's own refusal of a stream, if that is what failed. Over WebSocket it comes with
// its code, which SPDY loses, but where the server asks for a second verb it gives no reason, which it does
// over SPDY.
func refusal(webSocket, spdy error) (*apierrors.StatusError, bool) {
	failure, ok := errors.AsType[*httpstream.UpgradeFailureError](webSocket)
	if !ok {
		return nil, false
	}
	status, ok := errors.AsType[*apierrors.StatusError](failure.Cause)
	if !ok {
		return nil, false
	}
	if !bare(status) || spdy == nil {
		return status, true
	}
	said := strings.TrimSpace(status.ErrStatus.Message)
	if at := strings.Index(spdy.Error(), said); at >= 0 {
		told := *status
		told.ErrStatus.Message = strings.TrimSpace(spdy.Error()[at:])
		return &told, true
	}
	return status, true
}

// bare says that a refusal gives no reason.
func bare(status *apierrors.StatusError) bool {
	return strings.HasSuffix(strings.TrimSpace(status.ErrStatus.Message), "forbidden:")
}

// remembering is a dialer that keeps its error, which the one that falls back to another hides.
type remembering struct {
	httpstream.Dialer
	err error
}

// Dial dials and keeps the error.
func (r *remembering) Dial(protocols ...string) (httpstream.Connection, string, error) {
	connection, protocol, err := r.Dialer.Dial(protocols...)
	r.err = err
	return connection, protocol, err
}
