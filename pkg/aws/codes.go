package aws

import (
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
)

// The codes of AWS's services for the same things (docs.aws.amazon.com, "Common errors" of each service).
var (
	expiredCodes = words("ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired")
	invalidCodes = words("InvalidClientTokenId", "UnrecognizedClientException", "AuthFailure", "InvalidAccessKeyId",
		"SignatureDoesNotMatch", "InvalidSignatureException", "IncompleteSignature", "IncompleteSignatureException",
		"MissingAuthenticationToken", "MissingAuthenticationTokenException", "InvalidToken", "OptInRequired")
	deniedCodes = words("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException", "NotAuthorized")
	limitCodes  = words("LimitExceeded", "LimitExceededException", "ResourceLimitExceeded", "ResourceLimitExceededException",
		"ServiceQuotaExceededException")
)

func words(all ...string) map[string]bool {
	set := make(map[string]bool, len(all))
	for _, one := range all {
		set[one] = true
	}
	return set
}

// denied says whether a right is missing.
func (r *Refused) denied() bool {
	return deniedCodes[r.Code] || r.Status == http.StatusForbidden && !expiredCodes[r.Code] && !invalidCodes[r.Code]
}

func throttled(code string) bool {
	_, is := retry.DefaultThrottleErrorCodes[code]
	return is
}

// Throttled says whether AWS refused a call because there were too many.
func Throttled(err error) bool { return throttled(Code(err)) }

// Denied says whether AWS refused a call for want of a right.
func Denied(err error) bool {
	r, ok := refusal(err)
	return ok && r.denied()
}
