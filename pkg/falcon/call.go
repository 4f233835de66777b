package falcon

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// operation is one call of the API, with the scope that a client needs for it as the console names it.
type operation struct {
	method, path, scope string
	// about says in errors what was asked for.
	about string
}

// envelope is around every answer but a token's.
type envelope struct {
	Meta      meta            `json:"meta"`
	Resources json.RawMessage `json:"resources"`
	Errors    []apiError      `json:"errors"`
}

type meta struct {
	Trace      string `json:"trace_id"`
	Pagination struct {
		Total int `json:"total"`
		// Offset is a number or a text, by the call.
		Offset json.RawMessage `json:"offset"`
		After  string          `json:"after"`
	} `json:"pagination"`
}

type apiError struct {
	Code    int    `json:"code"`
	Message string `json:"message"`
}

const (
	// mostAnswer bounds an answer, in bytes. The largest that is asked for is 500 alerts.
	mostAnswer = 64 << 20
	// tries is how often a request is sent that fails by itself; every call here only reads.
	tries = 4
	// few is how many requests may be left in the rate limit's minute before the client slows down, as the
	// vendor's client does.
	few = 10
	// mostWait is how long a rate limit may ask to wait. The limits are per minute.
	mostWait = 5 * time.Minute
)

// call sends a request until it is answered and decodes the resources into a value. A body is sent as JSON.
func (c *Client) call(ctx context.Context, op operation, query url.Values, body, into any) (meta, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return meta{}, err
		}
	}
	var stale *oauth2.Token
	for try := 1; ; try++ {
		token, err := c.bearer(ctx, stale)
		if err != nil {
			return meta{}, err
		}
		answer, err := c.send(ctx, op, query, text, token)
		if err == nil && answer.status == http.StatusUnauthorized && stale == nil {
			// It may have been revoked, or ended on the way. Once.
			stale = token
			continue
		}
		again, wait := answer.retry(err, try)
		if !again || ctx.Err() != nil {
			if err != nil {
				return meta{}, c.unreached(ctx, op, err)
			}
			return answer.decode(op, into)
		}
		if wait >= 2*time.Second {
			c.o.Tell("the Falcon API asks to wait %s", wait.Round(time.Second))
		}
		if err := sleep(ctx, wait); err != nil {
			return meta{}, err
		}
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (c *Client) send(ctx context.Context, op operation, query url.Values, body []byte, token *oauth2.Token) (answer, error) {
	if err := c.slowDown(ctx); err != nil {
		return answer{}, err
	}
	c.mu.Lock()
	address := c.address(op.path)
	c.mu.Unlock()
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	request, err := http.NewRequestWithContext(ctx, op.method, address, bytes.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	request.Header.Set("Authorization", "Bearer "+token.AccessToken)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if c.o.Agent != "" {
		request.Header.Set("User-Agent", c.o.Agent)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	a := answer{status: response.StatusCode, header: response.Header}
	if a.body, err = io.ReadAll(io.LimitReader(response.Body, mostAnswer+1)); err != nil {
		return answer{}, err
	}
	if len(a.body) > mostAnswer {
		return answer{}, fmt.Errorf("the answer has more than %d MiB", mostAnswer>>20)
	}
	c.heed(a.header)
	return a, nil
}

// heed delays the next request when few are left, so that other tools of the customer get theirs.
func (c *Client) heed(h http.Header) {
	left, err := strconv.Atoi(h.Get("X-Ratelimit-Remaining"))
	if err != nil || left > few {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notBefore = time.Now().Add(time.Duration(few+1-left) * 200 * time.Millisecond)
}

func (c *Client) slowDown(ctx context.Context) error {
	c.mu.Lock()
	wait := time.Until(c.notBefore)
	c.mu.Unlock()
	return sleep(ctx, wait)
}

// retry says whether to send it again, and after how long. Errors of the transport and of the server pass
// by themselves; all that a client did wrong does not.
func (a answer) retry(err error, try int) (again bool, wait time.Duration) {
	if try >= tries {
		return false, 0
	}
	backoff := time.Second << (try - 1)
	switch {
	case err != nil:
		return transient(err), backoff
	case a.status == http.StatusTooManyRequests:
		return a.whenLimited(backoff)
	}
	return a.status >= http.StatusInternalServerError, backoff
}

// whenLimited is how long a refusal by the rate limit asks to wait: until a second since the epoch.
func (a answer) whenLimited(otherwise time.Duration) (bool, time.Duration) {
	at, err := strconv.ParseInt(a.header.Get("X-Ratelimit-Retryafter"), 10, 64)
	if err != nil {
		return true, otherwise
	}
	// Clocks differ: never at once.
	wait := max(time.Until(time.Unix(at, 0)), 200*time.Millisecond)
	return wait <= mostWait, wait
}

func transient(err error) bool {
	if _, ours := errors.AsType[*problem.Error](err); ours {
		return false
	}
	return !errors.Is(err, context.Canceled)
}

// decode takes the resources out, unless the answer is an error in any of the ways there are.
func (a answer) decode(op operation, into any) (meta, error) {
	var e envelope
	notJSON := json.Unmarshal(a.body, &e)
	if e.Meta.Trace == "" && a.header != nil {
		e.Meta.Trace = a.header.Get("X-Cs-Traceid")
	}
	if a.status/100 != 2 || len(e.Errors) > 0 {
		return e.Meta, a.refusal(op, e)
	}
	if notJSON != nil {
		return e.Meta, problem.New(problem.Failed, "check the proxy between here and the Falcon API",
			"%s: the answer is no JSON: %w", op.about, notJSON)
	}
	if into == nil || len(e.Resources) == 0 {
		return e.Meta, nil
	}
	if err := json.Unmarshal(e.Resources, into); err != nil {
		return e.Meta, problem.New(problem.Failed, "use a newer version of this tool",
			"%s: the answer has another form than expected: %w", op.about, err)
	}
	return e.Meta, nil
}

// plain takes the address out of an error of net/http: whoever reports it has said what was asked for.
func plain(err error) error {
	if in, ok := errors.AsType[*url.Error](err); ok {
		return in.Err
	}
	return err
}

func formRequest(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return request, err
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
