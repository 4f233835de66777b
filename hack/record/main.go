//go:build linux

// Command record writes docs/session.svg: it runs the plugin in a terminal against a lab, keeps what was on the
// screen and when, and draws that. Nothing is made up but the typing, and that long waits are cut short.
//
//	. <(bin/lab up --name record --load bin/images/falcon-sensor-standin.tar,bin/images/shell.tar)
//	PATH=$PWD/bin:$(bin/lab build):$PATH go run ./hack/record
//	bin/lab down --name record
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"
)

const (
	columns, rows = 88, 26
	// keystroke is how long a key takes, reading how long is left to read what a command printed, and longest
	// is what a wait within a command is cut to.
	keystroke = 35 * time.Millisecond
	reading   = 2500 * time.Millisecond
	longest   = 1200 * time.Millisecond
)

// registry is the lab's, whose images are the stand-in sensor and one that does nothing.
const registry = "10.244.0.1:5000"

// session is what is typed.
var session = []string{
	"kubectl falcon install --cid 0123456789ABCDEF0123456789ABCDEF-12 \\\n    --image " + registry + "/falcon-sensor-standin:7.40.0",
	"kubectl create deployment web --image=" + registry + "/pause:lab",
	"kubectl falcon aid deploy/web --wait",
	"kubectl falcon explain deploy/web",
	"kubectl falcon status",
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	output := flag.String("o", "docs/session.svg", "the file to write")
	flag.Parse()
	if err := run(ctx, *output); err != nil {
		fmt.Fprintln(os.Stderr, "record:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, output string) error {
	if os.Getenv("KUBECONFIG") == "" {
		return fmt.Errorf("KUBECONFIG is not set: record on a lab, not on the cluster that kubectl happens to have")
	}
	film := film{screen: newScreen(columns, rows)}
	for _, line := range session {
		film.typing(line)
		if err := film.play(ctx, line); err != nil {
			return fmt.Errorf("$ %s: %w", line, err)
		}
		film.pause(reading)
	}
	return os.WriteFile(output, []byte(film.svg()), 0o644)
}

// film is the screen over time.
type film struct {
	screen *screen
	frames []frame
	now    time.Duration
}

// frame is what the screen shows from a time on.
type frame struct {
	at    time.Duration
	lines []string
}

// take keeps the screen if it differs from what it showed before.
func (f *film) take() {
	lines := f.screen.draw()
	if n := len(f.frames); n > 0 {
		if same(f.frames[n-1].lines, lines) {
			return
		}
		// What stood for less than an eye sees is left out.
		if f.now-f.frames[n-1].at < 30*time.Millisecond {
			f.frames[n-1].lines = lines
			return
		}
	}
	f.frames = append(f.frames, frame{f.now, lines})
}

func (f *film) pause(d time.Duration) { f.now += d }

// typing shows a prompt and a command that appears in a few strokes.
func (f *film) typing(line string) {
	f.screen.write([]byte("\x1b[32m$\x1b[0m "))
	f.take()
	f.pause(500 * time.Millisecond)
	for len(line) > 0 {
		n := min(4, len(line))
		for _, b := range []byte(line[:n]) {
			if b == '\n' {
				f.screen.write([]byte{'\r'})
			}
			f.screen.write([]byte{b})
		}
		f.take()
		f.pause(time.Duration(n) * keystroke)
		line = line[n:]
	}
	f.screen.write([]byte("\r\n"))
}

// play runs a command in a terminal and takes what it shows.
func (f *film) play(ctx context.Context, line string) error {
	last := time.Now()
	return inTerminal(ctx, line, columns, rows, func(output []byte) {
		f.pause(min(time.Since(last), longest))
		last = time.Now()
		f.screen.write(output)
		f.take()
	})
}

func same(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return len(a) == len(b)
}
