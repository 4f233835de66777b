package aws

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// policy is an IAM policy document as far as it is enforced: actions, not resources and conditions.
type policy struct {
	Statement statements `json:"Statement"`
}

type statement struct {
	Effect    string    `json:"Effect"`
	Action    oneOrMore `json:"Action"`
	NotAction oneOrMore `json:"NotAction"`
}

// oneOrMore is a string or a list of them, as policies have it.
type oneOrMore []string

// UnmarshalJSON takes both forms.
func (s *oneOrMore) UnmarshalJSON(data []byte) error {
	var one string
	if json.Unmarshal(data, &one) == nil {
		*s = oneOrMore{one}
		return nil
	}
	return json.Unmarshal(data, (*[]string)(s))
}

// statements is a statement or a list of them.
type statements []statement

// UnmarshalJSON takes both forms.
func (s *statements) UnmarshalJSON(data []byte) error {
	var one statement
	if json.Unmarshal(data, &one) == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(data, (*[]statement)(s))
}

// SetPolicy lets callers do only what these IAM policy documents allow. Actions are checked with their
// wildcards, resources and conditions are not. Without a document everything is allowed again.
func (c *Cloud) SetPolicy(documents ...string) error {
	var all []policy
	for _, document := range documents {
		var p policy
		if err := json.Unmarshal([]byte(document), &p); err != nil {
			return fmt.Errorf("read the policy: %w", err)
		}
		if len(p.Statement) == 0 {
			return fmt.Errorf("the policy has no statement")
		}
		all = append(all, p)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.policies = all
	return nil
}

// refused returns the first of the actions that the policies do not allow, or nothing.
func (c *Cloud) refused(actions ...string) string {
	c.mu.Lock()
	policies := c.policies
	c.mu.Unlock()
	if policies == nil {
		return ""
	}
	for _, action := range actions {
		allowed := false
		for _, p := range policies {
			for _, s := range p.Statement {
				if !s.about(action) {
					continue
				}
				if s.Effect == "Deny" {
					return action
				}
				allowed = true
			}
		}
		if !allowed {
			return action
		}
	}
	return ""
}

func (s statement) about(action string) bool {
	in := func(patterns []string) bool {
		for _, pattern := range patterns {
			// Action names in policies are not case-sensitive ("IAM JSON policy elements: Action").
			expression := strings.NewReplacer(`\*`, ".*", `\?`, ".").Replace(regexp.QuoteMeta(pattern))
			if ok, _ := regexp.MatchString("(?i)^"+expression+"$", action); ok {
				return true
			}
		}
		return false
	}
	if len(s.NotAction) > 0 {
		return !in(s.NotAction)
	}
	return in(s.Action)
}

// needs are the actions beside its own that a call must be allowed: tags on creation are a permission of their
// own ("Grant permission to tag resources during creation", user guides of ECR, EKS and IAM), and a role that is
// handed on must be allowed to be (iam:PassRole).
func (q *request) needs() []string {
	tagged := func(action string) []string {
		if len(child(q.params(), "tags")) > 0 || len(list(q.params(), "tags")) > 0 {
			return []string{action}
		}
		return nil
	}
	switch q.action {
	case "ecr:CreateRepository":
		return tagged("ecr:TagResource")
	case "eks:CreateFargateProfile":
		// With the caller's rights EKS looks at its service-linked role and at the subnets
		// (aws-controllers-k8s/community issue 1821, aws/aws-cdk issue 7614).
		return append([]string{"iam:PassRole", "iam:GetRole", "ec2:DescribeSubnets"}, tagged("eks:TagResource")...)
	case "eks:CreateCluster":
		return append([]string{"iam:PassRole"}, tagged("eks:TagResource")...)
	case "eks:CreateAddon", "eks:CreateAccessEntry":
		return tagged("eks:TagResource")
	case "eks:CreatePodIdentityAssociation":
		return append([]string{"iam:PassRole"}, tagged("eks:TagResource")...)
	case "eks:UpdatePodIdentityAssociation":
		return []string{"iam:PassRole"}
	case "iam:CreateRole":
		return q.taggedForm("iam:TagRole")
	case "iam:CreatePolicy":
		return q.taggedForm("iam:TagPolicy")
	case "iam:CreateOpenIDConnectProvider":
		return q.taggedForm("iam:TagOpenIDConnectProvider")
	}
	return nil
}

func (q *request) taggedForm(action string) []string {
	if q.form().Get("Tags.member.1.Key") != "" {
		return []string{action}
	}
	return nil
}
