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
	"sync/atomic"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

const (
	secret = "s3cr3t-of-the-client-and-nobody-else"
	cid    = "0123456789ABCDEF0123456789ABCDEF-12"
	aid    = "00112233445566778899aabbccddeeff"
)

// usual is a customer whose client may do everything.
func usual() falconapi.Config {
	return falconapi.Config{ID: "client", Secret: secret, CID: cid, Scopes: falconapi.AllScopes, RegistryToken: "registry-password"}
}

// start serves a stand-in and returns a client of it.
func start(t *testing.T, config falconapi.Config, change func(*falcon.Options)) (*falconapi.Server, *falcon.Client) {
	t.Helper()
	fake := falconapi.New(config)
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	o := falcon.Options{ID: "client", Secret: secret, Base: server.URL}
	if change != nil {
		change(&o)
	}
	c, err := falcon.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return fake, c
}

func TestCustomer(t *testing.T) {
	_, c := start(t, usual(), nil)
	id, err := c.CID(t.Context())
	if err != nil || id != cid {
		t.Errorf("the customer id is %q (%v)", id, err)
	}
	login, err := c.Registry(t.Context())
	want := falcon.RegistryLogin{Host: "registry.crowdstrike.com", User: "fc-0123456789abcdef0123456789abcdef", Password: "registry-password", Region: "us-1"}
	if err != nil || login != want {
		t.Errorf("the registry's login is %+v (%v)", login, err)
	}
}

