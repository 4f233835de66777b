package term

import "strings"

// columnGap is between two columns.
const columnGap = "  "

// Columns are a table whose rows are written as they come, so that nobody waits for the last to see the
// first. What is wider than its column pushes the rest of its row aside.
type Columns struct {
	header []string
	widths []int
}

// NewColumns makes a table with a header. widths are how wide the cells will be, as far as that is known.
func NewColumns(header []string, widths []int) *Columns {
	c := &Columns{header: header, widths: make([]int, len(header))}
	for n := range header {
		c.widths[n] = columns(header[n])
		if n < len(widths) {
			c.widths[n] = max(c.widths[n], widths[n])
		}
	}
	return c
}

// Header is the first line.
func (c *Columns) Header() string { return c.Row(c.header...) }

// Row is one line without its end. The cells may come from the cluster: they are made harmless.
func (c *Columns) Row(cells ...string) string {
	var line strings.Builder
	for n, cell := range cells {
		cell = clean(cell)
		line.WriteString(cell)
		if n < len(cells)-1 {
			line.WriteString(strings.Repeat(" ", max(c.widths[n]-columns(cell), 0)) + columnGap)
		}
	}
	return strings.TrimRight(line.String(), " ")
}
