package wire

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// mostAnswer is more than a page of answers has.
const mostAnswer = 16 << 20

// Service is one of AWS's.
type Service struct {
	// ID is the SDK's name for it, such as ECR; Signs is its name in signatures and policies.
	ID, Signs string
	// Host is what its endpoints begin with, FIPS what those by that standard begin with, and Dual what those
	// that also speak IPv6 begin with.
	Host, FIPS, Dual string
	// At, if set, says where its endpoints are in place of these three, for a service whose are not all named alike.
	At func(Wanted) Place
}

// Settings are what a client is made of.
type Settings struct {
	Config sdk.Config
	// Endpoint is where to ask in place of AWS, or empty.
	Endpoint string
	// Agent is the User-Agent.
	Agent string
}

// Client calls one service.
type Client struct {
	service  Service
	settings Settings
	retryer  sdk.Retryer
	// region is the one that signatures name.
	region string
	now    func() time.Time
	// off is how much AWS's clock is ahead of now.
	off atomic.Int64
}

// New makes a client.
func New(service Service, s Settings) *Client {
	c := &Client{service: service, settings: s, region: s.Config.Region, now: time.Now}
	if c.settings.Endpoint == "" {
		at := service.place(s.Config)
		c.settings.Endpoint, c.region = "https://"+at.Host, at.Region
	}
	if s.Config.HTTPClient == nil {
		c.settings.Config.HTTPClient = awshttp.NewBuildableClient()
	}
	if s.Config.Retryer != nil {
		c.retryer = s.Config.Retryer()
	} else {
		c.retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			if s.Config.RetryMaxAttempts > 0 {
				o.MaxAttempts = s.Config.RetryMaxAttempts
			}
		})
	}
	return c
}

// Endpoint is where it asks.
func (c *Client) Endpoint() string { return c.settings.Endpoint }

// Region is the one that it signs for.
func (c *Client) Region() string { return c.region }

// request is one to be sent, as often as it takes.
type request struct {
	method string
	// target is its path, with the query if it has one, both escaped.
	target string
	header http.Header
	body   []byte
	// typed, if set, makes the error of a code that its callers want as one of the SDK's types, or is nil.
	typed func(code string, body []byte) error
}

// post is a request of the protocols that have all in the body.
func post(header http.Header, body []byte) request {
	return request{method: http.MethodPost, target: "/", header: header, body: body}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request until it is answered or there is no use. read says what an answer is; one that is no
// success goes to refused, which says what it is called.
func (c *Client) do(ctx context.Context, operation string, r request, read func(answer) error, refused func(answer) (code, message, id string)) error {
	for try := 1; ; try++ {
		err := c.once(ctx, r, read, refused)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && try < c.retryer.MaxAttempts() && (c.corrects(err) || c.retryer.IsErrorRetryable(err)) {
			if delay, none := c.retryer.RetryDelay(try, err); none == nil && sleep(ctx, delay) {
				continue
			}
		}
		return &smithy.OperationError{ServiceID: c.service.ID, OperationName: operation, Err: err}
	}
}

func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

func (c *Client) once(ctx context.Context, r request, read func(answer) error, refused func(answer) (string, string, string)) error {
	out, err := c.signed(ctx, r)
	if err != nil {
		return err
	}
	response, err := c.settings.Config.HTTPClient.Do(out)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	got := answer{response.StatusCode, response.Header, content}
	if got.status/100 == 2 {
		if err := read(got); err != nil {
			return responded(response, "", &smithy.DeserializationError{Err: err})
		}
		return nil
	}
	code, message, id := refused(got)
	return responded(response, id, r.refusal(got, code, message))
}

// responded is an error with the response that it is of.
func responded(to *http.Response, id string, err error) error {
	return &awshttp.ResponseError{RequestID: id, ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: to}, Err: err}}
}

// refusal is the error of an answer that is no success.
func (r *request) refusal(got answer, code, message string) error {
	if code == "" {
		return &smithy.DeserializationError{Err: fmt.Errorf("status %d without an error that can be read", got.status)}
	}
	if r.typed != nil {
		if err := r.typed(code, got.body); err != nil {
			return err
		}
	}
	fault := smithy.FaultClient
	if got.status >= http.StatusInternalServerError {
		fault = smithy.FaultServer
	}
	return &smithy.GenericAPIError{Code: code, Message: message, Fault: fault}
}

// signed makes the request with a signature of now.
func (c *Client) signed(ctx context.Context, r request) (*http.Request, error) {
	out, err := http.NewRequestWithContext(ctx, r.method, strings.TrimSuffix(c.settings.Endpoint, "/")+r.target, bytes.NewReader(r.body))
	if err != nil {
		return nil, err
	}
	out.Header = r.header.Clone()
	if c.settings.Agent != "" {
		out.Header.Set("User-Agent", c.settings.Agent)
	}
	provider := c.settings.Config.Credentials
	if provider == nil {
		return nil, errors.New("no credentials")
	}
	credentials, err := provider.Retrieve(ctx)
	if err != nil {
		return nil, fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256(r.body)
	err = v4.NewSigner().SignHTTP(ctx, credentials, out, hex.EncodeToString(sum[:]), c.service.Signs, c.region, c.time())
	return out, err
}
