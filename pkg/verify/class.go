package verify

import (
	"slices"
	"strings"
)

// Class is what the API server's answer to a dry-run pod means.
type Class string

// The classes. None is a pod that would be made.
const (
	None         Class = ""
	UnknownCA    Class = "unknown-authority"
	Expired      Class = "certificate-expired"
	WrongName    Class = "certificate-name"
	Refused      Class = "connection-refused"
	TimedOut     Class = "timeout"
	NoService    Class = "service-missing"
	NoEndpoints  Class = "no-endpoints"
	HostAddress  Class = "address-not-allowed"
	ServerError  Class = "injector-error"
	NotInjector  Class = "not-the-injector"
	BadPatch     Class = "patch-does-not-apply"
	Denies       Class = "denied-by-injector"
	PodSecurity  Class = "pod-security"
	QuotaFull    Class = "quota"
	LimitBroken  Class = "limit-range"
	NotPermitted Class = "not-permitted"
	Ending       Class = "namespace-terminating"
	// OtherWebhook is a refusal by a webhook that is not the injector's.
	OtherWebhook Class = "other-webhook"
	Unclassified Class = "unclassified"
)

// Classify tells what an API server's answer to a dry-run pod means. code is the HTTP status of the answer,
// message its text, webhooks the names of the injector's webhooks. The words are those of a real server
// (1.37.2; see testdata/admission-errors.txt), looked for anywhere in the message: servers of other
// versions wrap them differently.
func Classify(code int32, message string, webhooks ...string) Class {
	has := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(message, w) {
				return true
			}
		}
		return false
	}
	name, webhook := webhookIn(message)
	switch {
	case webhook && len(webhooks) > 0 && !slices.Contains(webhooks, name):
		return OtherWebhook
	case webhook && has("denied the request"):
		// It comes before the ways in which a call can fail: the injector denies a pod whose image it cannot look
		// up, and says then that the registry did not answer in time or is not trusted.
		return Denies
	case has("is being terminated", "because it is being terminated"):
		return Ending
	case has(`cannot create resource "pods"`):
		return NotPermitted
	case has("violates PodSecurity"):
		return PodSecurity
	case has("exceeded quota", "failed quota"):
		return QuotaFull
	case code == 403 && has("per Container", "per Pod", "limit to request ratio"):
		return LimitBroken
	case has("signed by unknown authority"):
		return UnknownCA
	case has("has expired or is not yet valid"):
		return Expired
	case has("cannot validate certificate", "certificate is valid for", "not standards compliant", "certificate is not valid for any names",
		"relies on legacy Common Name"):
		return WrongName
	case has("Address is not allowed"):
		return HostAddress
	case has("no endpoints available for service"):
		return NoEndpoints
	case webhook && has(`service "`) && has("not found"):
		return NoService
	case has("connection refused", "no route to host", "connection reset", "no service port"):
		return Refused
	case has("context deadline exceeded", "i/o timeout", "Client.Timeout"):
		return TimedOut
	case webhook && has("an error on the server"):
		return ServerError
	case has("couldn't get version/kind", "server gave HTTP response to HTTPS client"), webhook && has("json parse error", "unexpected content type"):
		return NotInjector
	case !webhook && has("operation does not apply", "missing path", "jsonpatch", "missing value"):
		return BadPatch
	}
	return Unclassified
}

// webhookIn returns the name of the webhook that an answer is about: the one that was called, not one that
// is mentioned besides.
func webhookIn(message string) (name string, found bool) {
	at := len(message)
	for _, before := range []string{"failed calling webhook ", "admission webhook "} {
		if n := strings.Index(message, before); n >= 0 && n < at {
			at, found = n, true
			name, _, _ = strings.Cut(strings.TrimPrefix(message[n+len(before):], `"`), `"`)
		}
	}
	return name, found
}
