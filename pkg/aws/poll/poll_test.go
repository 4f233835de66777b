package poll_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aws/poll"
)

// simulated is a clock on which time passes only by sleeping and by the requests.
type simulated struct{ now time.Time }

func (s *simulated) Now() time.Time { return s.now }

func (s *simulated) Sleep(ctx context.Context, d time.Duration) error {
	s.now = s.now.Add(d)
	return ctx.Err()
}

// latency is what a question to AWS takes, roughly.
const latency = 40 * time.Millisecond

// noticed is when the end of something that takes real is seen, and how many questions that took.
func noticed(t *testing.T, real time.Duration) (time.Duration, int) {
	t.Helper()
	clock := &simulated{now: time.Unix(0, 0)}
	began, asked := clock.now, 0
	err := poll.Until(t.Context(), clock, 0, func(context.Context) (bool, error) {
		// The answer is about the moment at which the question arrives.
		over := clock.now.Sub(began) >= real
		clock.now = clock.now.Add(latency)
		asked++
		return over, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return clock.now.Sub(began), asked
}

func TestAnEndIsNoticedWithinATenthOfItsTime(t *testing.T) {
	var sum float64
	worst, n, calls := 0.0, 0, 0
	for real := 4 * time.Second; real <= 300*time.Second; real += 37 * time.Millisecond {
		seen, asked := noticed(t, real)
		ratio := float64(seen) / float64(real)
		if ratio > 1.1 {
			t.Fatalf("what takes %s is noticed after %s, %.3f times", real, seen, ratio)
		}
		sum, n, calls = sum+ratio, n+1, max(calls, asked)
		worst = max(worst, ratio)
	}
	t.Logf("worst %.3f, mean %.3f, at most %d questions", worst, sum/float64(n), calls)
	if calls > 120 {
		t.Errorf("up to %d questions are asked in 300 s", calls)
	}
}

func TestAFirstAnswerNeedsNoWait(t *testing.T) {
	if seen, asked := noticed(t, 0); asked != 1 || seen != latency {
		t.Errorf("%d questions in %s", asked, seen)
	}
}

func TestAWaitEnds(t *testing.T) {
	clock := &simulated{}
	asked := 0
	err := poll.Until(t.Context(), clock, 30*time.Second, func(context.Context) (bool, error) { asked++; return false, nil })
	if !errors.Is(err, poll.ErrTimeout) {
		t.Errorf("it ended with %v", err)
	}
	if waited := clock.now.Sub(time.Time{}); waited != 30*time.Second {
		t.Errorf("it waited %s", waited)
	}
	cause := errors.New("no")
	if err := poll.Until(t.Context(), clock, 0, func(context.Context) (bool, error) { return false, cause }); err != cause {
		t.Errorf("a failure became %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	err = poll.Until(ctx, poll.System{}, 0, func(context.Context) (bool, error) { stop(); return false, nil })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("a stop became %v", err)
	}
}
