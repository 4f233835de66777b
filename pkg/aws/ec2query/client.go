package ec2query

import (
	"context"
	"net/url"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
)

// version is that of the EC2 API.
const version = "2016-11-15"

// Client asks EC2.
type Client struct{ wire *wire.Client }

// New makes a client.
func New(s wire.Settings) *Client {
	return &Client{wire.New(wire.Service{ID: "EC2", Signs: "ec2", Host: "ec2", FIPS: "ec2-fips", Dual: "ec2"}, s)}
}

// call asks and reads the answer into it. Errors are as those of the SDK.
func (c *Client) call(ctx context.Context, operation string, parameters url.Values, answer any) error {
	return c.wire.Query(ctx, version, operation, parameters, answer)
}
