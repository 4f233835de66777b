package wiretest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Region is the one of Config.
const Region = "eu-west-1"

// Answer is what a server says.
type Answer struct {
	// Status is 200 if it is 0.
	Status int
	Header map[string]string
	Body   string
}

// Seen is what of a request matters.
type Seen struct {
	Method, Path, Type string
	Query              url.Values
	// Body is read as JSON or as a form, so that the order of fields is none of it.
	Body any
	// Scope is what the signature is for: region and service.
	Scope string
}

// Server answers with one answer after the other, the last of them for ever.
type Server struct {
	*httptest.Server
	mu      sync.Mutex
	answers []Answer
	seen    []Seen
}

// Serve starts a server, which ends with the test.
func Serve(t *testing.T, answers ...Answer) *Server {
	t.Helper()
	s := &Server{answers: answers}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

// Answer sets what it answers from now on, and forgets what it saw.
func (s *Server) Answer(answers ...Answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers, s.seen = answers, nil
}

// Seen are the requests so far.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.seen
}

// Config is one for the server, with credentials and without retries.
func (s *Server) Config() sdk.Config {
	return sdk.Config{Region: Region, BaseEndpoint: &s.URL, Retryer: func() sdk.Retryer { return sdk.NopRetryer{} },
		Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}
}

// Retrying is the same with retries at once.
func (s *Server) Retrying(attempts int) sdk.Config {
	cfg := s.Config()
	cfg.Retryer = func() sdk.Retryer {
		return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts, o.MaxBackoff = attempts, time.Millisecond })
	}
	return cfg
}

var scope = regexp.MustCompile(`Credential=AKIDEXAMPLE/\d{8}/([^,]*)/aws4_request, .*Signature=[0-9a-f]{64}$`)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	content, _ := io.ReadAll(r.Body)
	seen := Seen{Method: r.Method, Path: r.URL.EscapedPath(), Type: r.Header.Get("Content-Type"), Query: r.URL.Query(), Body: string(content)}
	seen.Type, _, _ = strings.Cut(seen.Type, ";")
	switch seen.Type {
	case "application/x-www-form-urlencoded":
		if form, err := url.ParseQuery(string(content)); err == nil {
			seen.Body = form
		}
	case "application/json":
		var o any
		if json.Unmarshal(content, &o) == nil {
			seen.Body = o
		}
	}
	if m := scope.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
		seen.Scope = m[1]
	}
	s.mu.Lock()
	answer := s.answers[0]
	if len(s.answers) > 1 {
		s.answers = s.answers[1:]
	}
	s.seen = append(s.seen, seen)
	s.mu.Unlock()
	for name, text := range answer.Header {
		w.Header().Set(name, text)
	}
	if answer.Status != 0 {
		w.WriteHeader(answer.Status)
	}
	_, _ = io.WriteString(w, answer.Body)
}

// wants is a source of configuration.
type wants struct{ fips, dual bool }

// GetUseFIPSEndpoint says whether endpoints by FIPS 140 are wanted.
func (w wants) GetUseFIPSEndpoint(context.Context) (sdk.FIPSEndpointState, bool, error) {
	if w.fips {
		return sdk.FIPSEndpointStateEnabled, true, nil
	}
	return sdk.FIPSEndpointStateUnset, false, nil
}

// GetUseDualStackEndpoint says whether endpoints that also speak IPv6 are wanted.
func (w wants) GetUseDualStackEndpoint(context.Context) (sdk.DualStackEndpointState, bool, error) {
	if w.dual {
		return sdk.DualStackEndpointStateEnabled, true, nil
	}
	return sdk.DualStackEndpointStateUnset, false, nil
}

// Wants is a configuration of a region that wants endpoints of a kind.
func Wants(region string, fips, dual bool) sdk.Config {
	return sdk.Config{Region: region, ConfigSources: []any{wants{fips, dual}}}
}
