package imageinfo

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// The causes a registry's refusal is reported with when it gives no reason.
var (
	errUnauthorized = errors.New("unauthorized: authentication required")
	errDenied       = errors.New("denied: requested access to the resource is denied")
)

// cause turns what the registry client reports into the short form the real
// injector's users see: no URL, and a registry's error code in words.
func cause(ctx context.Context, err error) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	var refused *transport.Error
	if !errors.As(err, &refused) {
		return errors.New(strings.ReplaceAll(err.Error(), "\n", "; "))
	}
	if refused.StatusCode == http.StatusUnauthorized {
		return errUnauthorized
	}
	if len(refused.Errors) > 0 {
		first := refused.Errors[0]
		code := strings.ToLower(strings.ReplaceAll(string(first.Code), "_", " "))
		return errors.New(code + ": " + first.Message)
	}
	if refused.StatusCode == http.StatusForbidden {
		return errDenied
	}
	return err
}
