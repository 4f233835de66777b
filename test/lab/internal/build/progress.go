package build

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// Progress writes what a long build is doing: on a terminal one line that changes in place, otherwise
// a plain line per step and one every 20 seconds, so that neither a person nor a CI log waits in silence.
type Progress struct {
	out      io.Writer
	terminal bool
	start    time.Time

	mu   sync.Mutex
	step string
}

// NewProgress returns a Progress that writes to out; terminal says whether a line can be rewritten there.
func NewProgress(out io.Writer, terminal bool) *Progress {
	return &Progress{out: out, terminal: terminal, start: time.Now()}
}

// Note says something that is no step.
func (p *Progress) Note(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fmt.Fprintf(p.out, "%s  %s\n", p.elapsed(), text)
}

// Step names what comes next.
func (p *Progress) Step(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.step = name
	if !p.terminal {
		fmt.Fprintf(p.out, "%s  compiling %s\n", p.elapsed(), name)
		return
	}
	fmt.Fprintf(p.out, "\r\x1b[K%s  compiling %s", p.elapsed(), name)
}

func (p *Progress) elapsed() string {
	d := time.Since(p.start).Round(time.Second)
	return fmt.Sprintf("%2d:%02d", int(d.Minutes()), int(d.Seconds())%60)
}

func (p *Progress) packages(n int, last string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprintf(p.out, "\r\x1b[K%s  compiling %s: %d packages, now %.40s", p.elapsed(), p.step, n, last)
		return
	}
	if last == "linking" {
		fmt.Fprintf(p.out, "%s  compiling %s: %d packages, linking\n", p.elapsed(), p.step, n)
		return
	}
	fmt.Fprintf(p.out, "%s  compiling %s: %d packages\n", p.elapsed(), p.step, n)
}

// Compiler returns a writer for the output of `go build -v`: it counts the packages and keeps what is
// not a package name, which is the compiler's complaint.
func (p *Progress) Compiler() *Compiler {
	every := 20 * time.Second
	if p.terminal {
		every = 200 * time.Millisecond
	}
	return &Compiler{progress: p, every: every, shown: time.Now()}
}

// Compiler is the reader of one `go build -v`; see Progress.Compiler.
type Compiler struct {
	progress *Progress
	every    time.Duration
	shown    time.Time
	rest     []byte
	count    int
	trouble  []string

	mu sync.Mutex
}

// Pulse shows where the step is if it is time to and the compiler has named nothing new: it is then
// linking, or at one very large package. The returned function ends the pulse.
func (c *Compiler) Pulse() (stop func()) {
	tick := time.NewTicker(c.every)
	done := make(chan struct{})
	var ended sync.WaitGroup
	ended.Go(func() {
		for {
			select {
			case <-tick.C:
				c.beat()
			case <-done:
				return
			}
		}
	})
	return func() {
		tick.Stop()
		close(done)
		ended.Wait()
	}
}

func (c *Compiler) beat() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.shown) >= c.every {
		c.shown = time.Now()
		c.progress.packages(c.count, "linking")
	}
}

// Write takes a piece of the compiler's output.
func (c *Compiler) Write(b []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rest = append(c.rest, b...)
	for {
		line, rest, found := bytes.Cut(c.rest, []byte("\n"))
		if !found {
			return len(b), nil
		}
		c.rest = rest
		c.line(string(line))
	}
}

func (c *Compiler) line(line string) {
	switch {
	case strings.HasPrefix(line, "go: downloading "):
	case strings.ContainsAny(line, " \t#:"):
		c.trouble = append(c.trouble, line)
		return
	default:
		c.count++
	}
	if time.Since(c.shown) >= c.every {
		c.shown = time.Now()
		c.progress.packages(c.count, strings.TrimPrefix(line, "go: "))
	}
}

// Trouble returns what the compiler said other than package names, at most its last 20 lines.
func (c *Compiler) Trouble() string {
	lines := c.trouble
	if rest := strings.TrimSpace(string(c.rest)); rest != "" {
		lines = append(lines[:len(lines):len(lines)], rest)
	}
	if len(lines) > 20 {
		lines = lines[len(lines)-20:]
	}
	return strings.Join(lines, "\n")
}

// Done ends the step: on a terminal its line is taken away.
func (c *Compiler) Done() {
	if c.progress.terminal {
		fmt.Fprint(c.progress.out, "\r\x1b[K")
	}
}
