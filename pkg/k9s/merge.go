package k9s

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The lines around what is ours.
const (
	begin = "# kubectl falcon k9s: what is between these two lines is replaced by install, removed by uninstall"
	end   = "# kubectl falcon k9s: end"
)

// byteOrder is what some editors begin a file with.
const byteOrder = "\ufeff"

// root is the one key of a plugins file in its usual form.
const root = "plugins"

// Merge returns a plugins file with our keys in it. name is what errors call the file.
func Merge(name string, content []byte) ([]byte, error) {
	rest, _, err := Remove(name, content)
	if err != nil {
		return nil, err
	}
	where, err := place(name, rest)
	if err != nil {
		return nil, err
	}
	merged := where.insert(rest)
	// Whatever was overlooked in a file, it must not be damaged by us.
	before, after := entries(rest), entries(merged)
	for _, key := range before.keys() {
		if !reflect.DeepEqual(after[key], before[key]) {
			return nil, refuse(name, "it cannot be merged without changing "+key)
		}
	}
	if len(after) != len(before)+len(entries([]byte(plugins))) {
		return nil, refuse(name, "its form is not understood")
	}
	return merged, nil
}

// Remove returns a plugins file without our keys, and says whether they were there.
func Remove(name string, content []byte) (rest []byte, found bool, err error) {
	from, to := -1, -1
	content, marked := bytes.CutPrefix(content, []byte(byteOrder))
	if marked {
		defer func() {
			if err == nil {
				rest = append([]byte(byteOrder), rest...)
			}
		}()
	}
	lines := bytes.SplitAfter(content, []byte("\n"))
	for n, line := range lines {
		switch string(bytes.TrimSpace(line)) {
		case begin:
			if from >= 0 {
				return nil, false, damaged(name)
			}
			from = n
		case end:
			if from < 0 || to >= 0 {
				return nil, false, damaged(name)
			}
			to = n
		}
	}
	switch {
	case from < 0:
		return content, false, nil
	case to < 0:
		return nil, false, damaged(name)
	}
	return bytes.Join(append(lines[:from:from], lines[to+1:]...), nil), true, nil
}

func damaged(name string) error {
	return problem.New(problem.BadInput, "remove the entries that begin with kubectl-falcon- and the lines with \"kubectl falcon k9s:\", then run it again",
		"%s was left as it is: of the lines around our entries one is missing or there twice", name)
}

func refuse(name, why string) error {
	return problem.New(problem.BadInput, "put in what kubectl falcon k9s print prints by hand", "%s was left as it is: %s", name, why)
}

// spot is where our text goes: before the line with this number, indented so far.
type spot struct {
	line, indent int
	// whole says that the key above the entries is missing too.
	whole bool
}

// place looks where our entries go in a file that has none. They go first, since where the last entry of another
// ends is not for us to guess.
func place(name string, content []byte) (spot, error) {
	var document yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	switch err := decoder.Decode(&document); {
	case errors.Is(err, io.EOF):
		return spot{line: top(content, len(content)), indent: 2, whole: true}, nil
	case err != nil:
		return spot{}, problem.New(problem.BadInput, "mend it first", "%s is no YAML: %w", name, err)
	case decoder.Decode(&yaml.Node{}) == nil:
		return spot{}, refuse(name, "it has more than one document")
	}
	in := document.Content[0]
	if in.Kind == yaml.ScalarNode && in.Tag == "!!null" {
		if in.Value != "" {
			return spot{}, refuse(name, "it is the word "+in.Value)
		}
		return spot{line: top(content, len(content)), indent: 2, whole: true}, nil
	}
	if in.Kind != yaml.MappingNode {
		return spot{}, refuse(name, "it has no plugins by their names")
	}
	for n := 0; n+1 < len(in.Content); n += 2 {
		if key, value := in.Content[n], in.Content[n+1]; key.Value == root && value.Tag != "!!str" {
			return below(name, key, value)
		}
	}
	return bare(name, content, in)
}

