package aws

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// Kind is what a fault does.
type Kind string

const (
	// AccessDenied is a call that the caller's policies do not allow.
	AccessDenied Kind = "access-denied"
	// Throttled is a call above the rate.
	Throttled Kind = "throttled"
	// ExpiredToken are credentials that ended.
	ExpiredToken Kind = "expired-token"
	// UnrecognizedClient are credentials that AWS does not know, or a region that the account has not enabled.
	UnrecognizedClient Kind = "unrecognized-client"
	// WrongRegion is a signature for a region that does not exist.
	WrongRegion Kind = "wrong-region"
	// UnsupportedZone is an availability zone without room for what is asked for (EKS).
	UnsupportedZone Kind = "unsupported-zone"
	// LimitExceeded is a quota that is used up.
	LimitExceeded Kind = "limit-exceeded"
	// ServerError is AWS's own failure.
	ServerError Kind = "server-error"
	// Other is an error with the fault's own status, code and message.
	Other Kind = "other"
	// Late lets a Fargate profile or a cluster be accepted and then fail, with the fault's code and message as
	// the reason.
	Late Kind = "late"
	// Cut ends the connection before the call is done or, with the fault's Bytes, in the middle of an upload.
	Cut Kind = "cut"
	// CutAfter does the call and ends the connection in place of the answer.
	CutAfter Kind = "cut-after"
	// Slow does nothing but the fault's latency.
	Slow Kind = "slow"
)

// answerOf is how an error is called in each protocol.
type answerOf struct {
	status                      int
	json, query, ec2            string
	queryStatus, ec2Status      int
	message, queryMsg, ec2Words string
}

// The codes are those of "Common Errors" in the API references of ECR, EKS, IAM and EC2.
var answers = map[Kind]answerOf{
	AccessDenied: {403, "AccessDeniedException", "AccessDenied", "UnauthorizedOperation", 403, 403, "", "", ""},
	Throttled:    {429, "ThrottlingException", "Throttling", "RequestLimitExceeded", 400, 503, "Rate exceeded", "", "Request limit exceeded."},
	ExpiredToken: {403, "ExpiredTokenException", "ExpiredToken", "RequestExpired", 403, 400,
		"The security token included in the request is expired", "", "Request has expired."},
	UnrecognizedClient: {403, "UnrecognizedClientException", "InvalidClientTokenId", "AuthFailure", 403, 401,
		"The security token included in the request is invalid.", "", "AWS was not able to validate the provided access credentials"},
	WrongRegion: {403, "InvalidSignatureException", "SignatureDoesNotMatch", "AuthFailure", 403, 401,
		"Credential should be scoped to a valid region.", "", "AWS was not able to validate the provided access credentials"},
	UnsupportedZone: {400, "UnsupportedAvailabilityZoneException", "InvalidParameterValue", "InvalidParameterValue", 400, 400,
		"Cannot create cluster because the targeted availability zone does not currently have sufficient capacity to support the cluster.", "", ""},
	LimitExceeded: {400, "ResourceLimitExceededException", "LimitExceeded", "ResourceLimitExceeded", 409, 400,
		"The quota is used up.", "", ""},
	ServerError: {500, "ServerException", "InternalFailure", "InternalError", 500, 500,
		"An internal error has occurred.", "", ""},
}

// failOf is a fault's error in the form of the call's protocol.
func (c *Cloud) failOf(q *request, f Fault) reply {
	a := answers[f.Kind]
	status, code, message := a.status, a.json, a.message
	switch q.protocol {
	case jsonRPC:
		// ECR answers all errors of the client with 400; its limit has a name of its own.
		if status < 500 {
			status = 400
		}
		if f.Kind == LimitExceeded {
			code = "LimitExceededException"
		}
	case query:
		status, code = a.queryStatus, a.query
	case ec2Query:
		status, code = a.ec2Status, a.ec2
		if a.ec2Words != "" {
			message = a.ec2Words
		}
	}
	if f.Kind == AccessDenied {
		message = c.denial(q.action, q.resource())
		if q.protocol == ec2Query {
			message = "You are not authorized to perform this operation. " + message
		}
	}
	if f.Status != 0 {
		status = f.Status
	}
	if f.Code != "" {
		code = f.Code
	}
	if f.Message != "" {
		message = f.Message
	}
	if f.Kind == UnsupportedZone && q.protocol == restJSON {
		answer := q.fail(status, code, message)
		return reply{status, answer.header, jsonReply(status, object{"message": message, "validZones": []string{q.region + "a", q.region + "b"}}).body}
	}
	return q.fail(status, code, message)
}

// denial is how IAM says no ("Troubleshoot access denied error messages", AWS IAM user guide).
func (c *Cloud) denial(action, resource string) string {
	return fmt.Sprintf("User: %s is not authorized to perform: %s on resource: %s because no identity-based policy allows the %[2]s action",
		c.options.Caller, action, resource)
}

// fail is an error in the form of the call's protocol.
func (q *request) fail(status int, code, message string) reply {
	header := http.Header{"Content-Type": {"application/json"}}
	switch q.protocol {
	case jsonRPC:
		header.Set("Content-Type", "application/x-amz-json-1.1")
		header.Set("X-Amzn-Errortype", code)
		return reply{status, header, jsonReply(status, object{"__type": code, "message": message}).body}
	case restJSON:
		header.Set("X-Amzn-Errortype", code)
		o := object{"message": message}
		if len(q.path) > 0 && !strings.HasPrefix(q.path[0], "arn:") {
			o["clusterName"] = q.path[0]
		}
		return reply{status, header, jsonReply(status, o).body}
	}
	header.Set("Content-Type", "text/xml")
	form := "<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>"
	if q.protocol == ec2Query {
		form = "<Response><Errors><Error><Code>%s</Code><Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>"
	}
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(message))
	return reply{status, header, fmt.Appendf(nil, form, code, escaped.String(), requestID())}
}

// resource is the ARN that a call is about, or *.
func (q *request) resource() string {
	service, _, _ := strings.Cut(q.action, ":")
	arn := func(region, rest string) string {
		return "arn:aws:" + service + ":" + region + ":" + Account + ":" + rest
	}
	switch q.protocol {
	case jsonRPC:
		if name := text(q.params(), "repositoryName"); name != "" {
			return arn(q.region, "repository/"+name)
		}
	case restJSON:
		switch {
		case len(q.path) > 1 && strings.Contains(q.action, "FargateProfile"):
			return arn(q.region, "fargateprofile/"+q.path[0]+"/"+q.path[1]+"/*")
		case len(q.path) > 0 && strings.HasPrefix(q.path[0], "arn:"):
			return q.path[0]
		case len(q.path) > 0:
			return arn(q.region, "cluster/"+q.path[0])
		case q.action == "eks:CreateCluster":
			return arn(q.region, "cluster/"+text(q.params(), "name"))
		}
	case query:
		if role := q.form().Get("RoleName"); role != "" {
			return arn("", "role/"+role)
		}
	}
	return "*"
}
