package falcon_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// TestRefusals holds that each documented error has its advice, and that none has a secret in it.
func TestRefusals(t *testing.T) {
	const path = "/sensors/queries/installers/ccid/v1"
	body := func(code int, message string) string {
		return fmt.Sprintf(`{"meta":{"trace_id":"abc"},"resources":null,"errors":[{"code":%d,"message":%q}]}`, code, message)
	}
	for name, c := range map[string]struct {
		path  string
		fault falconapi.Fault
		kind  problem.Kind
		said  []string
	}{
		"wrong secret":                {"/oauth2/token", falconapi.Fault{Status: 403, Body: body(403, "access denied, authorization failed")}, problem.NoAccess, []string{"gives no token", "IP allow-list"}},
		"bad request":                 {"/oauth2/token", falconapi.Fault{Status: 400, Body: body(400, "bad")}, problem.NoAccess, []string{"400 bad"}},
		"token at 500":                {"/oauth2/token", falconapi.Fault{Status: 500}, problem.NoAccess, []string{"try again later"}},
		"token behind a proxy's page": {"/oauth2/token", falconapi.Fault{Status: 407, Body: "<html>" + secret}, problem.NoAccess, []string{"407"}},
		"scope":                       {path, falconapi.Fault{Status: 403, Body: body(403, "access denied, scope not permitted")}, problem.NoAccess, []string{`"Sensor Download: Read"`, "trace abc"}},
		"licence":                     {path, falconapi.Fault{Status: 403, Body: body(403, "access denied, authorization failed")}, problem.NoAccess, []string{"subscription"}},
		"error in a 200":              {path, falconapi.Fault{Status: 200, Body: `{"meta":{},"resources":["` + cid + `"],"errors":[{"code":500,"message":"half of it"}]}`}, problem.Failed, []string{"half of it"}},
		"not found":                   {path, falconapi.Fault{Status: 404, Body: body(404, "gone")}, problem.Failed, []string{"404 gone"}},
		"no JSON":                     {path, falconapi.Fault{Status: 200, Body: "<html>welcome</html>"}, problem.Failed, []string{"no JSON", "proxy"}},
		"another form":                {path, falconapi.Fault{Status: 200, Body: `{"resources":{"a":1}}`}, problem.Failed, []string{"another form"}},
		"nothing":                     {path, falconapi.Fault{Status: 200, Body: `{"resources":[]}`}, problem.Failed, []string{"no customer id"}},
		"a terminal's codes":          {path, falconapi.Fault{Status: 400, Body: `{"errors":[{"code":400,"message":"a\u001b[2Jb"}]}`}, problem.Failed, []string{"a [2Jb"}},
	} {
		t.Run(name, func(t *testing.T) {
			fake, client := start(t, usual(), nil)
			c.fault.Times = 10
			fake.Break(c.path, c.fault)
			_, err := client.CID(t.Context())
			kind(t, err, c.kind)
			p, _ := errors.AsType[*problem.Error](err)
			for _, words := range c.said {
				if text := err.Error() + "\n" + p.Next(); !strings.Contains(text, words) {
					t.Errorf("%q does not say %q", text, words)
				}
			}
			if text := fmt.Sprintf("%v %+v %#v", err, err, err); strings.Contains(text, secret) || strings.Contains(text, "Bearer") {
				t.Errorf("a secret is in %s", text)
			}
		})
	}
}

// TestScopes takes each scope away, and holds that the call which needs it names it.
func TestScopes(t *testing.T) {
	calls := map[string]func(context.Context, *falcon.Client) error{
		falconapi.ScopeSensorDownload: func(ctx context.Context, c *falcon.Client) error { _, err := c.CID(ctx); return err },
		falconapi.ScopeImages:         func(ctx context.Context, c *falcon.Client) error { _, err := c.Registry(ctx); return err },
		falconapi.ScopeHosts:          func(ctx context.Context, c *falcon.Client) error { _, err := c.Hosts(ctx, []string{aid}); return err },
		falconapi.ScopeAlerts: func(ctx context.Context, c *falcon.Client) error {
			_, err := c.Alerts(ctx, aid, time.Now())
			return err
		},
	}
	for scope, call := range calls {
		config := usual()
		config.Scopes = slices.DeleteFunc(slices.Clone(falconapi.AllScopes), func(s string) bool { return s == scope })
		_, c := start(t, config, nil)
		err := call(t.Context(), c)
		kind(t, err, problem.NoAccess)
		if p, ok := errors.AsType[*problem.Error](err); !ok || !strings.Contains(p.Next(), `"`+scope+`"`) {
			t.Errorf("without %s: %v", scope, err)
		}
		_, c = start(t, usual(), nil)
		if err := call(t.Context(), c); err != nil {
			t.Errorf("with %s: %v", scope, err)
		}
	}
}

