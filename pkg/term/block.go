package term

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// The block is the live part of a Progress: the lowest lines on the screen, which are drawn over. It is
// always lower than the screen, since no cursor reaches a line that has scrolled off, and none of its lines
// is as wide as the screen, since one that wraps would make the way back up longer than it seems.
//
// The cursor is not hidden: a run that is killed could not bring it back.

const (
	troubleIndent = "    "
	keyGap        = 3
)

// span is a piece of a line in one style.
type span struct {
	style Style
	text  string
}

// show puts an object into the block, or takes out one of which there is nothing to say.
func (p *Progress) show(o *object) {
	if o.now == [parts]string{} {
		p.shown = slices.DeleteFunc(p.shown, func(s *object) bool { return s == o })
		o.shown = false
	} else if !o.shown {
		o.shown = true
		p.shown = append(p.shown, o)
		p.column = max(p.column, utf8.RuneCountInString(o.key))
	}
}

// draw brings the block up to date and puts permanent lines above it.
func (p *Progress) draw(permanent ...string) {
	width, height := p.size()
	p.forget(width, height)
	room := max(height-1, 1)
	permanent = append(permanent, p.retire(width, room)...)
	told, block := p.layout(width, room)
	p.write(append(permanent, told...), block)
}

// forget gives up the drawn lines that a resize has put out of reach. Of lines that the terminal may have
// broken in two nobody knows the height, as not all terminals do that: they stay, and the block begins
// anew below them, which costs a stale copy but never what was there before.
func (p *Progress) forget(width, height int) {
	if p.widest > width {
		p.drawn = nil
	}
	if room := max(height-1, 1); len(p.drawn) > room {
		p.drawn = p.drawn[len(p.drawn)-room:]
	}
}

// retire takes finished objects out of a block that has no room for all, the oldest first, and returns
// their lines.
func (p *Progress) retire(width, room int) []string {
	total := 0
	for _, o := range p.shown {
		total += 1 + len(p.troubles(o, width))
	}
	var lines []string
	p.shown = slices.DeleteFunc(p.shown, func(o *object) bool {
		if total <= room || !o.finished() {
			return false
		}
		total--
		o.shown = false
		lines = append(lines, p.whole(o, width)...)
		return true
	})
	return lines
}

// layout returns the block's lines, and the troubles to be told above it for want of room.
func (p *Progress) layout(width, room int) (told, block []string) {
	rows := make([][]span, 0, room)
	fits := p.choose(width, room)
	for i, o := range p.shown {
		if fits[i] == 0 {
			continue
		}
		rows = append(rows, p.line(o, width))
		if fits[i] > 1 {
			rows = append(rows, p.troubles(o, width)...)
		}
	}
	for i, o := range p.shown {
		if t := o.now[trouble]; t != "" && fits[i] < 2 && o.told != t {
			o.told = t
			told = append(told, p.paintLines(Bad, fold(o.key+": "+t, troubleIndent, width))...)
		}
	}
	if hidden := count(fits, 0); hidden > 0 {
		rows = append(rows, []span{{Dim, fmt.Sprintf("… and %d more", hidden)}})
	}
	p.widest = 0
	for _, row := range rows {
		block = append(block, p.paint(row, width-1))
	}
	return told, block
}

// choose gives each shown object its number of lines in the block, 0 for none. Those with trouble come
// first: nobody needs to see the others wait.
func (p *Progress) choose(width, room int) []int {
	need, total := make([]int, len(p.shown)), 0
	for i, o := range p.shown {
		need[i] = 1 + len(p.troubles(o, width))
		total += need[i]
	}
	if total <= room {
		return need
	}
	// The last line tells how many are missing.
	room--
	fits := make([]int, len(need))
	for _, troubled := range []bool{true, false} {
		for i := range need {
			if (need[i] > 1) != troubled {
				continue
			}
			if fits[i] = need[i]; fits[i] > room {
				fits[i] = min(1, room)
			}
			room -= fits[i]
		}
	}
	return fits
}

