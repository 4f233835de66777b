package term

import (
	"strings"
	"testing"
)

// screen is a terminal of few abilities: \r, \n, CSI A, CSI J and CSI K from the cursor on, and SGR, which
// it counts only. It wraps long lines as terminals do, late, and keeps what scrolls off.
type screen struct {
	t             *testing.T
	width, height int
	history       []string
	rows          [][]rune
	x, y          int
	styled, bytes int
}

func newScreen(t *testing.T, width, height int) *screen {
	return &screen{t: t, width: width, height: height, rows: make([][]rune, height)}
}

// live returns a Progress on a screen that already says something.
func live(t *testing.T, width, height int) (*Progress, *screen) {
	s := newScreen(t, width, height)
	if _, err := s.Write([]byte("$ install\n")); err != nil {
		t.Fatal(err)
	}
	p := NewProgress(Streams{Out: s, Err: s}, true, Painter{})
	p.size = func() (int, int) { return s.width, s.height }
	return p, s
}

func (s *screen) Write(b []byte) (int, error) {
	s.bytes += len(b)
	text := []rune(string(b))
	for i := 0; i < len(text); i++ {
		switch r := text[i]; {
		case r == '\r':
			s.x = 0
		case r == '\n':
			s.x = 0
			s.down()
		case r == '\x1b':
			i = s.escape(text, i)
		case r < ' ':
			s.t.Errorf("control character %q", r)
		default:
			s.put(r)
		}
	}
	return len(b), nil
}

func (s *screen) put(r rune) {
	if s.x == s.width {
		s.x = 0
		s.down()
	}
	for len(s.rows[s.y]) <= s.x {
		s.rows[s.y] = append(s.rows[s.y], ' ')
	}
	s.rows[s.y][s.x] = r
	s.x++
}

func (s *screen) down() {
	if s.y < s.height-1 {
		s.y++
		return
	}
	s.history = append(s.history, string(s.rows[0]))
	s.rows = append(s.rows[1:], nil)
}

// escape obeys the sequence at i and returns where it ends.
func (s *screen) escape(text []rune, i int) int {
	n, given := 0, false
	for i += 2; text[i] >= '0' && text[i] <= '9'; i++ {
		n, given = n*10+int(text[i]-'0'), true
	}
	if !given && text[i] == 'A' {
		n = 1
	}
	switch text[i] {
	case 'A':
		s.y = max(s.y-n, 0)
	case 'K', 'J':
		s.rows[s.y] = s.rows[s.y][:min(len(s.rows[s.y]), s.x)]
		for y := s.y + 1; text[i] == 'J' && y < s.height; y++ {
			s.rows[y] = nil
		}
	case 'm':
		s.styled++
	default:
		s.t.Errorf("unknown sequence CSI %d %c", n, text[i])
	}
	return i
}

// resize changes the size; reflow breaks lines that are too long, as most terminals do, else they are cut,
// as xterm does. The cursor keeps its line, and what is above scrolls off.
func (s *screen) resize(width, height int, reflow bool) {
	var rows [][]rune
	for y := 0; y < s.y; y++ {
		row := s.rows[y]
		for reflow && len(row) > width {
			rows = append(rows, row[:width])
			row = row[width:]
		}
		rows = append(rows, row[:min(len(row), width)])
	}
	for len(rows) > height-1 {
		s.history = append(s.history, string(rows[0]))
		rows = rows[1:]
	}
	s.y, s.x, s.width, s.height = len(rows), 0, width, height
	s.rows = append(rows, make([][]rune, height-len(rows))...)
}

func (s *screen) text() string {
	var lines []string
	for _, row := range s.rows {
		lines = append(lines, strings.TrimRight(string(row), " "))
	}
	return strings.TrimRight(strings.Join(lines, "\n"), "\n")
}

// all is the screen with what has scrolled off.
func (s *screen) all() string {
	return strings.TrimLeft(strings.Join(s.history, "\n")+"\n"+s.text(), "\n")
}

func (s *screen) shows(want ...string) {
	s.t.Helper()
	same(s.t, "screen", s.text(), strings.Join(want, "\n"))
}
