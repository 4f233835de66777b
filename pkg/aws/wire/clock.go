package wire

import (
	"errors"
	"net/http"
	"time"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// mostOff is how far a clock may be off before it is worth another try; AWS itself takes five minutes (IAM user
// guide, "Elements of an AWS API request signature").
const mostOff = 4 * time.Minute

// wrongClock says whether a code is one that AWS answers a signature of another time with.
func wrongClock(code string) bool {
	switch code {
	case "RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture",
		// These have other reasons as well.
		"InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure":
		return true
	}
	return false
}

// corrects sets the clock by which requests are signed by AWS's, if a request was refused and this machine's
// clock is the likely reason; the SDK's clients do that too.
func (c *Client) corrects(err error) bool {
	refused, ok := errors.AsType[smithy.APIError](err)
	if !ok || !wrongClock(refused.ErrorCode()) {
		return false
	}
	answer, ok := errors.AsType[*smithyhttp.ResponseError](err)
	if !ok {
		return false
	}
	there, bad := http.ParseTime(answer.Response.Header.Get("Date"))
	if bad != nil {
		return false
	}
	off := there.Sub(c.now())
	if more := off - time.Duration(c.off.Load()); more.Abs() < mostOff {
		return false
	}
	c.off.Store(int64(off))
	return true
}

// time is AWS's, as far as is known.
func (c *Client) time() time.Time { return c.now().Add(time.Duration(c.off.Load())) }