// TestRateLimit holds that a refusal is waited out until the moment that it names, and said.
func TestRateLimit(t *testing.T) {
	var said []string
	fake, c := start(t, usual(), func(o *falcon.Options) {
		o.Tell = func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	})
	until := time.Now().Add(4 * time.Second).Truncate(time.Second)
	fake.Break("/sensors/queries/installers/ccid/v1", falconapi.Fault{Status: 429,
		Header: map[string]string{"X-Ratelimit-Retryafter": strconv.FormatInt(until.Unix(), 10)}})
	if _, err := c.CID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now := time.Now(); now.Before(until) {
		t.Errorf("asked again %s too early", until.Sub(now))
	}
	if len(said) != 1 || !strings.Contains(said[0], "asks to wait") {
		t.Errorf("said %q", said)
	}
	// One that would take longer than anybody waits is an error at once.
	fake.Break("/sensors/queries/installers/ccid/v1", falconapi.Fault{Status: 429,
		Header: map[string]string{"X-Ratelimit-Retryafter": strconv.FormatInt(time.Now().Add(time.Hour).Unix(), 10)}})
	begin := time.Now()
	_, err := c.CID(t.Context())
	kind(t, err, problem.Failed)
	if took := time.Since(begin); took > time.Second {
		t.Errorf("the error came after %s", took)
	}
}

// TestSlowsDown holds that the last requests of a minute are spread out.
func TestSlowsDown(t *testing.T) {
	config := usual()
	config.Limit = 5
	_, c := start(t, config, nil)
	begin := time.Now()
	for range 3 {
		if _, err := c.CID(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if took := time.Since(begin); took < 2*time.Second {
		t.Errorf("three requests near the limit took %s", took)
	}
}

// TestPassingTroubles holds that what passes by itself is tried again, and that a cancelled wait ends.
func TestPassingTroubles(t *testing.T) {
	fake, c := start(t, usual(), nil)
	fake.Break("/sensors/queries/installers/ccid/v1", falconapi.Fault{Status: 503, Times: 2})
	if _, err := c.CID(t.Context()); err != nil {
		t.Errorf("after two 503: %v", err)
	}
	for _, status := range []int{500, 502, 503} {
		fake, c := start(t, usual(), nil)
		fake.Break("/oauth2/token", falconapi.Fault{Status: status})
		if _, err := c.CID(t.Context()); err != nil || count(fake, "/oauth2/token") != 2 {
			t.Errorf("after a token was refused with %d: %v", status, err)
		}
	}
	fake.Break("/sensors/queries/installers/ccid/v1", falconapi.Fault{Status: 500, Times: 100})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	begin := time.Now()
	if _, err := c.CID(ctx); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > time.Second {
		t.Errorf("a wait with a deadline ended after %s with %v", time.Since(begin), err)
	}
}

// TestSecretStaysHome holds that credentials go to Falcon clouds alone, and never unencrypted over a network.
func TestSecretStaysHome(t *testing.T) {
	for _, base := range []string{"http://falcon.example", "http://10.0.0.1:80", "ftp://x", "falcon.example", "https://"} {
		_, err := falcon.New(falcon.Options{ID: "a", Secret: secret, Base: base})
		kind(t, err, problem.BadInput)
	}
	var leaked []string
	c, err := falcon.New(falcon.Options{ID: "client", Secret: secret, Cloud: "us-1", Transport: trip(func(r *http.Request) (*http.Response, error) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Host != "api.crowdstrike.com" && bytes.Contains(body, []byte(url.QueryEscape(secret))) {
			leaked = append(leaked, r.URL.Host)
		}
		w := httptest.NewRecorder()
		http.Redirect(w, r, "https://collector.example/oauth2/token", http.StatusTemporaryRedirect)
		return w.Result(), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CID(t.Context()); err == nil || !strings.Contains(err.Error(), "collector.example") {
		t.Errorf("a redirect to a stranger: %v", err)
	}
	if len(leaked) > 0 {
		t.Errorf("the secret went to %q", leaked)
	}
}
