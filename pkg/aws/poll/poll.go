// Package poll waits for what AWS does on its own: it asks in steps that grow with the time that has gone by,
// so that an end is seen within a tenth of how long it took, whether that was seconds or minutes.
//
// It knows no service. What is asked, and what is said meanwhile, is the caller's.
package poll

import (
	"context"
	"errors"
	"time"
)

const (
	// first are the steps at the beginning, when nothing is expected to be over yet.
	first = time.Second
	// opening is how long those are taken.
	opening = 2 * time.Second
	// least is the shortest step afterwards. At the 4 s that the fastest operations take it is under a tenth.
	least = 300 * time.Millisecond
	// share is the part of the time gone by that a step takes: EKS's own waiters ask every 10 to 30 s, and
	// eksctl in steps that double, which notices a profile at 1.46 times its time on average.
	share = 0.05
	// most is the longest step, so that people see that something is still done.
	most = 30 * time.Second
)

// ErrTimeout is a wait that had its time.
var ErrTimeout = errors.New("the time for waiting is over")

// Clock is the time, so that tests need not wait.
type Clock interface {
	Now() time.Time
	// Sleep returns the context's error if it ends before.
	Sleep(ctx context.Context, d time.Duration) error
}

// System is the clock of the machine.
type System struct{}

// Now is the present.
func (System) Now() time.Time { return time.Now() }

// Sleep waits.
func (System) Sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Step is how long to wait before the next question when the wait has lasted for elapsed.
func Step(elapsed time.Duration) time.Duration {
	if elapsed < opening {
		return first
	}
	return min(max(least, time.Duration(share*float64(elapsed))), most)
}

// Until calls ask until it says that it is done or fails, or timeout is over, which is ErrTimeout; with a
// timeout of 0 there is none. The first call is at once.
func Until(ctx context.Context, clock Clock, timeout time.Duration, ask func(context.Context) (bool, error)) error {
	began := clock.Now()
	for {
		done, err := ask(ctx)
		if done || err != nil {
			return err
		}
		elapsed := clock.Now().Sub(began)
		step := Step(elapsed)
		if timeout > 0 {
			if elapsed >= timeout {
				return ErrTimeout
			}
			// The last question is at the end, not before it.
			step = min(step, timeout-elapsed)
		}
		if err := clock.Sleep(ctx, step); err != nil {
			return err
		}
	}
}
