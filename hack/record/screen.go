//go:build linux

package main

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// cell is one character and how it looks.
type cell struct {
	r     rune
	style style
}

// style is what a terminal was told about colours: the number of a colour, from 30 on, or 0.
type style struct {
	colour    int
	bold, dim bool
}

// screen is as much of a terminal as kubectl and the plugin use.
type screen struct {
	cells         [][]cell
	columns       int
	row, column   int
	style         style
	escape, split []byte
}

func newScreen(columns, rows int) *screen {
	s := &screen{columns: columns}
	for range rows {
		s.cells = append(s.cells, s.blank())
	}
	return s
}

func (s *screen) blank() []cell { return make([]cell, s.columns) }

// write does what a terminal does with the bytes of a program.
func (s *screen) write(output []byte) {
	output = append(s.split, output...)
	s.split = nil
	for len(output) > 0 {
		b := output[0]
		switch {
		case len(s.escape) > 0:
			s.escape = append(s.escape, b)
			output = output[1:]
			// A sequence is ESC [, numbers, and a letter.
			if len(s.escape) > 2 && b >= '@' && b <= '~' {
				s.control(string(s.escape[2:len(s.escape)-1]), b)
				s.escape = nil
			}
		case b == 0x1b:
			s.escape = append(s.escape, b)
			output = output[1:]
		case b < ' ':
			s.move(b)
			output = output[1:]
		case !utf8.FullRune(output):
			s.split = append(s.split, output...)
			return
		default:
			r, size := utf8.DecodeRune(output)
			s.put(r)
			output = output[size:]
		}
	}
}

func (s *screen) move(b byte) {
	switch b {
	case '\r':
		s.column = 0
	case '\b':
		s.column = max(0, s.column-1)
	case '\t':
		s.column = min(s.columns-1, (s.column/8+1)*8)
	case '\n':
		if s.row++; s.row == len(s.cells) {
			s.cells = append(s.cells[1:], s.blank())
			s.row--
		}
	}
}

func (s *screen) put(r rune) {
	if s.column == s.columns {
		s.column = 0
		s.move('\n')
	}
	s.cells[s.row][s.column] = cell{r, s.style}
	s.column++
}

// control is an escape sequence: its numbers and its letter.
func (s *screen) control(numbers string, letter byte) {
	var all []int
	for n := range strings.SplitSeq(numbers, ";") {
		// What is no number, such as that of a private mode, is left out.
		v, _ := strconv.Atoi(n)
		all = append(all, v)
	}
	by := max(1, all[0])
	switch letter {
	case 'm':
		for _, n := range all {
			s.look(n)
		}
	case 'A':
		s.row = max(0, s.row-by)
	case 'B':
		s.row = min(len(s.cells)-1, s.row+by)
	case 'C':
		s.column = min(s.columns-1, s.column+by)
	case 'D':
		s.column = max(0, s.column-by)
	case 'G':
		s.column = min(s.columns, by) - 1
	case 'K':
		s.erase(all[0])
	case 'J':
		s.erase(0)
		for i := s.row + 1; i < len(s.cells); i++ {
			s.cells[i] = s.blank()
		}
	}
}

// erase empties the line from the cursor on, up to it, or all of it.
func (s *screen) erase(what int) {
	from, to := min(s.column, s.columns), s.columns
	switch what {
	case 1:
		from, to = 0, min(s.column+1, s.columns)
	case 2:
		from = 0
	}
	clear(s.cells[s.row][from:to])
}

func (s *screen) look(n int) {
	switch {
	case n == 0:
		s.style = style{}
	case n == 1:
		s.style.bold = true
	case n == 2:
		s.style.dim = true
	case n == 22:
		s.style.bold, s.style.dim = false, false
	case n == 39:
		s.style.colour = 0
	case n >= 30 && n <= 37, n >= 90 && n <= 97:
		s.style.colour = n
	}
}
