package wire

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// JSON calls an operation of a service that speaks JSON 1.1; prefix is what its targets begin with. in and out
// are what encoding/json takes (smithy.io, "AWS JSON 1.1 protocol").
func (c *Client) JSON(ctx context.Context, prefix, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {prefix + "." + operation}}
	return c.do(ctx, operation, post(header, body), func(a answer) error { return json.Unmarshal(a.body, out) }, jsonError)
}

// jsonError reads what an error is called: in a header, or in the body, with more around it at times.
func jsonError(a answer) (code, message, id string) {
	var said struct {
		Type    string `json:"__type"`
		Code    string `json:"code"`
		Message string `json:"message"`
		Capital string `json:"Message"`
	}
	_ = json.Unmarshal(a.body, &said)
	code, message = a.header.Get("X-Amzn-Errortype"), said.Message
	for _, other := range []string{said.Type, said.Code} {
		if code == "" {
			code = other
		}
	}
	if message == "" {
		message = said.Capital
	}
	code, _, _ = strings.Cut(code, ":")
	return code[strings.LastIndexByte(code, '#')+1:], message, a.header.Get("X-Amzn-Requestid")
}

// Time is a moment as JSON 1.1 has it: seconds since 1970, with parts of them.
type Time struct{ time.Time }

// UnmarshalJSON reads it.
func (t *Time) UnmarshalJSON(raw []byte) error {
	var seconds float64
	if err := json.Unmarshal(raw, &seconds); err != nil {
		return err
	}
	t.Time = time.UnixMilli(int64(seconds * 1000)).UTC()
	return nil
}
