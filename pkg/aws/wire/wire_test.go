package wire

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/smithy-go"
)

var service = Service{ID: "ECR", Signs: "ecr", Host: "api.ecr", FIPS: "ecr-fips", Dual: "ecr"}

// client calls a server that answers so.
func client(t *testing.T, handler http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	cfg := sdk.Config{Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "notshown", "token"),
		Retryer: func() sdk.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = 3, time.Millisecond })
		}}
	return New(service, Settings{Config: cfg, Endpoint: server.URL + "/", Agent: "kubectl-falcon/1"})
}

func TestJSONIsSignedAndRead(t *testing.T) {
	c := client(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		auth := r.Header.Get("Authorization")
		if r.Method != http.MethodPost || r.URL.Path != "/" || r.Header.Get("X-Amz-Target") != "Prefix.Do" || string(body) != `{"a":1}` ||
			r.UserAgent() != "kubectl-falcon/1" || r.Header.Get("X-Amz-Security-Token") != "token" ||
			!strings.Contains(auth, "/eu-west-1/ecr/aws4_request") || !strings.Contains(auth, "x-amz-target") || strings.Contains(auth, "notshown") {
			t.Errorf("got %s %s %v %s", r.Method, r.URL, r.Header, body)
		}
		_, _ = w.Write([]byte(`{"at":1.764e9}`))
	})
	var out struct {
		At Time `json:"at"`
	}
	if err := c.JSON(t.Context(), "Prefix", "Do", map[string]int{"a": 1}, &out); err != nil {
		t.Fatal(err)
	}
	if !out.At.Equal(time.Unix(1764000000, 0)) {
		t.Errorf("got %s", out.At)
	}
}

func TestErrorsAreThoseOfTheSDK(t *testing.T) {
	for name, test := range map[string]struct {
		header http.Header
		body   string
	}{
		"in the body":           {nil, `{"__type":"SomeException","message":"no"}`},
		"in the body, whole":    {nil, `{"__type":"com.amazonaws.ecr#SomeException","Message":"no"}`},
		"in the header":         {http.Header{"X-Amzn-Errortype": {"SomeException:http://internal.amazon.com/x/"}}, `{"message":"no"}`},
		"in a field of its own": {nil, `{"code":"SomeException","message":"no"}`},
	} {
		tries := 0
		c := client(t, func(w http.ResponseWriter, _ *http.Request) {
			tries++
			for name, values := range test.header {
				w.Header()[name] = values
			}
			w.Header().Set("X-Amzn-Requestid", "req-1")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(test.body))
		})
		err := c.JSON(t.Context(), "Prefix", "Do", struct{}{}, &struct{}{})
		answer, ok := errors.AsType[smithy.APIError](err)
		var id interface{ ServiceRequestID() string }
		if !ok || answer.ErrorCode() != "SomeException" || answer.ErrorMessage() != "no" || !errors.As(err, &id) || id.ServiceRequestID() != "req-1" {
			t.Errorf("%s: got %v", name, err)
		}
		if call, ok := errors.AsType[*smithy.OperationError](err); !ok || call.ServiceID != "ECR" || call.OperationName != "Do" {
			t.Errorf("%s: got %v", name, err)
		}
		if tries != 1 {
			t.Errorf("%s: tried %d times", name, tries)
		}
	}
}

func TestWhatPassesIsTriedAgain(t *testing.T) {
	for name, fail := range map[string]func(w http.ResponseWriter){
		"cut":       func(http.ResponseWriter) { panic(http.ErrAbortHandler) },
		"their own": func(w http.ResponseWriter) { http.Error(w, "{}", http.StatusInternalServerError) },
		"too many": func(w http.ResponseWriter) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte("<Response><Errors><Error><Code>RequestLimitExceeded</Code></Error></Errors></Response>"))
		},
	} {
		for _, failures := range []int{2, 3} {
			var tries atomic.Int32
			c := client(t, func(w http.ResponseWriter, r *http.Request) {
				if body, _ := io.ReadAll(r.Body); !strings.HasPrefix(string(body), "Action=Do&Version=1") {
					t.Errorf("%s: sent %q", name, body)
				}
				if int(tries.Add(1)) <= failures {
					fail(w)
				}
				_, _ = w.Write([]byte("<R><A>x</A></R>"))
			})
			var out struct{ A string }
			err := c.Query(t.Context(), "1", "Do", url.Values{}, &out)
			if (err == nil) != (failures < 3) || tries.Load() != 3 || err == nil && out.A != "x" {
				t.Errorf("%s %d: %d tries, %+v, %v", name, failures, tries.Load(), out, err)
			}
		}
	}
}

func TestHosts(t *testing.T) {
	for region, want := range map[string]string{"eu-west-1": "api.ecr.eu-west-1.amazonaws.com", "cn-north-1": "api.ecr.cn-north-1.amazonaws.com.cn",
		"us-iso-east-1": "api.ecr.us-iso-east-1.c2s.ic.gov", "us-isob-east-1": "api.ecr.us-isob-east-1.sc2s.sgov.gov"} {
		if got := service.host(sdk.Config{Region: region}); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	both := sdk.Config{Region: "us-east-1", ConfigSources: []any{wanting{true, true}, wanting{}}}
	if got := service.host(both); got != "ecr-fips.us-east-1.api.aws" {
		t.Errorf("got %s", got)
	}
	both.ConfigSources = []any{wanting{false, true}}
	if got := service.host(both); got != "ecr.us-east-1.api.aws" {
		t.Errorf("got %s", got)
	}
}

type wanting struct{ fips, dual bool }

// GetUseFIPSEndpoint is the SDK's.
func (w wanting) GetUseFIPSEndpoint(context.Context) (sdk.FIPSEndpointState, bool, error) {
	return sdk.FIPSEndpointStateEnabled, w.fips, nil
}

// GetUseDualStackEndpoint is the SDK's.
func (w wanting) GetUseDualStackEndpoint(context.Context) (sdk.DualStackEndpointState, bool, error) {
	return sdk.DualStackEndpointStateEnabled, w.dual, nil
}
