package aws

import (
	"context"
	"errors"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"unicode"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Refused is what AWS said to a call that it did not do.
type Refused struct {
	// Code is AWS's own for the kind of refusal, Status that of HTTP.
	Code   string
	Status int
	// Message is AWS's, in one line; Request is what its support asks for.
	Message, Request string
	// Action is what was refused, as policies name it, if that is known.
	Action string
}

// Error is what AWS said.
func (r *Refused) Error() string {
	said := r.Code
	if r.Message != "" {
		said += ": " + r.Message
	}
	if r.Request != "" {
		said += " (request " + r.Request + ")"
	}
	return said
}

// Code is the code of AWS's answer that an error was made of, or nothing. The SDK has types for some codes
// of some calls only: CreateFargateProfile answers with a ResourceInUseException that has none there.
func Code(err error) string {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r.Code
	}
	if answer, ok := errors.AsType[smithy.APIError](err); ok {
		return answer.ErrorCode()
	}
	return ""
}

// refusal reads AWS's answer out of an error of the SDK.
func refusal(err error) (*Refused, bool) {
	if r, ok := errors.AsType[*Refused](err); ok {
		return r, true
	}
	answer, ok := errors.AsType[smithy.APIError](err)
	if !ok {
		return nil, false
	}
	r := &Refused{Code: word(answer.ErrorCode()), Message: message(answer.ErrorMessage()), Action: action(err, answer.ErrorMessage())}
	if response, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		r.Status = response.HTTPStatusCode()
	}
	var request interface{ ServiceRequestID() string }
	if errors.As(err, &request) {
		r.Request = word(request.ServiceRequestID())
	}
	return r, true
}

// Explain is the error of a call for users. doing says what the call was for, such as "create the repository
// falcon-sensor".
func (s *Session) Explain(ctx context.Context, doing string, err error) error {
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if _, told := errors.AsType[*problem.Error](err); told {
		return err
	}
	r, answered := refusal(err)
	if !answered {
		return s.unreached(doing, err)
	}
	kind, next := s.advice(r)
	if r.denied() && r.Action != "" {
		return problem.New(kind, next, "%s: the right %s is missing: %w", doing, r.Action, r)
	}
	return problem.New(kind, next, "%s: AWS says %w", doing, r)
}

func (s *Session) advice(r *Refused) (problem.Kind, string) {
	switch {
	case expiredCodes[r.Code]:
		return problem.NoAccess, s.renew()
	case invalidCodes[r.Code]:
		return problem.NoAccess, "check the credentials, the clock of this machine, and that the account has the region " + s.Region + " enabled"
	case r.denied() && strings.Contains(r.Message, "explicit deny"):
		return problem.NoAccess, "a policy denies it whatever others allow; ask who manages the account"
	case r.denied():
		return problem.NoAccess, s.Rights()
	case limitCodes[r.Code]:
		return problem.Failed, "delete what is not needed, or ask AWS for a higher quota (Service Quotas in its console)"
	case throttled(r.Code):
		return problem.Failed, "wait a minute: AWS limits how often an account may call"
	case r.Status >= http.StatusInternalServerError:
		return problem.Failed, "try again later; health.aws.amazon.com says more"
	}
	return problem.Failed, ""
}

// Rights is the advice to whoever lacks a right.
func (s *Session) Rights() string {
	command := "ask for the rights that this prints: kubectl falcon aws iam-policy"
	if s.Command != "" {
		command += " " + s.Command
	}
	return command
}

// unreached is the error of a call that got no answer, or none of AWS.
func (s *Session) unreached(doing string, err error) error {
	if name, ok := errors.AsType[*net.DNSError](err); ok && name.IsNotFound {
		return problem.New(problem.NoAccess, "check --region, and the network",
			"%s: there is no host %s: is there no region %s, or no network?", doing, name.Name, s.Region)
	}
	if _, ok := errors.AsType[*smithy.DeserializationError](err); ok {
		return problem.New(problem.NoAccess, "check AWS_ENDPOINT_URL and the proxy (HTTPS_PROXY)",
			"%s: the answer is not one of AWS: %w", doing, innermost(err))
	}
	if _, ok := errors.AsType[*smithyhttp.RequestSendError](err); ok {
		return problem.New(problem.NoAccess, "check the network, and the proxy (HTTPS_PROXY)", "%s: AWS cannot be reached: %w", doing, innermost(err))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return problem.New(problem.NoAccess, "check the network, and the proxy (HTTPS_PROXY)", "%s: AWS does not answer", doing)
	}
	// Credentials that have to be renewed on the way.
	if service, ok := errors.AsType[*smithy.OperationError](err); ok && strings.Contains(service.Err.Error(), "credentials") {
		return s.unauthenticatedFor(doing, err)
	}
	return problem.New(problem.Failed, "", "%s: %w", doing, innermost(err))
}

// performs is how AWS names the action that was refused, which may be another than the one that was called:
// EKS looks at subnets and roles with the caller's rights.
var performs = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`not authorized to perform:? ([a-z0-9-]+:[A-Za-z0-9]+)`)
})

// RefusedAction is the action that AWS says somebody may not do, in a sentence that comes on another way than
// its API, such as from a registry; or nothing.
func RefusedAction(said string) string {
	if m := performs().FindStringSubmatch(said); m != nil {
		return m[1]
	}
	return ""
}

func action(err error, said string) string {
	if named := RefusedAction(said); named != "" {
		return named
	}
	if call, ok := errors.AsType[*smithy.OperationError](err); ok {
		return strings.ToLower(call.ServiceID) + ":" + call.OperationName
	}
	return ""
}

// message is what AWS said without what follows in further lines: to a wrong signature it repeats the
// request, which may have a token in it.
func message(said string) string {
	said, _, _ = strings.Cut(strings.TrimSpace(said), "\n")
	said, _, _ = strings.Cut(said, "Encoded authorization failure message")
	said, _, _ = strings.Cut(said, "The Canonical String")
	return word(strings.TrimRight(said, ". "))
}

// word is what a server said, short and without what would move a terminal's cursor.
func word(said string) string {
	said = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, said)
	if runes := []rune(said); len(runes) > 400 {
		said = string(runes[:400]) + "..."
	}
	return strings.TrimSpace(said)
}

// innermost takes the SDK's wrapping off, which repeats itself.
func innermost(err error) error {
	for {
		in := errors.Unwrap(err)
		if in == nil {
			return errors.New(word(err.Error()))
		}
		err = in
	}
}
