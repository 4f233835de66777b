package ec2query

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

const (
	version = "2016-11-15"
	// mostAnswer is more than a page of answers has.
	mostAnswer = 16 << 20
)

// Client asks EC2.
type Client struct {
	region, endpoint string
	credentials      sdk.CredentialsProvider
	http             sdk.HTTPClient
	retryer          sdk.Retryer
	now              func() time.Time
}

// New makes a client of a configuration. endpoint is where to ask in place of AWS, or empty.
func New(cfg sdk.Config, endpoint string) *Client {
	c := &Client{region: cfg.Region, endpoint: endpoint, credentials: cfg.Credentials, http: cfg.HTTPClient, now: time.Now}
	if c.endpoint == "" {
		c.endpoint = "https://ec2." + cfg.Region + "." + suffix(cfg.Region)
	}
	if c.http == nil {
		c.http = awshttp.NewBuildableClient()
	}
	if cfg.Retryer != nil {
		c.retryer = cfg.Retryer()
	} else {
		c.retryer = retry.NewStandard()
	}
	return c
}

// suffix is what the names of AWS's hosts end with in a region's partition (docs.aws.amazon.com/general,
// "AWS service endpoints").
func suffix(region string) string {
	for start, end := range map[string]string{"cn-": "amazonaws.com.cn", "us-iso-": "c2s.ic.gov", "us-isob-": "sc2s.sgov.gov",
		"eu-isoe-": "cloud.adc-e.uk", "us-isof-": "csp.hci.ic.gov", "eusc-": "amazonaws.eu"} {
		if strings.HasPrefix(region, start) {
			return end
		}
	}
	return "amazonaws.com"
}

// call asks and reads the answer into it. Errors are as those of the SDK.
func (c *Client) call(ctx context.Context, operation string, parameters url.Values, answer any) error {
	parameters.Set("Action", operation)
	parameters.Set("Version", version)
	for try := 1; ; try++ {
		err := c.once(ctx, parameters.Encode(), answer)
		if err == nil {
			return nil
		}
		if ctx.Err() == nil && try < c.retryer.MaxAttempts() && c.retryer.IsErrorRetryable(err) {
			if delay, none := c.retryer.RetryDelay(try, err); none == nil && sleep(ctx, delay) {
				continue
			}
		}
		return &smithy.OperationError{ServiceID: "EC2", OperationName: operation, Err: err}
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

func (c *Client) once(ctx context.Context, body string, answer any) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.endpoint, "/")+"/", strings.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	if c.credentials == nil {
		return errors.New("no credentials")
	}
	credentials, err := c.credentials.Retrieve(ctx)
	if err != nil {
		return fmt.Errorf("get credentials: %w", err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(sum[:]), "ec2", c.region, c.now()); err != nil {
		return err
	}
	response, err := c.http.Do(request)
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	defer response.Body.Close()
	content, err := io.ReadAll(io.LimitReader(response.Body, mostAnswer))
	if err != nil {
		return &smithyhttp.RequestSendError{Err: err}
	}
	if response.StatusCode != http.StatusOK {
		return refused(response, content)
	}
	if err := xml.Unmarshal(content, answer); err != nil {
		return &smithy.DeserializationError{Err: err}
	}
	return nil
}

// refused is the error of an answer that is one.
func refused(response *http.Response, content []byte) error {
	said := struct {
		Errors []struct {
			Code    string `xml:"Code"`
			Message string `xml:"Message"`
		} `xml:"Errors>Error"`
		RequestID string `xml:"RequestID"`
	}{}
	inner := error(&smithy.DeserializationError{Err: fmt.Errorf("status %d without an error that can be read", response.StatusCode)})
	if err := xml.Unmarshal(content, &said); err == nil && len(said.Errors) > 0 {
		fault := smithy.FaultClient
		if response.StatusCode >= http.StatusInternalServerError {
			fault = smithy.FaultServer
		}
		inner = &smithy.GenericAPIError{Code: said.Errors[0].Code, Message: said.Errors[0].Message, Fault: fault}
	}
	return &awshttp.ResponseError{RequestID: said.RequestID,
		ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: response}, Err: inner}}
}
