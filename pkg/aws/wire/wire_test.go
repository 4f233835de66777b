package wire_test

import (
	"errors"
	"net/url"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/wire/wiretest"
)

func client(s *wiretest.Server, attempts int) *wire.Client {
	return wire.New(wire.Service{ID: "Some", Signs: "some"}, wire.Settings{Config: s.Retrying(attempts), Endpoint: s.URL + "/base/"})
}

type reading struct {
	A string `xml:"a" json:"a"`
}

func TestProtocols(t *testing.T) {
	for name, test := range map[string]struct {
		call func(c *wire.Client, out *reading) error
		body string
		want wiretest.Seen
	}{
		"query": {func(c *wire.Client, out *reading) error {
			return c.Query(t.Context(), "2016-11-15", "Do", url.Values{"X": {"1 &"}}, out)
		}, "<DoResponse><a>b</a></DoResponse>", wiretest.Seen{Method: "POST", Path: "/base/"}},
		"json": {func(c *wire.Client, out *reading) error {
			return c.JSON(t.Context(), "V1", "Do", map[string]string{"x": "1"}, out)
		}, `{"a":"b"}`, wiretest.Seen{Method: "POST", Path: "/base/"}},
		"rest": {func(c *wire.Client, out *reading) error {
			return c.REST(t.Context(), &wire.Call{Operation: "Do", Method: "PUT", Path: []string{"x y", "a/b"}, Query: url.Values{"q": {"1", "2"}}, Out: out})
		}, `{"a":"b"}`, wiretest.Seen{Method: "PUT", Path: "/base/x%20y/a%2Fb"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Serve(t, wiretest.Answer{Body: test.body})
			var out reading
			if err := test.call(client(s, 1), &out); err != nil || out.A != "b" {
				t.Fatalf("%v, %+v", err, out)
			}
			seen := s.Seen()[0]
			if seen.Method != test.want.Method || seen.Path != test.want.Path || seen.Scope != "eu-west-1/some" {
				t.Errorf("sent %+v", seen)
			}
		})
	}
}

func TestQueryErrors(t *testing.T) {
	for name, body := range map[string]string{
		"query": `<ErrorResponse><Error><Type>Sender</Type><Code>C</Code><Message>M</Message></Error><RequestId>r</RequestId></ErrorResponse>`,
		"EC2":   `<Response><Errors><Error><Code>C</Code><Message>M</Message></Error></Errors><RequestID>r</RequestID></Response>`,
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Serve(t, wiretest.Answer{Status: 400, Body: body})
			err := client(s, 1).Query(t.Context(), "1", "Do", nil, &reading{})
			answer, ok := errors.AsType[*smithy.GenericAPIError](err)
			if !ok || answer.Code != "C" || answer.Message != "M" || answer.Fault != smithy.FaultClient {
				t.Errorf("got %v", err)
			}
			if response, ok := errors.AsType[*awshttp.ResponseError](err); !ok || response.RequestID != "r" || response.HTTPStatusCode() != 400 {
				t.Errorf("got %#v", response)
			}
		})
	}
}

func TestTriesAgain(t *testing.T) {
	refused := wiretest.Answer{Status: 400, Body: `{"__type":"ThrottlingException"}`}
	for name, test := range map[string]struct {
		answers  []wiretest.Answer
		requests int
		fails    bool
	}{
		"their fault":  {[]wiretest.Answer{{Status: 503}, {Body: `{"a":"b"}`}}, 2, false},
		"too often":    {[]wiretest.Answer{refused, refused, {Body: `{"a":"b"}`}}, 3, false},
		"no more":      {[]wiretest.Answer{{Status: 500}}, 3, true},
		"no use in it": {[]wiretest.Answer{{Status: 400, Body: `{"__type":"InvalidParameterException"}`}}, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			s := wiretest.Serve(t, test.answers...)
			err := client(s, 3).REST(t.Context(), &wire.Call{Operation: "Do", Method: "GET", Path: []string{"x"}, Out: &reading{}})
			if (err != nil) != test.fails || len(s.Seen()) != test.requests {
				t.Errorf("%v after %d requests", err, len(s.Seen()))
			}
		})
	}
}

func TestPlaces(t *testing.T) {
	ecr := wire.Service{ID: "ECR", Signs: "ecr", Host: "api.ecr", FIPS: "ecr-fips", Dual: "ecr"}
	for _, test := range []struct {
		region     string
		fips, dual bool
		want       string
	}{
		{"eu-west-1", false, false, "https://api.ecr.eu-west-1.amazonaws.com"},
		{"us-east-1", true, false, "https://ecr-fips.us-east-1.amazonaws.com"},
		{"eu-west-1", false, true, "https://ecr.eu-west-1.api.aws"},
		{"us-gov-west-1", true, false, "https://ecr-fips.us-gov-west-1.amazonaws.com"},
		{"cn-north-1", false, false, "https://api.ecr.cn-north-1.amazonaws.com.cn"},
		{"us-isob-east-1", false, false, "https://api.ecr.us-isob-east-1.sc2s.sgov.gov"},
	} {
		c := wire.New(ecr, wire.Settings{Config: wiretest.Wants(test.region, test.fips, test.dual)})
		if c.Endpoint() != test.want || c.Region() != test.region {
			t.Errorf("%+v: %s", test, c.Endpoint())
		}
	}
	own := wire.New(ecr, wire.Settings{Config: sdk.Config{Region: "eu-west-1"}, Endpoint: "http://127.0.0.1:1"})
	if own.Endpoint() != "http://127.0.0.1:1" || own.Region() != "eu-west-1" {
		t.Error(own.Endpoint(), own.Region())
	}
}
