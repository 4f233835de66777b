package aws

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// fargateRole is the service-linked role of EKS Fargate; moto calls it otherwise ("Using roles for Amazon EKS
// Fargate", EKS user guide).
const fargateRole = "AWSServiceRoleForAmazonEKSForFargate"

const fargateService = "eks-fargate.amazonaws.com"

func (c *Cloud) answerIAM(ctx context.Context, q *request) reply {
	form := q.form()
	if q.action == "iam:CreateServiceLinkedRole" && form.Get("AWSServiceName") == fargateService {
		answer, err := c.makeFargateRole(ctx, q.region)
		if err != nil {
			return q.fail(http.StatusBadRequest, "InvalidInput",
				"Service role name "+fargateRole+" has been taken in this account, please try a different suffix.")
		}
		return answer
	}
	answer := c.forward(ctx, q)
	if q.action == "iam:CreateRole" && answer.ok() {
		c.mu.Lock()
		c.roles[form.Get("RoleName")] = c.options.Now()
		c.mu.Unlock()
	}
	return answer
}

// makeFargateRole makes the service-linked role as an ordinary one with its name and path.
func (c *Cloud) makeFargateRole(ctx context.Context, region string) (reply, error) {
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + fargateService + `"},"Action":"sts:AssumeRole"}]}`
	answer, err := c.ask(ctx, "iam", region, "CreateRole", "RoleName", fargateRole, "Path", "/aws-service-role/"+fargateService+"/",
		"AssumeRolePolicyDocument", trust)
	answer.body = []byte(strings.ReplaceAll(string(answer.body), "CreateRoleRe", "CreateServiceLinkedRoleRe"))
	return answer, err
}

// fargateRole lets EKS make its service-linked role with the rights of the caller, as it does with the first
// profile of an account.
func (c *Cloud) fargateRole(ctx context.Context, q *request) *reply {
	if _, err := c.ask(ctx, "iam", q.region, "GetRole", "RoleName", fargateRole); err == nil {
		return nil
	}
	if q.key != AdminKey && c.refused("iam:CreateServiceLinkedRole") != "" {
		refused := c.failOf(q, Fault{Kind: AccessDenied, Message: c.denial("iam:CreateServiceLinkedRole",
			"arn:aws:iam::"+Account+":role/aws-service-role/"+fargateService+"/"+fargateRole)})
		return &refused
	}
	_, _ = c.makeFargateRole(ctx, q.region)
	return nil
}

// trust is what is read of a role's trust policy.
type trust struct {
	Statement []struct {
		Effect    string `json:"Effect"`
		Principal struct {
			Service oneOrMore `json:"Service"`
		} `json:"Principal"`
	} `json:"Statement"`
}

// assumable says whether a role is there and may be assumed by a service. A role that was made a moment ago is
// not seen yet by other services ("Troubleshoot IAM: changes that I make are not always immediately visible").
func (c *Cloud) assumable(ctx context.Context, arn, service string) (there, trusts bool) {
	name := arn[strings.LastIndex(arn, "/")+1:]
	answer, err := c.ask(ctx, "iam", c.options.Region, "GetRole", "RoleName", name)
	if err != nil || !strings.HasPrefix(arn, "arn:aws:iam::"+Account+":role/") {
		return false, false
	}
	c.mu.Lock()
	made, known := c.roles[name]
	late := known && c.options.Now().Before(made.Add(c.times.RoleSeen))
	c.mu.Unlock()
	if late {
		return true, false
	}
	var out struct {
		Policy string `xml:"GetRoleResult>Role>AssumeRolePolicyDocument"`
	}
	if err := xml.Unmarshal(answer.body, &out); err != nil {
		return true, false
	}
	document, err := url.QueryUnescape(out.Policy)
	if err != nil {
		document = out.Policy
	}
	var t trust
	if json.Unmarshal([]byte(document), &t) != nil {
		return true, false
	}
	for _, s := range t.Statement {
		if s.Effect == "Allow" && slices.Contains(s.Principal.Service, service) {
			return true, true
		}
	}
	return true, false
}
