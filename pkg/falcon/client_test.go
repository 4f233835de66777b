package falcon_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
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
