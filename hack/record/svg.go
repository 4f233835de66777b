//go:build linux

package main

import (
	"fmt"
	"html"
	"strings"
)

// The size of a character and of the frame around them, in pixels.
const (
	width, height = 8.4, 18.0
	margin, bar   = 14.0, 30.0
)

// colours are those of a terminal by its numbers, on a dark ground.
var colours = map[int]string{30: "#6e7681", 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 34: "#79c0ff", 35: "#d2a8ff", 36: "#76e3ea",
	37: "#e6edf3", 90: "#8b949e", 91: "#ffa198", 92: "#9be9a8", 93: "#f2cc60", 94: "#a5d6ff", 95: "#e2c5ff", 96: "#b3f0ff", 97: "#ffffff"}

// draw returns the content of each line of the screen as SVG, empty for an empty line.
func (s *screen) draw() []string {
	lines := make([]string, len(s.cells))
	for i, row := range s.cells {
		var b strings.Builder
		for from := 0; from < len(row); {
			to := from + 1
			for to < len(row) && row[to].style == row[from].style && (row[to].r == 0) == (row[from].r == 0) {
				to++
			}
			if row[from].r != 0 {
				span(&b, row[from:to], from)
			}
			from = to
		}
		lines[i] = b.String()
	}
	return lines
}

// span is characters of one look. Its length is said, so that it is right whatever the font.
func span(b *strings.Builder, cells []cell, column int) {
	var text strings.Builder
	for _, c := range cells {
		text.WriteRune(c.r)
	}
	if strings.TrimSpace(text.String()) == "" {
		return
	}
	look := ""
	if c := colours[cells[0].style.colour]; c != "" {
		look += fmt.Sprintf(` fill="%s"`, c)
	}
	if cells[0].style.bold {
		look += ` font-weight="bold"`
	}
	if cells[0].style.dim {
		look += ` opacity=".65"`
	}
	fmt.Fprintf(b, `<tspan x="%.1f" textLength="%.1f"%s>%s</tspan>`, float64(column)*width, float64(len(cells))*width, look,
		html.EscapeString(text.String()))
}

// svg is a strip of all frames, one below the other, of which a window shows one at a time. Whoever wants no
// motion sees the last one.
func (f *film) svg() string {
	w, h := columns*width+2*margin, rows*height+2*margin+bar
	total := (f.now + 4*reading/2).Seconds()
	step := float64(rows) * height
	var b, keys strings.Builder
	for i, fr := range f.frames {
		fmt.Fprintf(&keys, "%.3f%%{transform:translateY(%.0fpx)}", 100*fr.at.Seconds()/total, -float64(i)*step)
	}
	last := -float64(len(f.frames)-1) * step
	fmt.Fprintf(&keys, "100%%{transform:translateY(%.0fpx)}", last)
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="A recorded terminal session of kubectl falcon">
<style>text{font:14px ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;fill:#e6edf3;white-space:pre}
#f{animation:f %.2fs steps(1,end) infinite}@keyframes f{%s}
@media(prefers-reduced-motion:reduce){#f{animation:none;transform:translateY(%.0fpx)}}</style>
<rect width="100%%" height="100%%" rx="8" fill="#0d1117"/>
<circle cx="20" cy="16" r="5" fill="#484f58"/><circle cx="38" cy="16" r="5" fill="#484f58"/><circle cx="56" cy="16" r="5" fill="#484f58"/>
`, w, h, w, h, total, keys.String(), last)
	// A line that comes again is drawn once.
	names := map[string]int{}
	b.WriteString("<defs>\n")
	for _, fr := range f.frames {
		for _, line := range fr.lines {
			if _, known := names[line]; line != "" && !known {
				names[line] = len(names)
				fmt.Fprintf(&b, "<text id=\"l%d\" xml:space=\"preserve\">%s</text>\n", names[line], line)
			}
		}
	}
	fmt.Fprintf(&b, "</defs>\n<svg x=\"%.0f\" y=\"%.0f\" width=\"%.0f\" height=\"%.0f\"><g id=\"f\">\n", margin, margin+bar-8, columns*width, step)
	for i, fr := range f.frames {
		for n, line := range fr.lines {
			if line != "" {
				fmt.Fprintf(&b, "<use xlink:href=\"#l%d\" y=\"%.0f\"/>", names[line], float64(i)*step+float64(n+1)*height-4)
			}
		}
		b.WriteByte('\n')
	}
	b.WriteString("</g></svg>\n</svg>\n")
	return b.String()
}
