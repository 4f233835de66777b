// Package term puts results on the screen: tables for people, JSON and YAML for programs.
//
// It must know nothing of what it prints, and is used by package plugin alone.
package term

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"sigs.k8s.io/yaml"
)

// Streams are where a command reads and writes: Out is data, Err is for people.
type Streams struct {
	In  io.Reader
	Out io.Writer
	Err io.Writer
}

// Format is how a result is printed.
type Format string

// The formats. Table is the empty one, so that it is the default.
const (
	Table Format = ""
	JSON  Format = "json"
	YAML  Format = "yaml"
)

// Formats are the values of -o besides the default.
var Formats = []string{string(JSON), string(YAML)}

// String returns the format's name.
func (f *Format) String() string { return string(*f) }

// Type is what a flag of this kind takes, for its help.
func (f *Format) Type() string { return strings.Join(Formats, "|") }

// Set reads a format from a flag's value and refuses one that is not known.
func (f *Format) Set(text string) error {
	if text != string(Table) && !slices.Contains(Formats, text) {
		return fmt.Errorf("it is not a format; use %s", strings.Join(Formats, " or "))
	}
	*f = Format(text)
	return nil
}

// Structured writes v in a format that is not Table.
func Structured(w io.Writer, f Format, v any) error {
	if f == YAML {
		content, err := yaml.Marshal(v)
		if err != nil {
			return err
		}
		_, err = w.Write(content)
		return err
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// Rows writes a table with a header; columns are as wide as they need to be, two spaces apart.
func Rows(w io.Writer, header []string, rows [][]string) error {
	var aligned strings.Builder
	t := tabwriter.NewWriter(&aligned, 0, 0, 2, ' ', 0)
	for _, row := range append([][]string{header}, rows...) {
		// Every row needs all its cells, or the columns after it begin anew.
		if _, err := fmt.Fprintln(t, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for line := range strings.Lines(aligned.String()) {
		if _, err := fmt.Fprintln(w, strings.TrimRight(line, " \n")); err != nil {
			return err
		}
	}
	return nil
}
