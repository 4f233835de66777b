package ecr

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Login is a login to the registry. Its password is worth as much as the credentials for some hours.
type Login struct {
	// Host is the registry, without scheme. Endpoint is where ECR says that the token is good.
	Host, Endpoint string
	User           string
	Expires        time.Time

	password string
}

// Password is the secret of the login.
func (l Login) Password() string { return l.password }

// String is the login without its password, also where it is printed by accident.
func (l Login) String() string { return l.User + "@" + l.Host }

// GoString is as String.
func (l Login) GoString() string { return l.String() }

// Login gets a token for the registry, which is good for 12 hours.
func (c *Client) Login(ctx context.Context) (Login, error) {
	const doing = "log in to ECR"
	answer := authorization{}
	if err := c.api.Call(ctx, "GetAuthorizationToken", struct{}{}, &answer); err != nil {
		return Login{}, c.session.Explain(ctx, doing, err)
	}
	if len(answer.Data) == 0 {
		return Login{}, problem.New(problem.Failed, "try again", "%s: AWS gave no token", doing)
	}
	given := answer.Data[0]
	plain, err := base64.StdEncoding.DecodeString(given.Token)
	user, password, ok := strings.Cut(string(plain), ":")
	if err != nil || !ok {
		// What it says of itself would show the token.
		return Login{}, problem.New(problem.Failed, "try again", "%s: AWS gave a token that cannot be read", doing)
	}
	l := Login{Endpoint: given.Endpoint, User: user, Expires: given.Expires.Time, password: password}
	if u, err := url.Parse(l.Endpoint); err == nil {
		l.Host = u.Host
	}
	if l.Host == "" {
		return Login{}, problem.New(problem.Failed, "try again", "%s: AWS did not say where the registry is", doing)
	}
	return l, nil
}

// Try asks the registry whether it takes the login, in the way that a push begins.
func (l Login) Try(ctx context.Context, transport http.RoundTripper) error {
	doing := "log in to " + l.Host
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(l.Endpoint, "/")+"/v2/", nil)
	if err != nil {
		return problem.New(problem.Failed, "", "%s: %w", doing, err)
	}
	request.SetBasicAuth(l.User, l.password)
	answer, err := (&http.Client{Transport: transport, Timeout: time.Minute}).Do(request)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		if u, ok := err.(*url.Error); ok {
			err = u.Err
		}
		return problem.New(problem.NoAccess, "check the network, and the proxy (HTTPS_PROXY): pushes and pulls go to that host", "%s: it cannot be reached: %w", doing, err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	if answer.StatusCode != http.StatusOK {
		return problem.New(problem.NoAccess, "check the clock of this machine, and whether a VPC endpoint's policy or a proxy stands between",
			"%s: %w", doing, fmt.Errorf("the registry answers %s", answer.Status))
	}
	return nil
}
