package wire

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/encoding/httpbinding"
)

// Call is one of an operation whose parts are in the method, the path, the query and the body.
type Call struct {
	Operation string
	Method    string
	// Path are the parts of the path, not escaped. None may be empty: that would be another operation.
	Path  []string
	Query url.Values
	// In, if set, is what the body is made of, and Out what the answer's is read into, as encoding/json does.
	In, Out any
	// Typed, if set, makes the error of a code that callers want as one of the SDK's types, or is nil.
	Typed func(code string, body []byte) error
}

// REST calls an operation of a service that speaks REST with JSON in the bodies (smithy.io, "AWS restJson1
// protocol").
func (c *Client) REST(ctx context.Context, o *Call) error {
	r := request{method: o.Method, header: http.Header{}, typed: o.Typed}
	for _, part := range o.Path {
		if part == "" {
			return &smithy.OperationError{ServiceID: c.service.ID, OperationName: o.Operation, Err: errors.New("a name that it needs is empty")}
		}
		r.target += "/" + httpbinding.EscapePath(part, true)
	}
	if len(o.Query) > 0 {
		r.target += "?" + o.Query.Encode()
	}
	if o.In != nil {
		var err error
		if r.body, err = json.Marshal(o.In); err != nil {
			return err
		}
		r.header.Set("Content-Type", "application/json")
	}
	return c.do(ctx, o.Operation, r, func(a answer) error { return json.Unmarshal(a.body, o.Out) }, jsonError)
}