// below is the place under the key plugins.
func below(name string, key, value *yaml.Node) (spot, error) {
	switch {
	case value.Kind == yaml.ScalarNode && value.Tag == "!!null" && value.Value == "":
		return spot{line: key.Line, indent: key.Column + 1}, nil
	case value.Kind != yaml.MappingNode || value.Style&yaml.FlowStyle != 0 || len(value.Content) == 0 || value.Content[0].Line <= key.Line:
		return spot{}, refuse(name, "what is under plugins is not written one entry a line")
	}
	return spot{line: key.Line, indent: value.Content[0].Column - 1}, foreign(name, value)
}

// bare is the place in a file whose entries have no key above them.
func bare(name string, content []byte, in *yaml.Node) (spot, error) {
	for n := 0; n+1 < len(in.Content); n += 2 {
		if in.Content[n+1].Kind != yaml.MappingNode {
			return spot{}, refuse(name, "it is one plugin without a name; put it under plugins: and a name")
		}
	}
	if in.Style&yaml.FlowStyle != 0 || len(in.Content) == 0 {
		return spot{}, refuse(name, "it is not written one entry a line")
	}
	first := in.Content[0]
	return spot{line: top(content, first.Line-1), indent: first.Column - 1}, foreign(name, in)
}

// top is the line before which something can go that is to be first: behind the sign that a document begins.
func top(content []byte, lines int) int {
	for n, line := range bytes.Split(content, []byte("\n")) {
		if n < lines && strings.TrimRight(string(line), " \t\r") == "---" {
			return n + 1
		}
	}
	return 0
}

// foreign refuses a file in which our names are somebody else's.
func foreign(name string, in *yaml.Node) error {
	ours := entries([]byte(plugins))
	for n := 0; n < len(in.Content); n += 2 {
		if _, is := ours[in.Content[n].Value]; is {
			return problem.New(problem.BadInput, "give it another name or remove it, then run it again",
				"%s was left as it is: its plugin %s was not put there by kubectl falcon k9s install", name, in.Content[n].Value)
		}
	}
	return nil
}

// insert puts our text in its place, with the line ends that are there.
func (s spot) insert(content []byte) []byte {
	lineEnd := "\n"
	if first := bytes.IndexByte(content, '\n'); first > 0 && content[first-1] == '\r' {
		lineEnd = "\r\n"
	}
	_, body, _ := strings.Cut(plugins, "\n"+root+":\n")
	indent, margin := strings.Repeat(" ", s.indent), ""
	ours := []string{begin}
	if s.whole {
		ours = append(ours, root+":")
	} else {
		margin = indent
	}
	ours[0] = margin + ours[0]
	for _, line := range strings.Split(strings.TrimSuffix(body, "\n"), "\n") {
		ours = append(ours, indent+strings.TrimPrefix(line, "  "))
	}
	text := strings.Join(append(ours, margin+end), lineEnd) + lineEnd

	lines := bytes.SplitAfter(content, []byte("\n"))
	at := 0
	for _, line := range lines[:min(s.line, len(lines))] {
		at += len(line)
	}
	if at == 0 && bytes.HasPrefix(content, []byte(byteOrder)) {
		at = len(byteOrder)
	}
	if at > 0 && at == len(content) && content[at-1] != '\n' && s.line > 0 {
		text = lineEnd + text
	}
	return slices.Concat(content[:at:at], []byte(text), content[at:])
}

// contents are the plugins of a file by their names, without comments.
type contents map[string]any

func (c contents) keys() []string { return slices.Sorted(maps.Keys(c)) }

// entries reads the plugins of a file in either form.
func entries(content []byte) contents {
	var file contents
	if yaml.Unmarshal(content, &file) != nil {
		return nil
	}
	switch under := file[root].(type) {
	case nil:
		delete(file, root)
	case contents:
		return under
	case map[string]any:
		return under
	}
	return file
}
