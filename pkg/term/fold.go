package term

import (
	"io"
	"os"
	"strings"

	xterm "golang.org/x/term"
)

// Fold breaks each line of a text at the spaces so that it fits the terminal that w is, and begins what
// it breaks off with indent. What is not a terminal gets its lines whole, so that they can be searched.
func Fold(w io.Writer, text, indent string) string {
	file, ok := w.(*os.File)
	if !ok || !xterm.IsTerminal(int(file.Fd())) {
		return text
	}
	width, _, err := xterm.GetSize(int(file.Fd()))
	if err != nil {
		return text
	}
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = fold(line, indent, width)
	}
	return strings.Join(lines, "\n")
}

// fold breaks one line at the last space before the width; a word that is longer stays whole.
func fold(line, indent string, width int) string {
	var folded strings.Builder
	for len(line) > width {
		// Never within the line's own indent, or nothing would get shorter.
		from := len(line) - len(strings.TrimLeft(line, " "))
		cut := strings.LastIndexByte(line[from:min(width+1, len(line))], ' ')
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
