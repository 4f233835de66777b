package wire

import (
	"context"
	"encoding/xml"
	"net/http"
	"net/url"
)

// Query calls an operation of a service that speaks EC2's query protocol, of a version of its API. out is what
// encoding/xml takes (smithy.io, "AWS EC2 query protocol").
func (c *Client) Query(ctx context.Context, version, operation string, parameters url.Values, out any) error {
	all := url.Values{"Action": {operation}, "Version": {version}}
	for name, values := range parameters {
		all[name] = values
	}
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	return c.do(ctx, operation, request{header, []byte(all.Encode())}, func(a answer) error { return xml.Unmarshal(a.body, out) }, xmlError)
}

func xmlError(a answer) (code, message, id string) {
	var said struct {
		Errors []struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		} `xml:"Errors>Error"`
		RequestID string `xml:"RequestID"`
	}
	if xml.Unmarshal(a.body, &said) != nil || len(said.Errors) == 0 {
		return "", "", said.RequestID
	}
	return said.Errors[0].Code, said.Errors[0].Message, said.RequestID
}
