package term

import (
	"strings"
	"testing"
)

func TestColumns(t *testing.T) {
	for text, want := range map[string]int{"": 0, "pod": 3, "Größe": 5, "名前": 4, "e\u0301": 1, "ﾊﾝ": 2, "한글": 4, "🦅 x": 4, "a\u200bb": 2} {
		if got := columns(text); got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
	}
}

func TestFoldCountsColumnsAndNotBytes(t *testing.T) {
	if got := foldLines("größere Größe ist größer", "", 24); strings.Contains(got, "\n") {
		t.Errorf("24 columns were folded at 24: %q", got)
	}
	for line := range strings.Lines(foldLines(strings.Repeat("名前 ", 20), "  ", 20)) {
		if n := columns(strings.TrimSpace(line)); n > 20 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	for _, line := range wrap(strings.Repeat("名前", 20)+" x", 9) {
		if columns(line) > 9 {
			t.Errorf("%d columns: %q", columns(line), line)
		}
	}
}

func TestColumnsOfATableAreAsWideAsTheirText(t *testing.T) {
	c := NewColumns([]string{"NAME", "X"}, []int{4})
	if a, b := c.Row("名前", "x"), c.Row("abcd", "x"); a != "名前  x" || b != "abcd  x" {
		t.Errorf("%q and %q", a, b)
	}
}
