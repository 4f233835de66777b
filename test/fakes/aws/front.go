package aws

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// maxBody is the most that a call may send; AWS's own limits are lower.
const maxBody = 10 << 20

// ServeHTTP answers one call of an AWS API: it notes it, does the fault that is due, holds the policy, and lets
// moto or the front's own model answer.
func (c *Cloud) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/_front/") {
		c.control(w, r)
		return
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		panic(http.ErrAbortHandler) // The client is gone.
	}
	q := identify(r, body, c.options.Region)
	if q.key == AdminKey || strings.HasPrefix(r.URL.Path, "/moto-api/") {
		write(w, c.answer(r.Context(), q, Fault{}))
		return
	}
	answered := c.note(Call{Action: q.action, Region: q.region, Resource: q.resource(), Needs: q.needs()})
	met, latency := c.due(q.action)
	wait(r.Context(), latency)
	if met.Kind == Cut {
		answered(0)
		met.end()
	}
	// A call is done whole, also if nobody waits for its answer any more.
	answer := c.held(context.WithoutCancel(r.Context()), q, met)
	if met.Kind == CutAfter {
		answered(0)
		met.end()
	}
	answered(answer.status)
	write(w, answer)
}

// wait lets time pass, or the client go.
func wait(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// regionName is the form of a region's name; a name of that form with an unknown direction has no endpoint.
var regionName = regexp.MustCompile(`^(us|us-gov|af|ap|ca|cn|eu|il|me|mx|sa)-(central|east|west|north|south|northeast|northwest|southeast|southwest)-[1-9]$`)

// held answers a call that may first have to be refused.
func (c *Cloud) held(ctx context.Context, q *request, met Fault) reply {
	switch met.Kind {
	case "", Late, CutAfter:
	default:
		return c.failOf(q, met)
	}
	if q.key == "" && !strings.HasPrefix(q.action, "sts:AssumeRoleWith") {
		return q.fail(http.StatusForbidden, "MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	if !regionName.MatchString(q.region) {
		return c.failOf(q, Fault{Kind: WrongRegion})
	}
	// Who one is may be asked without any permission (AWS STS API reference, GetCallerIdentity).
	if q.action == "sts:GetCallerIdentity" {
		return c.answer(ctx, q, met)
	}
	if action := c.refused(append([]string{q.action}, q.needs()...)...); action != "" {
		return c.refusal(q, action)
	}
	return c.answer(ctx, q, met)
}

// refusal is what is said to a caller who may not do an action that the call needs.
func (c *Cloud) refusal(q *request, action string) reply {
	if q.action == "eks:CreateFargateProfile" && action == "iam:GetRole" {
		// aws-controllers-k8s/community issue 1821.
		return q.fail(http.StatusBadRequest, "InvalidRequestException",
			"Failed to validate if SLR: "+fargateRole+" already exists due to missing permissions for 'iam:GetRole'")
	}
	resource := q.resource()
	switch {
	case action == "iam:PassRole":
		resource = text(q.params(), "podExecutionRoleArn") + text(q.params(), "roleArn")
	case strings.HasPrefix(action, "ec2:"):
		resource = "*"
	}
	return c.failOf(q, Fault{Kind: AccessDenied, Message: c.denial(action, resource)})
}

// answer lets the model of the service answer, or moto.
func (c *Cloud) answer(ctx context.Context, q *request, met Fault) reply {
	service, _, _ := strings.Cut(q.action, ":")
	switch service {
	case "ecr":
		return c.answerECR(ctx, q)
	case "eks":
		return c.answerEKS(ctx, q, met)
	case "iam":
		return c.answerIAM(ctx, q)
	case "cloudformation":
		if q.action == "cloudformation:UpdateTerminationProtection" {
			return c.protect(ctx, q)
		}
	case "sts":
		answer := c.forward(ctx, q)
		answer.body = bytes.ReplaceAll(answer.body, []byte("arn:aws:sts::"+Account+":user/moto"), []byte(c.options.Caller))
		return answer
	}
	return c.forward(ctx, q)
}

// forward lets moto answer a call.
func (c *Cloud) forward(ctx context.Context, q *request) reply {
	r, err := http.NewRequestWithContext(ctx, q.method, c.moto+q.url.RequestURI(), bytes.NewReader(q.body))
	if err != nil {
		return q.fail(http.StatusInternalServerError, "InternalFailure", err.Error())
	}
	r.Header = q.header.Clone()
	r.Header.Del("Accept-Encoding")
	answer, err := c.client.Do(r)
	if err != nil {
		return q.fail(http.StatusInternalServerError, "InternalFailure", fmt.Sprintf("moto does not answer: %v", err))
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return q.fail(http.StatusInternalServerError, "InternalFailure", fmt.Sprintf("moto's answer ended: %v", err))
	}
	header := answer.Header.Clone()
	for _, name := range []string{"Content-Length", "Connection", "Server", "Date"} {
		header.Del(name)
	}
	return reply{answer.StatusCode, header, body}
}

func write(w http.ResponseWriter, o reply) {
	for name, values := range o.header {
		w.Header()[name] = values
	}
	if w.Header().Get("X-Amzn-Requestid") == "" {
		w.Header().Set("X-Amzn-Requestid", requestID())
	}
	w.WriteHeader(o.status)
	_, _ = w.Write(o.body)
}

// requestID is one in the form of AWS's.
func requestID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// signed are the headers of a call of the front's own; nobody checks the signature.
func signed(service, region string) http.Header {
	return http.Header{"Authorization": {fmt.Sprintf(
		"AWS4-HMAC-SHA256 Credential=%s/20200101/%s/%s/aws4_request, SignedHeaders=host, Signature=0", AdminKey, region, service)}}
}

// ask calls moto by the query protocol.
func (c *Cloud) ask(ctx context.Context, service, region, action string, pairs ...string) (reply, error) {
	form := url.Values{"Action": {action}, "Version": {map[string]string{"ec2": "2016-11-15", "iam": "2010-05-08"}[service]}}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	q := &request{action: service + ":" + action, protocol: query, region: region, method: http.MethodPost,
		url: &url.URL{Path: "/"}, header: signed(service, region), body: []byte(form.Encode())}
	q.header.Set("Content-Type", "application/x-www-form-urlencoded")
	answer := c.forward(ctx, q)
	if !answer.ok() {
		return answer, fmt.Errorf("%s: %d: %s", q.action, answer.status, answer.body)
	}
	return answer, nil
}

// askECR calls moto's ECR.
func (c *Cloud) askECR(ctx context.Context, region, operation string, in object) (object, error) {
	q := &request{action: "ecr:" + operation, region: region, method: http.MethodPost, url: &url.URL{Path: "/"},
		header: signed("ecr", region), body: jsonReply(0, in).body}
	q.header.Set("X-Amz-Target", "AmazonEC2ContainerRegistry_V20150921."+operation)
	q.header.Set("Content-Type", "application/x-amz-json-1.1")
	answer := c.forward(ctx, q)
	if !answer.ok() {
		return answer.object(), errors.New(q.action + ": " + string(answer.body))
	}
	return answer.object(), nil
}

// protect answers what moto's CloudFormation does not do; the protection itself is not kept.
func (c *Cloud) protect(ctx context.Context, q *request) reply {
	described := *q
	described.body = []byte(url.Values{"Action": {"DescribeStacks"}, "Version": {"2010-05-15"}, "StackName": {q.form().Get("StackName")}}.Encode())
	if answer := c.forward(ctx, &described); !answer.ok() {
		return answer
	}
	return reply{http.StatusOK, http.Header{"Content-Type": {"text/xml"}}, []byte("<UpdateTerminationProtectionResponse " +
		`xmlns="http://cloudformation.amazonaws.com/doc/2010-05-15/"><UpdateTerminationProtectionResult><StackId>` + q.form().Get("StackName") +
		"</StackId></UpdateTerminationProtectionResult></UpdateTerminationProtectionResponse>")}
}