func count(numbers []int, n int) (times int) {
	for _, number := range numbers {
		if number == n {
			times++
		}
	}
	return times
}

// line is an object's one line.
func (p *Progress) line(o *object, width int) []span {
	row := []span{{0, o.key}}
	if o.now[change] == "" && o.now[state] == "" {
		return row
	}
	// A long key must not push every text off the screen.
	column := min(p.column, width/2)
	row[0].text += strings.Repeat(" ", max(column-utf8.RuneCountInString(o.key), 0)+keyGap)
	switch {
	case o.now[state] == "":
		style := Good
		if !o.finished() {
			style = 0
		}
		row = append(row, span{style, o.now[change]})
	case o.now[change] == "":
		row = append(row, span{Warn, o.now[state]})
	default:
		row = append(row, span{0, o.now[change] + ", "}, span{Warn, o.now[state]})
	}
	return row
}

// troubles are the lines below it, as many as the text needs.
func (p *Progress) troubles(o *object, width int) [][]span {
	if o.now[trouble] == "" {
		return nil
	}
	indent := troubleIndent
	if width < 4*len(indent) {
		indent = ""
	}
	var rows [][]span
	for _, line := range wrap(o.now[trouble], width-1-len(indent)) {
		rows = append(rows, []span{{0, indent}, {Bad, line}})
	}
	return rows
}

// whole is all about an object in lines that are never drawn over: they may be as long as they are, and
// words in them, such as an image's name, stay whole to be copied.
func (p *Progress) whole(o *object, width int) []string {
	lines := []string{p.paint(p.line(o, width), -1)}
	if o.now[trouble] != "" {
		lines = append(lines, p.paintLines(Bad, fold(troubleIndent+o.now[trouble], troubleIndent, width))...)
	}
	return lines
}

// paint makes a line of its spans and cuts it at the limit; a negative limit is none.
func (p *Progress) paint(row []span, limit int) string {
	length := 0
	for _, s := range row {
		length += utf8.RuneCountInString(s.text)
	}
	cut := limit >= 0 && length > limit
	left := length
	if cut {
		left = max(limit-1, 0)
	}
	if limit >= 0 {
		p.widest = max(p.widest, min(length, max(limit, 1)))
	}
	var line strings.Builder
	for _, s := range row {
		text := []rune(s.text)
		text = text[:min(len(text), left)]
		left -= len(text)
		line.WriteString(p.painter.Paint(s.style, string(text)))
	}
	if cut {
		line.WriteString("…")
	}
	return line.String()
}

// paintLines paints each line by itself, so that no colour runs over a line's end.
func (p *Progress) paintLines(s Style, text string) []string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		lines[i] = p.painter.Paint(s, line)
	}
	return lines
}

// write replaces the drawn lines by permanent ones and a new block, from the first line that differs: an
// object that retires from the top needs no more than not to be touched again.
func (p *Progress) write(permanent, block []string) {
	frame := slices.Concat(permanent, block)
	same := 0
	for same < min(len(frame), len(p.drawn)) && frame[same] == p.drawn[same] {
		same++
	}
	up := len(p.drawn) - same
	p.drawn = block
	if up == 0 && same == len(frame) {
		return
	}
	var out strings.Builder
	// Something may have been typed, such as ^C.
	out.WriteString("\r")
	if up > 0 {
		fmt.Fprintf(&out, "\x1b[%dA", up)
	}
	if same < len(permanent) {
		// They may wrap, into lines that clearing one by one would miss.
		out.WriteString("\x1b[J")
	}
	for _, line := range frame[same:] {
		out.WriteString("\x1b[K" + line + "\n")
	}
	out.WriteString("\x1b[J")
	// In one piece, or it would flicker.
	fmt.Fprint(p.streams.Out, out.String())
}
