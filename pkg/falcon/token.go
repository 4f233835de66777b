package falcon

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// regionHeader is in the answer to a request for a token and names the customer's cloud.
const regionHeader = "X-Cs-Region"

// bearer returns a token that is good for another request. The stale one, if given, was refused and is
// not returned again.
func (c *Client) bearer(ctx context.Context, stale *oauth2.Token) (*oauth2.Token, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token.Valid() && c.token != stale {
		return c.token, nil
	}
	token, region, err := c.askToken(ctx)
	if passing(err) {
		// Once more, as other calls are sent again.
		if err := sleep(ctx, time.Second); err != nil {
			return nil, err
		}
		token, region, err = c.askToken(ctx)
	}
	if err != nil {
		return nil, c.noToken(ctx, err)
	}
	if c.cloud.Name == "" {
		// The token of the cloud that was asked first is good in the one that it names.
		if c.cloud, err = home(region); err != nil {
			return nil, err
		}
	}
	c.token = token
	return token, nil
}

// passing says whether a request for a token failed by a trouble of the server that passes by itself.
func passing(err error) bool {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		return false
	}
	switch refused.Response.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable:
		return true
	}
	return false
}

// askToken asks for a token once, and returns the region that the answer names.
func (c *Client) askToken(ctx context.Context) (*oauth2.Token, string, error) {
	region := &regionReader{next: c.http.Transport}
	client := &http.Client{Transport: region, Timeout: c.http.Timeout, CheckRedirect: c.http.CheckRedirect}
	asked := clientcredentials.Config{ClientID: c.o.ID, ClientSecret: c.o.Secret,
		TokenURL: c.address("/oauth2/token"), AuthStyle: oauth2.AuthStyleInParams}
	if c.o.Member != "" {
		asked.EndpointParams = url.Values{"member_cid": {c.o.Member}}
	}
	token, err := asked.Token(context.WithValue(ctx, oauth2.HTTPClient, client))
	return token, region.region, err
}

// home is the cloud of a region header.
func home(region string) (Cloud, error) {
	if region == "" {
		return Cloud{}, problem.New(problem.Failed, "set FALCON_CLOUD",
			"the Falcon API does not say which cloud is the customer's")
	}
	cloud, err := CloudNamed(region)
	if err != nil {
		return Cloud{}, problem.New(problem.Failed, "set FALCON_CLOUD, or use a newer version of this tool",
			"the customer's cloud is %q, which this version does not know", region)
	}
	return cloud, nil
}

// regionReader notes the region of what passes.
type regionReader struct {
	next   http.RoundTripper
	region string
}

// RoundTrip is that of the transport below.
func (r *regionReader) RoundTrip(request *http.Request) (*http.Response, error) {
	answer, err := r.next.RoundTrip(request)
	if err == nil {
		if region := answer.Header.Get(regionHeader); region != "" {
			r.region = region
		}
	}
	return answer, err
}

// noToken says why there is no token. What oauth2 says is not passed on whole: the answer's body may be a
// proxy's page.
func (c *Client) noToken(ctx context.Context, err error) error {
	refused, ok := errors.AsType[*oauth2.RetrieveError](err)
	if !ok {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return problem.New(problem.NoAccess, "check the network, and the proxy (HTTPS_PROXY)",
			"ask the Falcon API for a token: %w", plain(err))
	}
	status := refused.Response.StatusCode
	said := firstMessage(refused.Body)
	next := "check the client id and secret, and the IP allow-list of the console"
	switch {
	case status == http.StatusTooManyRequests:
		next = "wait a minute"
	case status >= http.StatusInternalServerError:
		next = "try again later; status.crowdstrike.com says more"
	case c.cloud.Name == "":
		next += "; a government cloud must be named with FALCON_CLOUD"
	default:
		next += "; is " + c.cloud.Name + " the right cloud (FALCON_CLOUD)?"
	}
	return problem.New(problem.NoAccess, next, "the Falcon API gives no token: %d %s", status, said)
}

// Close revokes the token, so that nobody finds a use for it.
func (c *Client) Close(ctx context.Context) error {
	c.mu.Lock()
	token, address := c.token, c.address("/oauth2/revoke")
	c.token = nil
	c.mu.Unlock()
	if !token.Valid() {
		return nil
	}
	request, err := formRequest(ctx, address, url.Values{"token": {token.AccessToken}})
	if err != nil {
		return err
	}
	request.SetBasicAuth(c.o.ID, c.o.Secret)
	answer, err := c.http.Do(request)
	if err != nil {
		return plain(err)
	}
	return answer.Body.Close()
}
