// Package eksapi asks EKS with the structures of the SDK, but without the SDK's client of it, which is most of a
// megabyte of a program. It has the operations that are used.
//
// What is sent and what comes back is as the Amazon EKS API reference has it at each action. As with the SDK's
// client, errors are smithy.APIErrors; only an UnsupportedAvailabilityZoneException is of the SDK's type, since
// that has more to it than code and message. The output's ResultMetadata is empty. Options of single calls are
// accepted, so that interfaces are satisfied, and ignored.
package eksapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// Client asks EKS.
type Client struct{ wire *wire.Client }

// New makes a client.
func New(s wire.Settings) *Client {
	return &Client{wire.New(wire.Service{ID: "EKS", Signs: "eks", At: place}, s)}
}

// place is where EKS is in a region (docs.aws.amazon.com/general, "Amazon EKS endpoints and quotas", and the
// SDK's rules). Those of the GovCloud hold to FIPS 140 by the ordinary name.
func place(w wire.Wanted) wire.Place {
	begin, middle := "eks", ""
	switch name := w.Partition.Name; {
	case !w.FIPS:
	case !w.Dual && name == "aws":
		begin, middle = "fips", ".eks"
	case w.Dual || name != "aws-us-gov":
		begin = "eks-fips"
	}
	return wire.Place{Host: begin + middle + "." + w.Region + "." + w.End(), Region: w.Region}
}

// get calls an operation that only asks.
func (c *Client) get(ctx context.Context, operation string, query url.Values, out any, path ...*string) error {
	return c.call(ctx, &wire.Call{Operation: operation, Method: http.MethodGet, Query: query, Out: out}, path...)
}

func (c *Client) call(ctx context.Context, o *wire.Call, path ...*string) error {
	o.Typed = typed
	for _, part := range path {
		text := ""
		if part != nil {
			text = *part
		}
		o.Path = append(o.Path, text)
	}
	return c.wire.REST(ctx, o)
}

// page are the parameters of an operation that answers page by page.
func page(results *int32, token *string) url.Values {
	query := url.Values{}
	if results != nil {
		query.Set("maxResults", strconv.Itoa(int(*results)))
	}
	if token != nil {
		query.Set("nextToken", *token)
	}
	return query
}

// typed makes the error whose further fields are used (Amazon EKS API reference, CreateFargateProfile, "Errors").
func typed(code string, body []byte) error {
	if code != "UnsupportedAvailabilityZoneException" {
		return nil
	}
	found := &types.UnsupportedAvailabilityZoneException{}
	if json.Unmarshal(body, found) != nil {
		return nil
	}
	return found
}
