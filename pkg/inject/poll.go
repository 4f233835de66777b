package inject

import (
	"context"
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// The times of waits; variables, so that tests need not have the patience.
var (
	// pollEvery is how often the cluster is asked while something is awaited: three small requests.
	pollEvery = 300 * time.Millisecond
	// stillEvery is how often a wait says that it goes on.
	stillEvery = 10 * time.Second
	// outageWithin is how long a server may be out of reach before a wait ends of it.
	outageWithin = 30 * time.Second
	// learnWithin is how long the API servers may take to act on a changed webhook; each watches them.
	learnWithin = 30 * time.Second
	// settleWithin is how long they are given where no answer can show that they have.
	settleWithin = 5 * time.Second
	// goneWithin is how much longer than its grace period a pod may be seen to end.
	goneWithin = 10 * time.Second
)

// poll looks again and again until it is done, for at most so long; see expired. A server that cannot be
// reached or has a fault of its own says nothing, and ends the wait only when that lasts.
func poll(ctx context.Context, every, within time.Duration, look wait.ConditionWithContextFunc) error {
	var since time.Time
	return wait.PollUntilContextTimeout(ctx, every, within, true, func(ctx context.Context) (bool, error) {
		done, err := look(ctx)
		switch {
		case !kube.Passing(err):
			since = time.Time{}
			return done, err
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > outageWithin:
			return false, err
		}
		return false, nil
	})
}

// expired says whether a poll had its time, as against its caller.
func expired(ctx context.Context, err error) bool {
	return errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}

// pause waits, unless the context ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
