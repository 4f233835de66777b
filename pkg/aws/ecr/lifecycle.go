package ecr

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
)

// ourRule is how the descriptions of our lifecycle rules begin, by which they are known again.
const ourRule = "kubectl-falcon: "

// rule is one of a lifecycle policy (ECR user guide, "Lifecycle policy properties").
type rule struct {
	Priority    int       `json:"rulePriority"`
	Description string    `json:"description"`
	Selection   selection `json:"selection"`
	Action      struct {
		Type string `json:"type"`
	} `json:"action"`
}

// Prefixes and Patterns are of tags, in rules that are not ours.
type selection struct {
	Tags     string   `json:"tagStatus"`
	Prefixes []string `json:"tagPrefixList,omitempty"`
	Patterns []string `json:"tagPatternList,omitempty"`
	Count    string   `json:"countType"`
	Unit     string   `json:"countUnit,omitempty"`
	Number   int      `json:"countNumber"`
}

// lifecycle is the policy that keeps the newest images and lets untagged ones go after some days; 0 is no
// such rule, and nothing is no policy. The rule for all images must come last.
func lifecycle(keep, untagged int) string {
	var rules []rule
	add := func(description string, s selection) {
		r := rule{Priority: len(rules) + 1, Description: ourRule + description, Selection: s}
		r.Action.Type = "expire"
		rules = append(rules, r)
	}
	if untagged > 0 {
		add(fmt.Sprintf("untagged images go after %d days", untagged), selection{Tags: "untagged", Count: "sinceImagePushed", Unit: "days", Number: untagged})
	}
	if keep > 0 {
		add(fmt.Sprintf("the newest %d images stay", keep), selection{Tags: "any", Count: "imageCountMoreThan", Number: keep})
	}
	if len(rules) == 0 {
		return ""
	}
	// It has nothing in it that cannot be written.
	text, _ := json.Marshal(map[string]any{"rules": rules})
	return string(text)
}

// lifecycleOf is the lifecycle policy of a repository, or nothing.
func (c *Client) lifecycleOf(ctx context.Context, name string) (string, error) {
	answer := lifecyclePolicy{}
	err := c.api.Call(ctx, "GetLifecyclePolicy", named{name}, &answer)
	if aws.Code(err) == codeNoLifecycle {
		return "", nil
	}
	if err != nil {
		return "", c.session.Explain(ctx, "read the lifecycle policy of "+name, err)
	}
	return answer.Text, nil
}

// sameJSON says whether two texts are the same but for how they are written.
func sameJSON(a, b string) bool {
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}

// foreignRules says whether a lifecycle policy has rules that are not ours.
func foreignRules(policy string) bool {
	var p struct {
		Rules []rule `json:"rules"`
	}
	if policy == "" {
		return false
	}
	if json.Unmarshal([]byte(policy), &p) != nil {
		return true
	}
	for n := range p.Rules {
		if !strings.HasPrefix(p.Rules[n].Description, ourRule) {
			return true
		}
	}
	return false
}