// TestClouds holds that the customer's cloud is found, and that no cloud is taken for another.
func TestClouds(t *testing.T) {
	for _, region := range falcon.Clouds() {
		config := usual()
		config.Region = region
		_, c := start(t, config, nil)
		cloud, err := c.Cloud(t.Context())
		if err != nil || cloud.Name != region {
			t.Errorf("%s was found to be %q (%v)", region, cloud.Name, err)
		}
	}
	config := usual()
	config.Region = "moon-1"
	_, c := start(t, config, nil)
	if _, err := c.Cloud(t.Context()); err == nil || !strings.Contains(err.Error(), `"moon-1"`) {
		t.Errorf("an unknown region: %v", err)
	}
	for _, name := range []string{"us1", "US-9", "eu", "https://api.crowdstrike.com"} {
		_, err := falcon.New(falcon.Options{ID: "a", Secret: "b", Cloud: name})
		kind(t, err, problem.BadInput)
	}
	for _, name := range []string{"", "autodiscover", "EU-1", " us-2"} {
		if _, err := falcon.New(falcon.Options{ID: "a", Secret: "b", Cloud: name}); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func kind(t *testing.T, err error, want problem.Kind) {
	t.Helper()
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || p.Kind() != want {
		t.Errorf("the error is %v, want one of kind %d", err, want)
	}
}

// TestDiscovery asks the first cloud, whose answer names another, and goes on there.
func TestDiscovery(t *testing.T) {
	config := usual()
	config.Region = "eu-1"
	fake := falconapi.New(config)
	var hosts []string
	c, err := falcon.New(falcon.Options{ID: "client", Secret: secret, Transport: trip(func(r *http.Request) (*http.Response, error) {
		hosts = append(hosts, r.URL.Host+r.URL.Path)
		w := httptest.NewRecorder()
		fake.ServeHTTP(w, r)
		return w.Result(), nil
	})})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.CID(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := c.Close(t.Context()); err != nil || fake.Tokens() != 0 {
		t.Errorf("%d tokens are good after the end (%v)", fake.Tokens(), err)
	}
	want := []string{"api.crowdstrike.com/oauth2/token", "api.eu-1.crowdstrike.com/sensors/queries/installers/ccid/v1",
		"api.eu-1.crowdstrike.com/oauth2/revoke"}
	if !slices.Equal(hosts, want) {
		t.Errorf("asked %q, want %q", hosts, want)
	}
}

type trip func(*http.Request) (*http.Response, error)

func (t trip) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// TestToken holds that a token is used again, renewed once when it is refused, and not forever.
func TestToken(t *testing.T) {
	fake, c := start(t, usual(), nil)
	for range 3 {
		if _, err := c.CID(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(fake, "/oauth2/token"); n != 1 {
		t.Errorf("%d tokens for three requests", n)
	}
	const refused = `{"meta":{},"errors":[{"code":401,"message":"access denied, invalid bearer token"}]}`
	fake.Break("/sensors/queries/installers/ccid/v1", falconapi.Fault{Status: 401, Body: refused})
	if _, err := c.CID(t.Context()); err != nil {
		t.Errorf("a token that was refused is not renewed: %v", err)
	}
	if n := count(fake, "/oauth2/token"); n != 2 {
		t.Errorf("%d tokens, want 2", n)
	}
	fake.Break("/sensors/queries/installers/ccid/v1", falconapi.Fault{Status: 401, Body: refused, Times: 10})
	_, err := c.CID(t.Context())
	kind(t, err, problem.NoAccess)
	if n := count(fake, "/oauth2/token"); n != 3 {
		t.Errorf("%d tokens, want 3", n)
	}
}

func count(fake *falconapi.Server, path string) (n int) {
	for _, seen := range fake.Seen() {
		if strings.HasSuffix(seen, " "+path) {
			n++
		}
	}
	return n
}

func TestMember(t *testing.T) {
	config := usual()
	config.Member = strings.Repeat("ab", 16)
	_, c := start(t, config, func(o *falcon.Options) { o.Member = config.Member })
	if _, err := c.CID(t.Context()); err != nil {
		t.Error(err)
	}
	_, c = start(t, config, func(o *falcon.Options) { o.Member = strings.Repeat("cd", 16) })
	_, err := c.CID(t.Context())
	kind(t, err, problem.NoAccess)
}

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

func TestHosts(t *testing.T) {
	fake, c := start(t, usual(), nil)
	var ids []string
	for n := range 250 {
		id := fmt.Sprintf("%032x", n)
		ids = append(ids, id)
		if n != 77 {
			fake.AddHost(id, map[string]any{"pod_name": "pod-" + id})
		}
	}
	hosts, err := c.Hosts(t.Context(), ids)
	if err != nil || len(hosts) != 249 {
		t.Fatalf("%d hosts (%v)", len(hosts), err)
	}
	if _, known := hosts[ids[77]]; known {
		t.Error("a host that the console does not know is there")
	}
	if h := hosts[ids[9]]; h.PodName != "pod-"+ids[9] || h.Online != "online" || h.LastSeen.IsZero() {
		t.Errorf("a host is %+v", h)
	}
}

func TestAlerts(t *testing.T) {
	config := usual()
	config.AlertDelay = 5 * time.Minute
	var passed atomic.Int64
	config.Now = func() time.Time { return time.Now().Add(time.Duration(passed.Load())) }
	fake, c := start(t, config, nil)
	begin := time.Now().Add(-time.Second)
	other := strings.Repeat("f", 32)
	id := fake.AddAlert(aid, nil)
	fake.AddAlert(other, nil)
	if alerts, err := c.Alerts(t.Context(), aid, begin); err != nil || len(alerts) != 0 {
		t.Errorf("before its time: %v (%v)", alerts, err)
	}
	passed.Add(int64(6 * time.Minute))
	alerts, err := c.Alerts(t.Context(), aid, begin)
	if err != nil || len(alerts) != 1 || alerts[0].ID != id || alerts[0].SeverityName != "Critical" || !strings.Contains(alerts[0].Link, id) {
		t.Errorf("the alerts are %+v (%v)", alerts, err)
	}
	if alerts, err := c.Alerts(t.Context(), aid, config.Now()); err != nil || len(alerts) != 0 {
		t.Errorf("after it: %v (%v)", alerts, err)
	}
	for range 1100 {
		fake.AddAlert(aid, nil)
	}
	passed.Add(int64(6 * time.Minute))
	if alerts, err := c.Alerts(t.Context(), aid, begin); err != nil || len(alerts) != 1101 {
		t.Errorf("%d alerts on three pages (%v)", len(alerts), err)
	}
	// What comes from a pod is not taken for a part of the filter.
	if alerts, err := c.Alerts(t.Context(), aid+"'+agent_id:'"+other, begin); err != nil || len(alerts) != 0 {
		t.Errorf("%d alerts for an id with a quote in it (%v)", len(alerts), err)
	}
}
