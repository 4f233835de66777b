package ecr

import (
	"context"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Wanted is how a repository is to be.
type Wanted struct {
	Name string
	// MutableTags lets tags be moved, NoScan leaves images unscanned.
	MutableTags, NoScan bool
	// Key encrypts with KMS: an id, ARN or alias, or DefaultKey. Empty, it is AES256, and an existing repository's
	// encryption is not looked at.
	Key string
	// Keep is how many images stay, Untagged after how many days untagged ones go. With 0 for both the lifecycle
	// is not looked at.
	Keep, Untagged int
	// Accounts are others that may pull.
	Accounts []string
	// Update also changes a repository that somebody else made, and settings that somebody else gave it.
	Update bool
	// DryRun only says what would be called.
	DryRun bool
	// Version is that of this program, for the tags.
	Version string
}

// DefaultKey is the key that AWS keeps in each account for ECR.
const DefaultKey = "alias/aws/ecr"

// Difference is a setting that is not as wanted, and was left.
type Difference struct {
	Setting string `json:"setting"`
	Is      string `json:"is"`
	Wanted  string `json:"wanted"`
	// Why says why it was left.
	Why string `json:"why"`
}

// Ensured is what came of it.
type Ensured struct {
	// Repository is as it is now; without one it was a dry run, and there is none yet.
	Repository *Repository `json:"repository,omitempty"`
	Change     aws.Change  `json:"change"`
	// Steps are what was called that changes something, or would be.
	Steps []aws.Step `json:"steps"`
	// Left are the settings that differ and were left.
	Left   []Difference `json:"left"`
	DryRun bool         `json:"dryRun"`
}

// step is one of a plan.
type step struct {
	aws.Step
	do func(ctx context.Context) error
}

// ensuring is one run.
type ensuring struct {
	c *Client
	w Wanted
	// is is what there is; nil before it is made.
	is    *Repository
	steps []step
	left  []Difference
	// made says that this run makes it.
	made bool
}

const (
	whyForeign = "somebody else made the repository"
	whyOthers  = "somebody else set it"
	whyFixed   = "it cannot be changed after the repository is made"
)

// Ensure makes a repository as it is wanted, or brings one that we made to that. Of one that somebody else
// made it says what differs. It can be run again at any time.
func (c *Client) Ensure(ctx context.Context, w Wanted) (Ensured, error) {
	if err := w.check(); err != nil {
		return Ensured{}, err
	}
	done, err := c.ensure(ctx, w)
	if aws.Code(err) == codeExists {
		// Somebody made it since we looked.
		return c.ensure(ctx, w)
	}
	return done, err
}

func (w *Wanted) check() error {
	if err := CheckName(w.Name); err != nil {
		return err
	}
	if w.Keep < 0 || w.Untagged < 0 {
		return problem.New(problem.BadInput, "use 1 or more, or leave it out", "a number of images or days below 0 cannot be kept")
	}
	for _, id := range w.Accounts {
		if err := checkAccount(id); err != nil {
			return err
		}
	}
	return nil
}

func (c *Client) ensure(ctx context.Context, w Wanted) (Ensured, error) {
	e := &ensuring{c: c, w: w}
	if err := e.plan(ctx); err != nil {
		return Ensured{}, err
	}
	done := Ensured{Change: aws.Unchanged, Steps: []aws.Step{}, Left: append([]Difference{}, e.left...), DryRun: w.DryRun}
	switch {
	case e.made:
		done.Change = aws.Created
	case len(e.steps) > 0:
		done.Change = aws.Configured
	}
	for _, s := range e.steps {
		done.Steps = append(done.Steps, s.Step)
		if w.DryRun {
			continue
		}
		if err := s.do(ctx); err != nil {
			return Ensured{}, e.half(ctx, s.Step, err)
		}
		if s.Action == actionCreate {
			c.report(aws.Event{Object: "repository/" + w.Name, Change: aws.Created})
		} else {
			c.report(aws.Event{Object: "repository/" + w.Name, Change: aws.Configured, Why: s.Why})
		}
	}
	if len(e.steps) == 0 {
		c.report(aws.Event{Object: "repository/" + w.Name, Change: aws.Unchanged})
	}
	done.Repository = e.is
	return done, nil
}

// half is the error of a step, after which those before it stand.
func (e *ensuring) half(ctx context.Context, s aws.Step, err error) error {
	doing := s.Why + " in the repository " + e.w.Name
	if s.Action == actionCreate {
		doing = "create the repository " + e.w.Name
	}
	return e.c.session.Explain(ctx, doing, err)
}

// plan looks at what there is and says what to do.
func (e *ensuring) plan(ctx context.Context) (err error) {
	if e.is, err = e.c.find(ctx, e.w.Name, true); err != nil {
		return err
	}
	if e.is == nil {
		e.made = true
		e.add(actionCreate, e.creation(), e.create)
	} else {
		e.compareTags()
		e.compareScan()
		e.compareKey()
	}
	if err := e.planLifecycle(ctx); err != nil {
		return err
	}
	return e.planAccess(ctx)
}

func (e *ensuring) add(action, why string, do func(context.Context) error) {
	e.steps = append(e.steps, step{aws.Step{Action: action, On: e.w.Name, Why: why}, do})
}

// may says whether a setting of the repository is ours to change.
func (e *ensuring) may() bool { return e.is == nil || e.is.Owned || e.w.Update }

func (e *ensuring) leave(setting, is, wanted, why string) {
	e.left = append(e.left, Difference{setting, is, wanted, why})
}
