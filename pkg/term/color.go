package term

import (
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	xterm "golang.org/x/term"
)

// ColorMode is when output is coloured. The zero value is ColorAuto.
type ColorMode string

// The modes. Auto colours for a person at a terminal who has not asked for none.
const (
	ColorAuto   ColorMode = "auto"
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// ColorModes are the values of a flag of this kind.
var ColorModes = []string{string(ColorAuto), string(ColorAlways), string(ColorNever)}

// String returns the mode's name.
func (m *ColorMode) String() string {
	if *m == "" {
		return string(ColorAuto)
	}
	return string(*m)
}

// Type is what a flag of this kind takes, for its help.
func (m *ColorMode) Type() string { return strings.Join(ColorModes, "|") }

// Set reads a mode from a flag's value and refuses one that is not known.
func (m *ColorMode) Set(text string) error {
	if !slices.Contains(ColorModes, text) {
		return errors.New("it is not a mode of colour; use auto, always or never")
	}
	*m = ColorMode(text)
	return nil
}

// Enabled reports whether what is written to w is coloured. The environment comes through getenv, since
// only package plugin may read it.
func (m ColorMode) Enabled(w io.Writer, getenv func(string) string) bool {
	switch m {
	case ColorAlways:
		return true
	case ColorNever:
		return false
	}
	// Set but empty is as unset (https://no-color.org).
	return getenv("NO_COLOR") == "" && obeys(w, getenv)
}

// Live reports whether lines on both streams may be updated in place: they share one screen, so one that
// goes elsewhere, or a terminal that cannot move its cursor, means lines that stay.
func Live(s Streams, getenv func(string) string) bool {
	return obeys(s.Out, getenv) && obeys(s.Err, getenv)
}

// Interactive reports whether somebody can be asked: In and Err are both terminals.
func Interactive(s Streams) bool {
	in, ok := s.In.(*os.File)
	if !ok || !xterm.IsTerminal(int(in.Fd())) {
		return false
	}
	_, ok = terminal(s.Err)
	return ok
}

// obeys reports whether w is a terminal that knows escape sequences.
func obeys(w io.Writer, getenv func(string) string) bool {
	file, ok := terminal(w)
	return ok && getenv("TERM") != "dumb" && understands(file)
}

// Style is what a piece of text means to the reader; the colour follows from it. The zero value is plain.
type Style int

// The styles: green, red, yellow and faint.
const (
	Good Style = iota + 1
	Bad
	Warn
	Dim
)

// codes are the parameters of SGR. The eight basic colours follow the reader's own theme.
var codes = map[Style]string{Good: "32", Bad: "31", Warn: "33", Dim: "2"}

// Painter colours text, or leaves it as it is: the zero value is off.
type Painter struct{ On bool }

// Paint returns text in the style.
func (p Painter) Paint(s Style, text string) string {
	code, ok := codes[s]
	if !p.On || !ok || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}
