package falcon

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// What the API says, in part, as the vendor's own tools tell its errors apart.
const (
	saysScope  = "scope not permitted"
	saysDenied = "authorization failed"
)

// Refused is an answer of the API that is an error, also one with status 200.
type Refused struct {
	// Status is that of HTTP, Code the one in the body, which may differ.
	Status, Code int
	// Message is the API's, Trace is what the vendor's support asks for.
	Message, Trace string
}

// Error is one line with what the API said.
func (r *Refused) Error() string {
	code := r.Code
	if code == 0 {
		code = r.Status
	}
	said := fmt.Sprintf("%d", code)
	if r.Message != "" {
		said += " " + r.Message
	}
	if r.Trace != "" {
		said += " (trace " + r.Trace + ")"
	}
	return said
}

// refusal makes the error of an answer, with what to do about it.
func (a answer) refusal(op operation, e envelope) error {
	r := &Refused{Status: a.status, Trace: word(e.Meta.Trace)}
	if len(e.Errors) > 0 {
		r.Code, r.Message = e.Errors[0].Code, word(e.Errors[0].Message)
	}
	kind, next := r.advice(op)
	return problem.New(kind, next, "%s: the Falcon API says %w", op.about, r)
}

func (r *Refused) advice(op operation) (problem.Kind, string) {
	code := r.Code
	if code < http.StatusBadRequest {
		code = r.Status
	}
	switch {
	case code == http.StatusForbidden && strings.Contains(r.Message, saysDenied):
		return problem.NoAccess, "the subscription may lack this, or the API client the scope \"" + op.scope + "\""
	case code == http.StatusForbidden:
		return problem.NoAccess, "give the API client the scope \"" + op.scope + "\" in the Falcon console"
	case code == http.StatusUnauthorized:
		return problem.NoAccess, "check that the API client still exists and belongs to this cloud"
	case code == http.StatusTooManyRequests:
		return problem.Failed, "wait a minute: the customer's requests share a rate limit"
	case code >= http.StatusInternalServerError:
		return problem.Failed, "try again later; status.crowdstrike.com says more"
	}
	return problem.Failed, ""
}

// unreached is the error of a request that got no answer.
func (c *Client) unreached(ctx context.Context, op operation, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return problem.New(problem.NoAccess, "check the network, and the proxy (HTTPS_PROXY)", "%s: %w", op.about, plain(err))
}

// firstMessage is the API's first error in a body, or nothing.
func firstMessage(body []byte) string {
	var e envelope
	if json.Unmarshal(body, &e) != nil || len(e.Errors) == 0 {
		return ""
	}
	return word(e.Errors[0].Message)
}

// word is what a server said, short and without what would move a terminal's cursor.
func word(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, s)
	if runes := []rune(s); len(runes) > 200 {
		s = string(runes[:200]) + "..."
	}
	return strings.TrimSpace(s)
}
