package term

import (
	"io"
	"os"
	"strings"
	"unicode"
	"unicode/utf8"

	xterm "golang.org/x/term"
)

// Fold breaks each line of a text at the spaces so that it fits the terminal that w is, and begins what
// it breaks off with indent. What is not a terminal gets its lines whole, so that they can be searched.
func Fold(w io.Writer, text, indent string) string {
	file, ok := terminal(w)
	if !ok {
		return text
	}
	width, _, err := xterm.GetSize(int(file.Fd()))
	// A terminal that was told no size, such as a serial line, says 0.
	if err != nil || width <= 0 {
		return text
	}
	return foldLines(text, indent, width)
}

// terminal returns the terminal that w is, if it is one.
func terminal(w io.Writer) (*os.File, bool) {
	file, ok := w.(*os.File)
	if !ok || !xterm.IsTerminal(int(file.Fd())) {
		return nil, false
	}
	return file, true
}

func foldLines(text, indent string, width int) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = fold(line, indent, width)
	}
	return strings.Join(lines, "\n")
}

// fold breaks one line at the last space before the width; a word that is longer stays whole.
func fold(line, indent string, width int) string {
	var folded strings.Builder
	for columns(line) > width {
		// Never within the line's own indent, or nothing would get shorter.
		from := len(line) - len(strings.TrimLeft(line, " "))
		cut := -1
		// A space right behind the last column is a place to break as well.
		if end := fits(line, width+1); from < end {
			cut = strings.LastIndexByte(line[from:end], ' ')
		}
		if cut < 0 {
			cut = strings.IndexByte(line[from:], ' ')
		}
		if cut <= 0 {
			break
		}
		folded.WriteString(line[:from+cut] + "\n")
		line = indent + line[from+cut+1:]
	}
	return folded.String() + line
}

// fits is how many bytes of a line fit into so many columns.
func fits(line string, width int) int {
	for at, r := range line {
		if width -= columnsOf(r); width < 0 {
			return at
		}
	}
	return len(line)
}

// wrap breaks one line into lines of at most width columns, and unlike fold breaks even a word: no line may be
// longer where the cursor has to find its way back.
func wrap(line string, width int) []string {
	var lines []string
	width = max(width, 1)
	for columns(line) > width {
		// A character that is wider than the screen is written all the same.
		_, first := utf8.DecodeRuneInString(line)
		cut, skip := max(fits(line, width), first), 0
		if i := strings.LastIndexByte(line[:min(cut+1, len(line))], ' '); i > 0 {
			cut, skip = i, 1
		}
		lines = append(lines, line[:cut])
		line = line[cut+skip:]
	}
	return append(lines, line)
}

// Clean makes one harmless line of a text that may come from the cluster, for what is printed as data.
func Clean(text string) string { return clean(text) }

// clean makes one harmless line of a text that may come from the cluster, where anyone who can write an
// event could otherwise move the reader's cursor, hide lines or reverse them: breaks become spaces, and
// every other control character, those that turn the direction of writing, and broken UTF-8 become U+FFFD.
func clean(text string) string {
	text = strings.ReplaceAll(text, "\r\n", "\n")
	return strings.TrimSpace(strings.Map(harmless, text))
}

// cleanLines is clean for a text whose lines and indents are meant.
func cleanLines(text string) string {
	lines := strings.Split(strings.TrimRight(strings.ReplaceAll(text, "\r\n", "\n"), "\n"), "\n")
	for i, line := range lines {
		lines[i] = strings.TrimRight(strings.Map(harmless, line), " ")
	}
	return strings.Join(lines, "\n")
}

func harmless(r rune) rune {
	switch {
	case r == '\n' || r == '\t' || r == '\r':
		return ' '
	// U+2028 and U+2029 part lines too.
	case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), unicode.In(r, unicode.Zl, unicode.Zp):
		return unicode.ReplacementChar
	}
	return r
}

// Width is how many columns the terminal has that w is; 0 for what is not a terminal or was told no size.
func Width(w io.Writer) int {
	file, ok := terminal(w)
	if !ok {
		return 0
	}
	width, _, err := xterm.GetSize(int(file.Fd()))
	if err != nil || width < 0 {
		return 0
	}
	return width
}
