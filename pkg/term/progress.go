package term

import (
	"fmt"
	"strings"
	"sync"

	xterm "golang.org/x/term"
)

// Progress shows people an operation that touches many objects, each known by a key. On a live terminal
// every object has one line that is updated in place; elsewhere each change is a line, the results on Out
// and the rest on Err.
//
// All texts may come from the cluster: they are made harmless first. Its methods may be called
// concurrently. While it is live nothing else may write to the terminal; send it through Remark.
type Progress struct {
	mu      sync.Mutex
	streams Streams
	live    bool
	painter Painter
	// size is the terminal's width and height, asked anew for each drawing since people resize windows.
	size func() (width, height int)

	known    map[string]*object
	remarked string

	// What follows is for the live display.

	// shown are the objects with a line in the block, in the order in which they came.
	shown []*object
	// column is the longest key so far; it never shrinks, so that the texts do not jump about.
	column int
	// drawn are the block's lines as they are on the screen, the cursor at the start of the line below.
	drawn []string
	// widest is the longest of drawn, without its colours.
	widest int
}

// part is one of the things that can be said about an object.
type part int

const (
	change part = iota
	state
	trouble
	parts
)

type object struct {
	key string
	// now is what is so; an empty part is not the case.
	now [parts]string
	// said is the last that was said of each part, troubles every trouble, and line the last line about the
	// object: what crashes again and again goes through the same troubles each time.
	said     [parts]string
	troubles map[string]bool
	line     string
	// told is the trouble that found no room in the block and was printed above it.
	told  string
	shown bool
}

// NewProgress returns a display on the streams. live says that lines may be updated in place, as Live
// finds out; only then is the painter used.
func NewProgress(s Streams, live bool, p Painter) *Progress {
	return &Progress{streams: s, live: live, painter: p, known: map[string]*object{}, size: func() (int, int) {
		if file, ok := terminal(s.Out); ok {
			if width, height, err := xterm.GetSize(int(file.Fd())); err == nil && width > 0 && height > 0 {
				return width, height
			}
		}
		return 80, 24
	}}
}

// Done says what became of an object: created, configured, unchanged or deleted.
func (p *Progress) Done(key, text string) { p.report(key, change, text) }

// State says what is awaited of an object, such as "0 of 2 replicas available"; empty, that nothing is.
func (p *Progress) State(key, text string) { p.report(key, state, text) }

// Trouble says why an object does not come up; empty, that it is over.
func (p *Progress) Trouble(key, text string) { p.report(key, trouble, text) }

// Remark writes a sentence that stays. Line breaks in it are kept.
func (p *Progress) Remark(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text = cleanLines(text)
	if text == "" || text == p.remarked {
		return
	}
	p.remarked = text
	if p.live {
		width, _ := p.size()
		p.draw(strings.Split(foldLines(text, remarkIndent, width), "\n")...)
		return
	}
	fmt.Fprintln(p.streams.Err, Fold(p.streams.Err, text, remarkIndent))
}

// Line writes a line of data that stays, as it is: it is neither folded nor left out when it repeats.
func (p *Progress) Line(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.live {
		p.draw(text)
		return
	}
	fmt.Fprintln(p.streams.Out, text)
}

// remarkIndent is the width of "  next: ", with which the second line of a remark often begins.
const remarkIndent = "        "

// Close leaves the last state of every object on the screen, whole, with the cursor below it. What is
// reported later is not lost: it comes as lines of its own.
func (p *Progress) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.live {
		return
	}
	width, height := p.size()
	p.forget(width, height)
	var last []string
	for _, o := range p.shown {
		last = append(last, p.whole(o, width)...)
	}
	p.write(last, nil)
	p.live, p.shown = false, nil
}

func (p *Progress) report(key string, what part, text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key, text = clean(key), clean(text)
	o, ok := p.known[key]
	if !ok {
		o = &object{key: key, troubles: map[string]bool{}}
		p.known[key] = o
	}
	changed, news := text != o.now[what], text != "" && text != o.said[what]
	if what == trouble {
		news = text != "" && !o.troubles[text]
		o.troubles[text] = true
	}
	o.now[what] = text
	if text != "" {
		o.said[what] = text
	}
	switch {
	case p.live && changed:
		p.show(o)
		p.draw()
	case !p.live && news:
		p.print(o, what, text)
	}
}

// print writes one line about an object, unless it is the one before again: a state and a trouble that
// read alike.
func (p *Progress) print(o *object, what part, text string) {
	if what == change {
		o.line = o.key + " " + text
		fmt.Fprintln(p.streams.Out, o.line)
		return
	}
	line := o.key + ": " + text
	if line == o.line {
		return
	}
	o.line = line
	fmt.Fprintln(p.streams.Err, Fold(p.streams.Err, line, troubleIndent))
}

// finished reports whether nothing more is expected of an object.
func (o *object) finished() bool { return o.now[state] == "" && o.now[trouble] == "" }
