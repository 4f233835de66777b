package aws

import (
	"net"
	"net/http"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// said is an answer as the service makes it of a code and a message.
type said struct {
	status        int
	code, message string
}

// ask lets every kind of client get that answer and returns their errors.
func ask(t *testing.T, a said) map[string]error {
	t.Helper()
	const doing = "try it"
	errs := map[string]error{}
	jsonBody := `{"__type":"` + a.code + `","message":"` + a.message + `"}`
	s := answering(t, a.status, http.Header{"X-Amzn-Errortype": {a.code}, "X-Amzn-Requestid": {"req-1"}}, jsonBody)
	_, err := s.EKS().CreateFargateProfile(t.Context(), &eks.CreateFargateProfileInput{ClusterName: sdk.String("c"),
		FargateProfileName: sdk.String("p"), PodExecutionRoleArn: sdk.String("r")})
	errs["eks"] = s.Explain(t.Context(), doing, err)
	s = answering(t, a.status, nil, `<ErrorResponse><Error><Code>`+a.code+`</Code><Message>`+a.message+`</Message></Error><RequestId>req-1</RequestId></ErrorResponse>`)
	_, err = s.Identity(t.Context())
	errs["sts"] = err
	s = answering(t, a.status, nil, `<Response><Errors><Error><Code>`+a.code+`</Code><Message>`+a.message+`</Message></Error></Errors><RequestID>req-1</RequestID></Response>`)
	_, err = s.EC2().DescribeSubnets(t.Context(), nil)
	errs["ec2"] = s.Explain(t.Context(), doing, err)
	return errs
}

func TestAnswersAreExplained(t *testing.T) {
	for name, test := range map[string]struct {
		answer     said
		kind       problem.Kind
		says, next string
	}{
		"denied, with the action": {said{400, "AccessDeniedException", "User: arn:aws:iam::1:user/eve is not authorized to perform: iam:PassRole on resource: r because no identity-based policy allows the iam:PassRole action"},
			problem.NoAccess, "the right iam:PassRole is missing: AccessDeniedException: User: arn", "kubectl falcon aws iam-policy ecr ensure"},
		"denied, without a word": {said{403, "UnauthorizedOperation", "You are not authorized to perform this operation."}, problem.NoAccess, ":", "iam-policy ecr ensure"},
		"denied by all means":    {said{403, "AccessDenied", "User: u is not authorized to perform: x:Y with an explicit deny in a service control policy"}, problem.NoAccess, "the right x:Y is missing", "whatever others allow"},
		"expired":                {said{403, "ExpiredToken", "The security token included in the request is expired"}, problem.NoAccess, "AWS says ExpiredToken: The sec", "aws sso login"},
		"unknown key":            {said{403, "InvalidClientTokenId", "The security token included in the request is invalid."}, problem.NoAccess, "is invalid (request req-1)", "has the region eu-west-1 enabled"},
		"wrong signature": {said{403, "SignatureDoesNotMatch", "The request signature we calculated does not match.\\n\\nThe Canonical String for this request should have been x-amz-security-token:SECRET"},
			problem.NoAccess, "we calculated does not match", "the clock"},
		"too many":   {said{400, "ThrottlingException", "Rate exceeded"}, problem.Failed, "Rate exceeded", "wait a minute"},
		"quota":      {said{400, "LimitExceededException", "The maximum number of repositories is 10000"}, problem.Failed, "maximum number", "higher quota"},
		"their own":  {said{500, "ServerException", "An internal error has occurred."}, problem.Failed, "internal error", "try again later"},
		"in use":     {said{409, "ResourceInUseException", "Cannot create Fargate Profile p because cluster c currently has Fargate profile q in status CREATING"}, problem.Failed, "AWS says ResourceInUseException: Cannot create", ""},
		"an escape":  {said{400, "InvalidParameterException", "a\\u001b[2Jb"}, problem.Failed, "a [2Jb", ""},
		"a long one": {said{400, "InvalidParameterException", strings.Repeat("x", 5000)}, problem.Failed, "xxx...", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for service, err := range ask(t, test.answer) {
				if service != "eks" && strings.Contains(test.answer.message, "\\") {
					continue
				}
				wantProblem(t, err, test.kind, test.says, test.next)
				if err == nil || Code(err) != test.answer.code || strings.Contains(err.Error(), "SECRET") || len(err.Error()) > 1000 {
					t.Errorf("%s: code %s: %v", service, Code(err), err)
				}
				if denied := strings.HasPrefix(name, "denied"); Denied(err) != denied {
					t.Errorf("%s: denied is %v", service, !denied)
				}
				if Throttled(err) != (name == "too many" || name == "quota") {
					t.Errorf("%s: throttled is %v", service, Throttled(err))
				}
			}
		})
	}
}

func TestNoAnswerIsExplained(t *testing.T) {
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := closed.Addr().String()
	_ = closed.Close()
	s := at(t, "http://"+address)
	_, err = s.Identity(t.Context())
	wantProblem(t, err, problem.NoAccess, "AWS cannot be reached: ", "HTTPS_PROXY")
	_, err = s.EC2().DescribeSubnets(t.Context(), nil)
	wantProblem(t, s.Explain(t.Context(), "look", err), problem.NoAccess, "look: AWS cannot be reached: ", "HTTPS_PROXY")

	s = answering(t, http.StatusNotFound, nil, "<html>not here</html>")
	_, err = s.EC2().DescribeSubnets(t.Context(), nil)
	wantProblem(t, s.Explain(t.Context(), "look", err), problem.NoAccess, "is not one of AWS", "AWS_ENDPOINT_URL")

	// A region that does not exist has no hosts.
	missing := &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "sts.eu-moon-1.amazonaws.com", IsNotFound: true}}
	s.Region = "eu-moon-1"
	wantProblem(t, s.Explain(t.Context(), "look", missing), problem.NoAccess, "is there no region eu-moon-1", "--region")
}
