package logs

import (
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

func at(seconds int, message string) Line {
	return Line{Time: noon.Add(time.Duration(seconds) * time.Second), Message: message}
}

// drain returns the messages whose place is certain at a time.
func drain(o *order, now time.Time) string {
	var got []string
	for {
		h, ok, _ := o.next(now)
		if !ok {
			return strings.Join(got, " ")
		}
		got = append(got, h.line.Message)
	}
}

// A log that has ended is put in order without a clock: each line waits until no stream can have an earlier.
func TestOrderOfLogsThatEnd(t *testing.T) {
	o := newOrder(0)
	o.begin(1, noon)
	o.begin(2, noon)
	o.add(1, at(1, "a1"), noon)
	o.add(1, at(3, "a3"), noon)
	if got := drain(o, noon.Add(time.Hour)); got != "" {
		t.Errorf("%q went on while the other stream could have an earlier line", got)
	}
	o.add(2, at(2, "b2"), noon)
	if got := drain(o, noon); got != "a1 b2" {
		t.Errorf("got %q", got)
	}
	o.end(2)
	if got := drain(o, noon); got != "a3" {
		t.Errorf("got %q", got)
	}
}

func TestOrderWithinOneLogIsItsOwn(t *testing.T) {
	o := newOrder(0)
	o.begin(1, noon)
	// The node's clock was set back.
	for n, message := range []string{"a5", "a1", "a2"} {
		o.add(1, at([]int{5, 1, 2}[n], message), noon)
	}
	o.begin(2, noon)
	o.add(2, at(4, "b4"), noon)
	o.end(1)
	o.end(2)
	if got := drain(o, noon); got != "b4 a5 a1 a2" {
		t.Errorf("got %q", got)
	}
}

// Logs that are followed never end: what is new waits for the window, what is old only until the others
// have sent what they had.
func TestOrderOfLogsThatAreFollowed(t *testing.T) {
	now := noon.Add(10 * time.Second)
	o := newOrder(window)
	o.begin(1, now)
	o.begin(2, now)
	o.add(1, at(10, "new"), now)
	if got := drain(o, now); got != "" {
		t.Errorf("%q did not wait", got)
	}
	if _, _, wait := o.next(now); wait != window {
		t.Errorf("it is to wait %s", wait)
	}
	o.add(2, at(9, "earlier"), now.Add(window/2))
	if got := drain(o, now.Add(window)); got != "earlier new" {
		t.Errorf("got %q", got)
	}
	later := now.Add(time.Hour)
	o.add(1, at(20, "old"), later)
	if got := drain(o, later); got != "old" {
		t.Errorf("a backlog waits although the other stream is quiet: %q", got)
	}
}
