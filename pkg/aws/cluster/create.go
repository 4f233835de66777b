package cluster

import (
	"context"
	"fmt"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
)

// Creation is how a cluster is made.
type Creation struct {
	Options
	// DryRun changes nothing and says what would be called.
	DryRun bool
	// Timeout is how long each part may take.
	Timeout time.Duration
}

// Made is what Create led to.
type Made struct {
	Cluster string `json:"cluster"`
	Region  string `json:"region"`
	ARN     string `json:"arn,omitempty"`
	Version string `json:"version,omitempty"`
	// Change says what was done: created, configured or unchanged.
	Change aws.Change `json:"change"`
	// Owned says that kubectl falcon made it.
	Owned bool `json:"owned"`
	// Plan are the calls of a dry run.
	Plan []aws.Step `json:"plan,omitempty"`
}

// part is one call of eksctl.
type part struct {
	args []string
	// config goes to its standard input.
	config []byte
	doing  string
	on     string
	why    string
}

// Create makes a cluster, or goes on with one that an earlier run of ours began. One of others is left as it is.
func (a *Account) Create(ctx context.Context, c Creation) (*Made, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	there, err := a.Describe(ctx, c.Name)
	if err != nil {
		return nil, err
	}
	made := &Made{Cluster: c.Name, Region: a.Region, Change: aws.Created, Owned: true}
	var parts []part
	switch {
	case there == nil:
		parts, err = a.whole(&c)
	case !aws.Owned(there.Tags):
		made.is(there)
		made.Change = aws.Unchanged
		a.report(aws.Event{Remark: fmt.Sprintf("there is a cluster %s already, which kubectl falcon did not make: it is left as it is", c.Name)})
		return made, nil
	default:
		if parts, err = a.rest(ctx, &c, there); err == nil {
			made.is(there)
			made.Change = aws.Configured
		}
	}
	if err != nil {
		return nil, err
	}
	if len(parts) == 0 {
		made.Change = aws.Unchanged
		return made, nil
	}
	if c.DryRun {
		for _, p := range parts {
			made.Plan = append(made.Plan, aws.Step{Action: a.Eksctl.command(p.args), On: p.on, Why: p.why})
		}
		return made, nil
	}
	if err := a.runAll(ctx, &c, parts); err != nil {
		return nil, err
	}
	if there, err = a.Existing(ctx, c.Name); err != nil {
		return nil, err
	}
	made.is(there)
	return made, nil
}

func (m *Made) is(c *types.Cluster) {
	m.ARN, m.Version, m.Owned = sdk.ToString(c.Arn), sdk.ToString(c.Version), aws.Owned(c.Tags)
}

// whole is the creation of all.
func (a *Account) whole(c *Creation) ([]part, error) {
	config, err := Config(c.Options)
	if err != nil {
		return nil, err
	}
	return []part{{args: a.args(c, "create", "cluster", "-f", "-", "--write-kubeconfig=false"), config: config,
		doing: "create the cluster " + c.Name, on: object(c.Name), why: "with Fargate profiles " + sentence(c.profileNames())}}, nil
}

// args are those of a call of eksctl that makes something.
func (a *Account) args(c *Creation, words ...string) []string {
	words = append(words, a.Eksctl.profileFlag()...)
	if c.Timeout > 0 {
		words = append(words, "--timeout", c.Timeout.String())
	}
	return words
}

func (a *Account) runAll(ctx context.Context, c *Creation, parts []part) error {
	key := object(c.Name)
	for _, p := range parts {
		said, err := a.Eksctl.run(ctx, p.args, p.config, a.shower(key))
		if ctx.Err() != nil {
			a.report(aws.Event{Object: key})
			a.report(aws.Event{Remark: a.leftOver(c.Name)})
			return ctx.Err()
		}
		if err != nil {
			return a.Eksctl.failure(p.doing, c.Name, "cluster create", said, err, a.afterFailure(c.Name, said))
		}
	}
	a.report(aws.Event{Object: key})
	return nil
}

// shower shows lines of eksctl.
func (a *Account) shower(key string) func(string, bool) {
	return func(text string, warning bool) {
		if warning {
			a.report(aws.Event{Remark: "eksctl warns: " + text})
			return
		}
		a.report(aws.Event{Object: key, State: text})
	}
}

// leftOver says what goes on after a creation was stopped.
func (a *Account) leftOver(name string) string {
	return fmt.Sprintf("AWS goes on with what was begun, CloudFormation's stack %s in %s, and it costs money; to remove it:\n"+
		"  next: kubectl falcon aws cluster delete %s --region %s", stack(name), a.Region, name, a.Region)
}

// afterFailure is what to do after eksctl failed, if nothing better is known.
func (a *Account) afterFailure(name string, said *transcript) string {
	remove := fmt.Sprintf("kubectl falcon aws cluster delete %s --region %s", name, a.Region)
	if said.says("AlreadyExistsException") {
		return "an earlier run left CloudFormation's stack " + stack(name) +
			": if it is still at work, run this again in some minutes; if it failed, remove it: " + remove
	}
	return "what was made is still there; mend that and remove it: " + remove
}
