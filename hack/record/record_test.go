//go:build linux

package main

import (
	"encoding/xml"
	"io"
	"strings"
	"testing"
	"time"
)

// text is what stands on a screen, without looks.
func (s *screen) text() string {
	var lines []string
	for _, row := range s.cells {
		var b strings.Builder
		for _, c := range row {
			if c.r == 0 {
				c.r = ' '
			}
			b.WriteRune(c.r)
		}
		lines = append(lines, strings.TrimRight(b.String(), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

func TestScreen(t *testing.T) {
	for _, c := range []struct{ output, want string }{
		{"one\r\ntwo", "one\ntwo"},
		{"one\rt", "tne"},
		{"one\r\n\x1b[1Atwo\x1b[K", "two"},
		{"one\r\ntwo\r\n\x1b[2A\x1b[Jx", "x"},
		{"\x1b[31mred\x1b[0m \x1b[?25lon", "red on"},
		{"1\r\n2\r\n3\r\n4", "2\n3\n4"},
		{"0123456789ab", "0123456789\nab"},
		{"a\tb", "a       b"},
		{"· é", "· é"},
	} {
		// In one piece, and byte by byte.
		whole, pieces := newScreen(10, 3), newScreen(10, 3)
		whole.write([]byte(c.output))
		for i := range len(c.output) {
			pieces.write([]byte{c.output[i]})
		}
		if whole.text() != c.want || pieces.text() != c.want {
			t.Errorf("%q gives %q and %q, want %q", c.output, whole.text(), pieces.text(), c.want)
		}
	}
}

func TestSVG(t *testing.T) {
	f := film{screen: newScreen(40, 4)}
	f.typing("echo '<&>'")
	f.screen.write([]byte("\x1b[32m<&>\x1b[0m\r\n"))
	f.pause(time.Second)
	f.take()
	drawn := f.svg()
	for d := xml.NewDecoder(strings.NewReader(drawn)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
	}
	for _, want := range []string{"&lt;&amp;&gt;", colours[32], "prefers-reduced-motion"} {
		if !strings.Contains(drawn, want) {
			t.Errorf("it lacks %s:\n%s", want, drawn)
		}
	}
}

func TestInTerminal(t *testing.T) {
	s := newScreen(40, 4)
	err := inTerminal(t.Context(), "test -t 1 && stty size && exit 0", 40, 4, func(b []byte) { s.write(b) })
	if err != nil || s.text() != "4 40" {
		t.Errorf("the terminal said %q, %v", s.text(), err)
	}
	if err := inTerminal(t.Context(), "exit 3", 40, 4, func([]byte) {}); err == nil {
		t.Error("a command that failed did not")
	}
}
