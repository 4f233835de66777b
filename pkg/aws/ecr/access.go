package ecr

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// pullActions are what another account's nodes and Fargate need to pull (ECR user guide, "Private repository
// policy examples").
var pullActions = []string{"ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"}

// ourStatement names the statement that lets an account pull, by which it is known again.
func ourStatement(account string) string { return "KubectlFalconPull" + account }

// repositoryPolicy is one as far as it must be known: statements of others stay as they are.
type repositoryPolicy struct {
	Version   string            `json:"Version,omitempty"`
	ID        string            `json:"Id,omitempty"`
	Statement []json.RawMessage `json:"Statement"`
}

// parsePolicy reads a policy, whose statements may be one without a list.
func parsePolicy(text string) (repositoryPolicy, error) {
	p := repositoryPolicy{Version: "2012-10-17"}
	if text == "" {
		return p, nil
	}
	var form struct {
		Version   string          `json:"Version"`
		ID        string          `json:"Id"`
		Statement json.RawMessage `json:"Statement"`
	}
	if err := json.Unmarshal([]byte(text), &form); err != nil {
		return p, err
	}
	p.Version, p.ID = form.Version, form.ID
	if strings.HasPrefix(strings.TrimSpace(string(form.Statement)), "[") {
		return p, json.Unmarshal(form.Statement, &p.Statement)
	}
	if len(form.Statement) > 0 {
		p.Statement = []json.RawMessage{form.Statement}
	}
	return p, nil
}

// lets says whether the policy has our statement for an account.
func (p *repositoryPolicy) lets(account string) bool {
	for _, raw := range p.Statement {
		var s struct {
			Sid string `json:"Sid"`
		}
		if json.Unmarshal(raw, &s) == nil && s.Sid == ourStatement(account) {
			return true
		}
	}
	return false
}

// let adds our statement for an account.
func (p *repositoryPolicy) let(account, partition string) {
	// It has nothing in it that cannot be written.
	raw, _ := json.Marshal(map[string]any{"Sid": ourStatement(account), "Effect": "Allow",
		"Principal": map[string]string{"AWS": fmt.Sprintf("arn:%s:iam::%s:root", partition, account)}, "Action": pullActions})
	p.Statement = append(p.Statement, raw)
}

func (p *repositoryPolicy) text() string {
	// What was read can be written.
	raw, _ := json.Marshal(p)
	return string(raw)
}

// policyOf is the policy of a repository, empty if it has none.
func (c *Client) policyOf(ctx context.Context, name string) (repositoryPolicy, error) {
	doing := "read the policy of the repository " + name
	answer := policyText{}
	err := c.api.Call(ctx, "GetRepositoryPolicy", named{name}, &answer)
	if aws.Code(err) == codeNoPolicy {
		return parsePolicy("")
	}
	if err != nil {
		return repositoryPolicy{}, c.session.Explain(ctx, doing, err)
	}
	p, err := parsePolicy(answer.Text)
	if err != nil {
		return p, problem.New(problem.Failed, "look at it in AWS's console", "%s: it cannot be understood: %w", doing, err)
	}
	return p, nil
}

// partitionOf is the partition in an ARN.
func partitionOf(arn string) string {
	if part := strings.Split(arn, ":"); len(part) > 1 && part[0] == "arn" {
		return part[1]
	}
	return "aws"
}
