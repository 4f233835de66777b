package wire

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
)

// Query calls an operation of a service that speaks a query protocol, of a version of its API. out is what
// encoding/xml takes (smithy.io, "AWS query protocol" and "AWS EC2 query protocol").
func (c *Client) Query(ctx context.Context, version, operation string, parameters url.Values, out any) error {
	all := url.Values{"Action": {operation}, "Version": {version}}
	for name, values := range parameters {
		all[name] = values
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	return c.do(ctx, operation, post(header, []byte(all.Encode())), func(a answer) error { return xml.Unmarshal(a.body, out) }, xmlError)
}

// xmlError reads what an error is called. The two protocols differ in what is around it, and in a letter.
func xmlError(a answer) (code, message, id string) {
	type fault struct {
		Code    string `xml:"Code"`
		Message string `xml:"Message"`
	}
	var said struct {
		Error     fault   `xml:"Error"`
		RequestID string  `xml:"RequestId"`
		Errors    []fault `xml:"Errors>Error"`
		OfEC2     string  `xml:"RequestID"`
	}
	if xml.Unmarshal(a.body, &said) != nil {
		return "", "", ""
	}
	if len(said.Errors) > 0 {
		return said.Errors[0].Code, said.Errors[0].Message, said.OfEC2
	}
	return said.Error.Code, said.Error.Message, said.RequestID
}
