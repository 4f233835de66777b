package falcon

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Options say who asks which cloud.
type Options struct {
	// ID and Secret are an API client of the Falcon console.
	ID, Secret string
	// Member is the customer id of a child in a parent-and-child subscription, or empty.
	Member string
	// Cloud is the name of a cloud, or empty to find out at the first request.
	Cloud string
	// Base is an address in place of the cloud's, for a server that stands in for it: https, or http to a
	// loopback address.
	Base string
	// Agent is the User-Agent, with the tool's version.
	Agent string
	// Transport carries the requests; without one it is the default of net/http, which heeds the proxy of
	// the environment.
	Transport http.RoundTripper
	// Tell, if set, gets a sentence when the client waits because the API asked it to.
	Tell func(format string, args ...any)
}

// Client asks the Falcon API. It may be used by many goroutines.
type Client struct {
	o    Options
	http *http.Client

	mu    sync.Mutex
	cloud Cloud
	token *oauth2.Token
	// notBefore is when the next request may go, as the rate limit has it.
	notBefore time.Time
}

// New returns a client. It asks nothing yet: the errors are those of the options (problem.BadInput).
func New(o Options) (*Client, error) {
	c := &Client{o: o}
	if c.o.ID == "" || c.o.Secret == "" {
		return nil, problem.New(problem.BadInput, "set FALCON_CLIENT_ID and FALCON_CLIENT_SECRET to an API client of the Falcon console",
			"there are no credentials for the Falcon API")
	}
	if c.o.Tell == nil {
		c.o.Tell = func(string, ...any) {}
	}
	if o.Cloud != "" && !strings.EqualFold(o.Cloud, "autodiscover") {
		var err error
		if c.cloud, err = CloudNamed(o.Cloud); err != nil {
			return nil, err
		}
	}
	if err := checkBase(o.Base); err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	c.http = &http.Client{Transport: transport, Timeout: requestLimit, CheckRedirect: c.mayRedirect}
	return c, nil
}

// requestLimit is how long one answer may take; the vendor's client allows five minutes.
const requestLimit = 2 * time.Minute

// checkBase lets the secret go in clear text to this machine alone.
func checkBase(base string) error {
	if base == "" {
		return nil
	}
	u, err := url.Parse(base)
	switch {
	case err != nil || u.Host == "":
		return problem.New(problem.BadInput, "write https://HOST[:PORT]", "%q is no address of a Falcon API", base)
	case u.Scheme == "https", u.Scheme == "http" && loopback(u.Hostname()):
		return nil
	}
	return problem.New(problem.BadInput, "use https", "%q would carry the client's secret unencrypted", base)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// mayRedirect follows an answer to another cloud, which is how one can point home, and nowhere else: the
// secret goes along.
func (c *Client) mayRedirect(to *http.Request, before []*http.Request) error {
	if len(before) >= 3 {
		return problem.New(problem.Failed, "check the proxy", "the Falcon API redirects in a circle")
	}
	for _, known := range clouds {
		if to.URL.Scheme == "https" && to.URL.Host == known.API {
			return nil
		}
	}
	if to.URL.Host == before[0].URL.Host && to.URL.Scheme == before[0].URL.Scheme {
		return nil
	}
	return problem.New(problem.Failed, "check the proxy and FALCON_CLOUD",
		"the Falcon API redirects to %s, which is no Falcon cloud", to.URL.Host)
}

// Cloud returns the customer's cloud. If it is not known yet it is found out, with a request.
func (c *Client) Cloud(ctx context.Context) (Cloud, error) {
	if _, err := c.bearer(ctx, nil); err != nil {
		return Cloud{}, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.cloud, nil
}

// address is where a path of the API is, in the cloud that is known.
func (c *Client) address(path string) string {
	if c.o.Base != "" {
		return strings.TrimSuffix(c.o.Base, "/") + path
	}
	host := c.cloud.API
	if host == "" {
		// Where the discovery begins.
		host = clouds[0].API
	}
	return "https://" + host + path
}
