package wire

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

func atOnce() sdk.Retryer {
	return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxBackoff = time.Millisecond })
}

// TestClock lets the machine's clock be off. The server holds to the right one, as AWS does.
func TestClock(t *testing.T) {
	for name, test := range map[string]struct {
		off      time.Duration
		silent   bool
		requests int
		fails    bool
	}{
		"right":        {0, false, 2, false},
		"behind":       {-24 * time.Hour, false, 3, false},
		"ahead":        {time.Hour, false, 3, false},
		"wrong secret": {time.Minute, false, 1, true},
		"no date":      {time.Hour, true, 1, true},
	} {
		t.Run(name, func(t *testing.T) {
			requests := 0
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				requests++
				if test.silent {
					w.Header()["Date"] = nil
				}
				signed, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
				if err != nil || time.Since(signed).Abs() > 5*time.Minute || name == "wrong secret" {
					w.Header().Set("X-Amzn-Errortype", "InvalidSignatureException")
					w.WriteHeader(http.StatusForbidden)
				}
				_, _ = io.WriteString(w, "{}")
			}))
			defer server.Close()
			c := New(Service{ID: "Some", Signs: "some"}, Settings{Endpoint: server.URL, Config: sdk.Config{Region: "eu-west-1", Retryer: atOnce,
				Credentials: credentials.NewStaticCredentialsProvider("AKIDEXAMPLE", "secret", "")}})
			c.now = func() time.Time { return time.Now().Add(test.off) }
			call := &Call{Operation: "Do", Method: http.MethodGet, Path: []string{"x"}, Out: &struct{}{}}
			err := c.REST(t.Context(), call)
			if err == nil {
				err = c.REST(t.Context(), call) // It knows by now.
			}
			if (err != nil) != test.fails || requests != test.requests {
				t.Errorf("%v after %d requests", err, requests)
			}
		})
	}
}
