package term

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"
)

// pty returns a terminal; the controlling side of a pair is one for this purpose.
func pty(t *testing.T) *os.File {
	t.Helper()
	file, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Fatal("no terminal to be had:", err)
	}
	t.Cleanup(func() { _ = file.Close() })
	if _, ok := terminal(file); !ok {
		t.Fatal("the controlling side is no terminal here")
	}
	return file
}

func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for _, pair := range pairs {
			if n, value, _ := strings.Cut(pair, "="); n == name {
				return value
			}
		}
		return ""
	}
}

func TestColorModeEnabled(t *testing.T) {
	screen, pipe := io.Writer(pty(t)), io.Writer(&bytes.Buffer{})
	tests := map[string]struct {
		mode ColorMode
		w    io.Writer
		env  []string
		want bool
	}{
		"auto, terminal":          {ColorAuto, screen, nil, true},
		"unset, terminal":         {"", screen, []string{"TERM=xterm"}, true},
		"auto, pipe":              {ColorAuto, pipe, nil, false},
		"auto, NO_COLOR":          {ColorAuto, screen, []string{"NO_COLOR=1"}, false},
		"auto, NO_COLOR=0":        {ColorAuto, screen, []string{"NO_COLOR=0"}, false},
		"auto, NO_COLOR is empty": {ColorAuto, screen, []string{"NO_COLOR="}, true},
		"auto, dumb":              {ColorAuto, screen, []string{"TERM=dumb"}, false},
		"always, pipe":            {ColorAlways, pipe, []string{"NO_COLOR=1", "TERM=dumb"}, true},
		"never, terminal":         {ColorNever, screen, nil, false},
	}
	for name, tt := range tests {
		if got := tt.mode.Enabled(tt.w, environment(tt.env...)); got != tt.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}

func TestLive(t *testing.T) {
	screen, pipe := io.Writer(pty(t)), io.Writer(&bytes.Buffer{})
	for name, tt := range map[string]struct {
		s    Streams
		env  string
		want bool
	}{
		"both":           {Streams{Out: screen, Err: screen}, "TERM=xterm", true},
		"without colour": {Streams{Out: screen, Err: screen}, "NO_COLOR=1", true},
		"out is a pipe":  {Streams{Out: pipe, Err: screen}, "", false},
		"err is a file":  {Streams{Out: screen, Err: pipe}, "", false},
		"dumb":           {Streams{Out: screen, Err: screen}, "TERM=dumb", false},
	} {
		if got := Live(tt.s, environment(tt.env)); got != tt.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
	// A terminal that knows no size of its own is taken for the usual one.
	if w, h := NewProgress(Streams{Out: screen}, true, Painter{}).size(); w <= 0 || h <= 0 {
		t.Errorf("got %d x %d", w, h)
	}
}

func TestColorModeFlag(t *testing.T) {
	for _, text := range ColorModes {
		var m ColorMode
		if err := m.Set(text); err != nil || m.String() != text {
			t.Errorf("%q: got %q, %v", text, m, err)
		}
	}
	for _, text := range []string{"", "Auto", "yes", "always "} {
		m := ColorNever
		if err := m.Set(text); err == nil || !strings.Contains(err.Error(), "use auto, always or never") || m != ColorNever {
			t.Errorf("%q: got %q, %v", text, m, err)
		}
	}
	var m ColorMode
	if m.Type() != "auto|always|never" || m.String() != "auto" {
		t.Errorf("help would say %q, by default %q", m.Type(), m.String())
	}
}

func TestPaint(t *testing.T) {
	on, off := Painter{On: true}, Painter{}
	for style, want := range map[Style]string{
		Good: "\x1b[32mx\x1b[0m", Bad: "\x1b[31mx\x1b[0m", Warn: "\x1b[33mx\x1b[0m", Dim: "\x1b[2mx\x1b[0m", 0: "x",
	} {
		if got := on.Paint(style, "x"); got != want {
			t.Errorf("%d: got %q", style, got)
		}
		if got := off.Paint(style, "x"); got != "x" {
			t.Errorf("%d, off: got %q", style, got)
		}
	}
	if got := on.Paint(Bad, ""); got != "" {
		t.Errorf("nothing became %q", got)
	}
}
