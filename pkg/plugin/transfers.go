package plugin

import (
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// redraw is how often a line of a transfer is brought up to date.
const redraw = 200 * time.Millisecond

// transfer is one of them.
type transfer struct {
	state string
	began time.Time
	from  int64
	last  time.Time
}

// transfers are the lines of transfers that go on. On a screen they tell the rate and what is left, elsewhere
// only what is begun and what is over.
type transfers struct {
	show *term.Progress
	live bool

	mu sync.Mutex
	by map[string]*transfer
}

// transfers shows how far transfers are, on stderr.
func (s *session) transfers() *transfers {
	live := term.Live(term.Streams{In: s.In, Out: s.Err, Err: s.Err}, os.Getenv)
	return &transfers{show: s.quietProgress(), live: live, by: map[string]*transfer{}}
}

// at tells how far a transfer is.
func (t *transfers) at(key, state string, done, total int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	one := t.by[key]
	if one == nil || one.state != state || done < one.from {
		one = &transfer{state: state, began: now, from: done}
		t.by[key] = one
	}
	if !t.live {
		t.show.State(key, state)
		return
	}
	if now.Sub(one.last) < redraw {
		return
	}
	one.last = now
	t.show.State(key, state+" "+progressOf(done, total, done-one.from, now.Sub(one.began)))
}

// ended tells what became of a transfer.
func (t *transfers) ended(key, text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.show.State(key, "")
	t.show.Done(key, text)
}

// progressOf is how far something is, how fast, and how long it will take at that rate.
func progressOf(done, total, since int64, elapsed time.Duration) string {
	text := size(done)
	if total > 0 {
		text += " of " + size(total)
	}
	if elapsed < time.Second || since <= 0 {
		return text
	}
	rate := float64(since) / elapsed.Seconds()
	text += fmt.Sprintf(", %s/s", size(int64(rate)))
	if total > done {
		left := time.Duration(float64(total-done) / rate * float64(time.Second))
		text += fmt.Sprintf(", %s left", left.Round(time.Second))
	}
	return text
}

// size is a number of bytes for people.
func size(n int64) string {
	const unit = 1024
	switch {
	case n < unit:
		return fmt.Sprintf("%d B", n)
	case n < unit*unit:
		return fmt.Sprintf("%.1f KiB", float64(n)/unit)
	case n < unit*unit*unit:
		return fmt.Sprintf("%.1f MiB", float64(n)/(unit*unit))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(unit*unit*unit))
}
