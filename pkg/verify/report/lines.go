package report

import (
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// lines collects a text in lines that fit a width.
type lines struct {
	width int
	paint func(Mark, string) string
	text  strings.Builder
}

// flush writes what was collected.
func (l *lines) flush(w io.Writer) error {
	_, err := io.WriteString(w, l.text.String())
	return err
}

// mark paints a text.
func (l *lines) mark(m Mark, text string) string {
	if l.paint == nil || text == "" {
		return text
	}
	return l.paint(m, text)
}

// say writes a text behind a head, which may be painted, and folds it under its own beginning. Words that
// are longer than a line, such as an image, stay whole, so that they can be copied.
func (l *lines) say(head string, headWidth int, text string) {
	l.marked(0, head, headWidth, text)
}

// marked is say of a painted text.
func (l *lines) marked(m Mark, head string, headWidth int, text string) {
	for n, line := range folded(text, l.room(headWidth)) {
		if n > 0 {
			head = strings.Repeat(" ", headWidth)
		}
		if line == "" {
			head = strings.TrimRight(head, " ")
		}
		l.text.WriteString(head + l.mark(m, line) + "\n")
	}
}

// room is the width behind an indent; 0 is no limit.
func (l *lines) room(indent int) int {
	if l.width <= 0 {
		return 0
	}
	return max(l.width-indent, 20)
}

// blank writes an empty line.
func (l *lines) blank() { l.text.WriteString("\n") }

// folded breaks a text at spaces into lines of at most a width; 0 is no limit.
func folded(text string, width int) []string {
	if width <= 0 {
		return []string{text}
	}
	var all []string
	line, long := "", 0
	for word := range strings.FieldsSeq(text) {
		n := utf8.RuneCountInString(word)
		switch {
		case line == "":
			line, long = word, n
		case long+1+n <= width:
			line += " " + word
			long += 1 + n
		default:
			all = append(all, line)
			line, long = word, n
		}
	}
	return append(all, line)
}

// rows writes a table, its columns two spaces apart. The last column is folded; where the others leave it no
// room it stands below them.
func (l *lines) rows(indent int, header []string, rows [][]string) {
	last := len(header) - 1
	widths := make([]int, last)
	for _, row := range append([][]string{header}, rows...) {
		for n := range widths {
			widths[n] = max(widths[n], utf8.RuneCountInString(row[n]))
		}
	}
	column := indent
	for _, w := range widths {
		column += w + 2
	}
	for n, row := range append([][]string{header}, rows...) {
		head := strings.Repeat(" ", indent)
		for m, w := range widths {
			head += row[m] + strings.Repeat(" ", w-utf8.RuneCountInString(row[m])+2)
		}
		switch {
		case n == 0:
			l.text.WriteString(l.mark(Faint, strings.TrimRight(head+row[last], " ")) + "\n")
		case row[last] == "" || l.cramped(column, row[last]):
			l.text.WriteString(strings.TrimRight(head, " ") + "\n")
			if row[last] != "" {
				l.say(strings.Repeat(" ", indent+4), indent+4, row[last])
			}
		default:
			l.say(head, column, row[last])
		}
	}
}

// cramped says whether a text cannot be folded into what is left of a line behind an indent.
func (l *lines) cramped(indent int, text string) bool {
	if l.width <= 0 {
		return false
	}
	room := l.width - indent
	return room < 16 || slices.ContainsFunc(strings.Fields(text), func(word string) bool {
		return utf8.RuneCountInString(word) > room
	})
}
