package fargate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"
	"github.com/aws/smithy-go"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// patience is how many answers in a row may be no answers while something is awaited.
const patience = 10

// wait asks until ask is done, fails or the operation's time is over. Answers that come and go, such as that
// there were too many questions, do not end it. what says what is awaited.
func (r *run) wait(ctx context.Context, key, what string, ask func(context.Context) (bool, error)) error {
	left := r.deadline.Sub(r.Clock.Now())
	if left <= 0 {
		return r.late(what)
	}
	failed := 0
	err := poll.Until(ctx, r.Clock, left, func(ctx context.Context) (bool, error) {
		done, err := ask(ctx)
		switch {
		case err == nil:
			if failed > 0 {
				r.trouble(key, "")
			}
			failed = 0
		case passing(err) && failed < patience:
			failed++
			r.trouble(key, err.Error())
			return false, nil
		}
		return done, err
	})
	if errors.Is(err, poll.ErrTimeout) {
		return r.late(what)
	}
	return err
}

func (r *run) late(what string) error {
	return problem.New(problem.TimedOut, "run the same command again: it goes on from there; --timeout gives it longer", "the time is over, and %s", what)
}

// passing says whether an error is one that may be gone at the next question.
func passing(err error) bool {
	if refused, ok := errors.AsType[*aws.Refused](err); ok {
		return aws.Throttled(err) || refused.Status >= 500
	}
	_, answered := errors.AsType[smithy.APIError](err)
	p, told := errors.AsType[*problem.Error](err)
	return !answered && told && p.Kind() == problem.NoAccess
}

// turn waits until nothing stands against a change of the profiles: EKS makes one change of a cluster's
// profiles at a time, and none while the cluster itself is being changed. key is what waits.
func (r *run) turn(ctx context.Context, key string) error {
	reason := ""
	waited := false
	err := r.wait(ctx, key, "the turn of "+key+" has not come", func(ctx context.Context) (bool, error) {
		var err error
		if reason, err = r.inTheWay(ctx); err != nil || reason == "" {
			return true, err
		}
		waited = true
		r.state(key, "waits: "+reason)
		return false, nil
	})
	if p, ok := errors.AsType[*problem.Error](err); ok && p.Kind() == problem.TimedOut && reason != "" {
		return problem.New(problem.TimedOut, p.Next(), "%w: %s", err, reason)
	}
	if waited && err == nil {
		r.state(key, "")
	}
	return err
}

// inTheWay says what stands against a change of a profile now, or nothing.
func (r *run) inTheWay(ctx context.Context) (string, error) {
	if r.busy != "" {
		// The one that was seen last is asked alone, so that a wait of minutes asks little.
		p, err := r.describe(ctx, r.busy)
		if err != nil {
			return "", err
		}
		if p != nil && p.changing() {
			return changing(p), nil
		}
		r.busy = ""
	}
	c, err := r.describeCluster(ctx, r.cluster.Name)
	if err != nil {
		return "", err
	}
	switch types.ClusterStatus(c.Status) {
	case types.ClusterStatusCreating, types.ClusterStatusPending:
		return "the cluster " + c.Name + " is being created", nil
	case types.ClusterStatusUpdating:
		return "the cluster " + c.Name + " is being updated", nil
	case types.ClusterStatusDeleting, types.ClusterStatusFailed:
		return "", problem.New(problem.Failed, "", "the cluster %s is %s", c.Name, c.Status)
	}
	r.cluster = c
	all, err := r.profiles(ctx)
	if err != nil {
		return "", err
	}
	for n := range all {
		if all[n].changing() {
			r.busy = all[n].Name
			return changing(&all[n]), nil
		}
	}
	return "", nil
}

func changing(p *Profile) string {
	if p.Status == string(types.FargateProfileStatusDeleting) {
		return "the Fargate profile " + p.Name + " is being deleted"
	}
	return "the Fargate profile " + p.Name + " is being created"
}

// codeInUse is EKS's refusal of a change while another goes on, and of a name that is taken. The SDK has no
// type for it in these calls.
const codeInUse = "ResourceInUseException"

// conflicting is what the changes of a profile may meet.
type conflicting struct {
	// change is the call.
	change func(context.Context) error
	// over says after a conflict that there is nothing left to do.
	over func(context.Context) (bool, error)
	// propagating says of an error that it is one of a role that is not known everywhere yet.
	propagating func(error) bool
}

// inLine makes a change when its turn has come. A conflict all the same, with somebody else or with an update
// that the cluster's status does not show, makes it wait again.
func (r *run) inLine(ctx context.Context, key string, c conflicting) error {
	for began := r.Clock.Now(); ; {
		if err := r.turn(ctx, key); err != nil {
			return err
		}
		err := c.change(ctx)
		if err == nil {
			return nil
		}
		waited, why := r.Clock.Now().Sub(began), ""
		refused, _ := errors.AsType[*aws.Refused](err)
		switch {
		case refused != nil && refused.Code == codeInUse:
			if done, err := c.over(ctx); done || err != nil {
				return err
			}
			why = "EKS says: " + refused.Message
		case c.propagating(err) && waited < propagation:
			why = "the role is not known to EKS yet"
		default:
			return err
		}
		r.state(key, "waits: "+why)
		if r.Clock.Now().After(r.deadline) {
			return r.late("the turn of " + key + " has not come: " + why)
		}
		if err := r.Clock.Sleep(ctx, max(breath, poll.Step(waited))); err != nil {
			return err
		}
	}
}

const (
	// propagation is how long a role that was just made may be unknown to EKS: AWS says that changes in IAM
	// take "a few seconds" to be everywhere, and people have seen up to a minute.
	propagation = 90 * time.Second
	// breath is how long to wait at least before a change is tried again: AWS limits changes more than questions.
	breath = 2 * time.Second
	// unseen is how long a profile that was just made may be missing in answers.
	unseen = 10 * time.Second
)

// settled waits until a profile is what it was to become, and tells at once when it never will.
func (r *run) settled(ctx context.Context, name string, gone bool) (*Profile, error) {
	key, began := object(name), r.Clock.Now()
	var last *Profile
	what := fmt.Sprintf("the Fargate profile %s is not active yet", name)
	if gone {
		what = fmt.Sprintf("the Fargate profile %s is not gone yet", name)
	}
	err := r.wait(ctx, key, what, func(ctx context.Context) (bool, error) {
		p, err := r.describe(ctx, name)
		if err != nil {
			return false, err
		}
		if last = p; p == nil {
			if gone || r.Clock.Now().Sub(began) < unseen {
				return gone, nil
			}
			return false, problem.New(problem.Failed, "run it again", "the Fargate profile %s was deleted by somebody while it was made", name)
		}
		switch types.FargateProfileStatus(p.Status) {
		case types.FargateProfileStatusCreateFailed:
			return false, failure(p, "create", "mend that, and run it again with --replace-failed")
		case types.FargateProfileStatusDeleteFailed:
			return false, failure(p, "delete", "mend that, then: kubectl falcon aws fargate delete "+name)
		case types.FargateProfileStatusActive:
			if !gone {
				return true, nil
			}
		}
		r.state(key, p.Status+"; EKS takes one to two minutes, or more")
		return false, nil
	})
	return last, err
}

func failure(p *Profile, what, next string) error {
	return problem.New(problem.Failed, next, "EKS could not %s the Fargate profile %s: %s", what, p.Name, p.Why())
}
