package logs

import (
	"cmp"
	"container/heap"
	"context"
	"time"
)

// window is how long a line is held back while others are followed, for an earlier one of another replica
// that is still on its way.
const window = 300 * time.Millisecond

// mostHeld is how many lines of one container wait for their place at most; its reader waits then.
const mostHeld = 256

// backlog is the age from which a line is no news: nothing earlier than it is still on its way.
const backlog = 5 * time.Second

// held is a line that waits for its place in the order.
type held struct {
	line   Line
	stream int
	// at orders it: its time, but never before that of the line before it in its own log, whose order
	// counts also when the clock was set back.
	at time.Time
	// came is when it was read, number the order in which lines came.
	came   time.Time
	number int
}

// order is the lines that wait, the earliest first. It puts the logs of any number of streams in one order,
// and knows no clock of its own.
type order struct {
	lines  []held
	open   map[int]*progress
	number int
	// window lets a line go that has waited so long, though an open stream could still have an earlier one;
	// zero waits for every stream.
	window time.Duration
}

// progress is how far an open stream is: how many of its lines wait, and when and at what time of its own the
// last one came.
type progress struct {
	waiting    int
	came, last time.Time
}

func newOrder(window time.Duration) *order {
	return &order{open: map[int]*progress{}, window: window}
}

// begin opens a stream, end says that it has no more lines.
func (o *order) begin(stream int, now time.Time) { o.open[stream] = &progress{came: now} }
func (o *order) end(stream int)                  { delete(o.open, stream) }

// add takes a line of a stream that is open.
func (o *order) add(stream int, l Line, now time.Time) {
	p := o.open[stream]
	at := l.Time
	if at.Before(p.last) {
		at = p.last
	}
	p.waiting++
	p.came, p.last = now, at
	o.number++
	heap.Push((*byTime)(&o.lines), held{l, stream, at, now, o.number})
}

// next returns the earliest line if its place is certain, or has been awaited long enough. If not, wait is
// how long until it has; zero if that is up to the streams.
func (o *order) next(now time.Time) (h held, ok bool, wait time.Duration) {
	if len(o.lines) == 0 {
		return held{}, false, 0
	}
	first := o.lines[0]
	if wait, sure := o.pending(first, now); !sure {
		return held{}, false, wait
	}
	heap.Pop((*byTime)(&o.lines))
	if p := o.open[first.stream]; p != nil {
		p.waiting--
	}
	return first, true, 0
}

// pending says whether no stream can have an earlier line, or how long to wait for one.
func (o *order) pending(first held, now time.Time) (wait time.Duration, sure bool) {
	// A stream that was quiet for the window has sent all that it had: what comes later is of later.
	quiet := true
	sure = true
	for _, p := range o.open {
		sure = sure && p.waiting > 0
		quiet = quiet && (p.waiting > 0 || now.Sub(p.came) >= o.window)
	}
	if sure || o.window == 0 {
		return 0, sure
	}
	old := now.Sub(first.at) > backlog
	if left := first.came.Add(o.window).Sub(now); left > 0 && !(old && quiet) {
		return left, false
	}
	return 0, true
}

// byTime is a heap of lines.
type byTime []held

// Len, Less, Swap, Push and Pop implement heap.Interface.
func (b byTime) Len() int { return len(b) }
func (b byTime) Less(i, j int) bool {
	return cmp.Or(b[i].at.Compare(b[j].at), cmp.Compare(b[i].number, b[j].number)) < 0
}
func (b byTime) Swap(i, j int) { b[i], b[j] = b[j], b[i] }
func (b *byTime) Push(x any)   { *b = append(*b, x.(held)) }
func (b *byTime) Pop() any {
	old := *b
	last := old[len(old)-1]
	old[len(old)-1] = held{}
	*b = old[:len(old)-1]
	return last
}

// event is what a stream tells the merge: that it begins, a line, or its end.
type event struct {
	stream int
	line   *Line
	begins bool
	// room is given back when the line has gone on.
	room chan struct{}
}

// merge hands lines to emit in the order of time until in is closed or the context ends. An error of emit
// ends it.
func merge(ctx context.Context, in <-chan event, window time.Duration, emit func(Line) error) error {
	o := newOrder(window)
	rooms := map[int]chan struct{}{}
	for in != nil || len(o.lines) > 0 {
		h, ok, wait := o.next(time.Now())
		if ok {
			if room := rooms[h.stream]; room != nil {
				<-room
			}
			if err := emit(h.line); err != nil {
				return err
			}
			continue
		}
		var due <-chan time.Time
		if wait > 0 {
			due = time.After(wait)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-due:
		case e, more := <-in:
			switch {
			case !more:
				in = nil
				clear(o.open)
			case e.begins:
				o.begin(e.stream, time.Now())
				rooms[e.stream] = e.room
			case e.line == nil:
				o.end(e.stream)
			default:
				o.add(e.stream, *e.line, time.Now())
			}
		}
	}
	return nil
}
