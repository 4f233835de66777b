package term

import (
	"bytes"
	"strings"
	"testing"
)

func TestFold(t *testing.T) {
	tests := map[string]struct{ line, want string }{
		"short":            {"error: it failed", "error: it failed"},
		"at the width":     {strings.Repeat("x", 20), strings.Repeat("x", 20)},
		"at a space":       {"error: one two three four", "error: one two three\n    four"},
		"three lines":      {"aaaaaaaaaa bbbbbbbbbb cccccccccc dddd", "aaaaaaaaaa\n    bbbbbbbbbb\n    cccccccccc dddd"},
		"its own indent":   {"  next: kubectl falcon verify", "  next: kubectl\n    falcon verify"},
		"a long word":      {strings.Repeat("x", 30), strings.Repeat("x", 30)},
		"long word, words": {strings.Repeat("x", 30) + " a b", strings.Repeat("x", 30) + "\n    a b"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if got := fold(tt.line, "    ", 20); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// A log or a pipe gets whole lines.
func TestFoldLeavesWhatIsNoTerminal(t *testing.T) {
	long := strings.Repeat("word ", 100)
	if got := Fold(&bytes.Buffer{}, long, "  "); got != long {
		t.Errorf("got %q", got)
	}
}
