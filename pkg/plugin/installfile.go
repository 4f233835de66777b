package plugin

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// notInFiles are the flags of install that say what to do with it just now.
var notInFiles = []string{"filename", "dry-run", "output", "diff", "show-secrets", "help"}

// fileReader reads flags from a YAML file: a mapping by their names. Messages name the line and the key,
// and no value, since a secret may have been put there by mistake.
type fileReader struct {
	// name is the file's and command the one that reads it, for messages.
	name, command string
	flags         *pflag.FlagSet
	// origin gets the place of each flag that is set.
	origin map[string]string
}

// fault is an error at a line.
func (r fileReader) fault(line int, next, format string, args ...any) error {
	return problem.New(problem.BadInput, next, "%s:%d: %w", r.name, line, fmt.Errorf(format, args...))
}

const fileNext = "write a YAML mapping by the names of install's flags, such as image: REGISTRY/NAME:TAG"

// read sets the flags that the file names and the command line does not.
func (r fileReader) read(content []byte) error {
	root, err := r.mapping(content)
	if err != nil {
		return err
	}
	lines := map[string]int{}
	for n := 0; n < len(root.Content); n += 2 {
		key, value := root.Content[n], root.Content[n+1]
		if r.elsewhere(key) {
			continue
		}
		flag, err := r.flag(key)
		if err != nil {
			return err
		}
		if first, twice := lines[flag.Name]; twice {
			return r.fault(key.Line, "leave one of them out", "%s is there already, on line %d", flag.Name, first)
		}
		lines[flag.Name] = key.Line
		texts, err := r.texts(flag, value)
		if err != nil {
			return err
		}
		if flag.Changed {
			// The command line wins.
			continue
		}
		for _, text := range texts {
			if err := flag.Value.Set(text.value); err != nil {
				return r.fault(text.line, r.command+" --help", "%s: %w", flag.Name, err)
			}
			r.origin[flag.Name] = fmt.Sprintf("%s:%d: %s", r.name, key.Line, flag.Name)
		}
	}
	for name := range r.origin {
		r.flags.Lookup(name).Changed = true
	}
	return nil
}

// elsewhere says whether a key is that of a flag which only up has: the file is for both.
func (r fileReader) elsewhere(key *yaml.Node) bool {
	if key.Kind != yaml.ScalarNode || !guideFlag(key.Value) {
		return false
	}
	flag := r.flags.Lookup(key.Value)
	return flag == nil || len(flag.Annotations[FlagGroup]) == 0
}

// syntaxFault is how the parser says where something is wrong.
var syntaxFault = regexp.MustCompile(`^yaml: line (\d+): (.*)`)

// mapping is the one document of the file.
func (r fileReader) mapping(content []byte) (*yaml.Node, error) {
	var document, second yaml.Node
	decoder := yaml.NewDecoder(bytes.NewReader(content))
	err := decoder.Decode(&document)
	if errors.Is(err, io.EOF) || err == nil && len(document.Content) == 0 {
		return nil, problem.New(problem.BadInput, fileNext, "%s: there is nothing in it", r.name)
	}
	if err != nil {
		return nil, r.syntax(err)
	}
	if root := document.Content[0]; root.Kind != yaml.MappingNode {
		return nil, r.fault(root.Line, fileNext, "this is not a mapping of flags")
	}
	switch err := decoder.Decode(&second); {
	case err == nil:
		return nil, r.fault(second.Line, "keep one document in the file", "a second document begins here")
	case !errors.Is(err, io.EOF):
		return nil, r.syntax(err)
	}
	return document.Content[0], nil
}

func (r fileReader) syntax(err error) error {
	if at := syntaxFault.FindStringSubmatch(err.Error()); at != nil {
		return problem.New(problem.BadInput, "mend the line, or the one before it", "%s:%s: this is not YAML: %s", r.name, at[1], at[2])
	}
	return problem.New(problem.BadInput, fileNext, "%s: this is not YAML: %s", r.name, strings.TrimPrefix(err.Error(), "yaml: "))
}

// flag is the one that a key names.
func (r fileReader) flag(key *yaml.Node) (*pflag.Flag, error) {
	if key.Kind != yaml.ScalarNode {
		return nil, r.fault(key.Line, fileNext, "this key is not the name of a flag")
	}
	name := key.Value
	flag := r.flags.Lookup(name)
	switch {
	case slices.Contains(notInFiles, name):
		return nil, r.fault(key.Line, "give --"+name+" on the command line", "%s is about one run, so it does not go into a file", name)
	case flag != nil && len(flag.Annotations[FlagGroup]) > 0:
		return flag, nil
	case flag != nil:
		return nil, r.fault(key.Line, "give --"+name+" on the command line", "%s is a flag of all commands, which do not read this file", name)
	}
	next := r.command + " --help lists the flags; write them without dashes in front"
	if near := r.near(name); near != "" {
		next = "did you mean: " + near + "?"
	}
	return nil, r.fault(key.Line, next, "%s has no flag %q", strings.TrimPrefix(r.command, commandName+" "), name)
}

// near is the flag that a mistyped name is closest to, if one is close. pullSecret, pull_secret and
// --pull-secret all mean pull-secret.
func (r fileReader) near(name string) string {
	plain := func(s string) string { return strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(s)) }
	best, nearest := 3, ""
	r.flags.VisitAll(func(f *pflag.Flag) {
		if len(f.Annotations[FlagGroup]) == 0 || slices.Contains(notInFiles, f.Name) {
			return
		}
		if d := distance(plain(name), plain(f.Name)); d < best {
			best, nearest = d, f.Name
		}
	})
	return nearest
}

// distance is how many letters one must add, drop or change to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// placed is a text and the line it is from.
type placed struct {
	value string
	line  int
}

// texts are what the flag is to be set to, one after the other.
func (r fileReader) texts(flag *pflag.Flag, value *yaml.Node) ([]placed, error) {
	value = followed(value)
	switch flag.Value.(type) {
	case list, tolerations:
		if value.Kind != yaml.SequenceNode {
			one, err := r.scalar(flag, value, "a list")
			return []placed{one}, err
		}
		var all []placed
		for _, item := range value.Content {
			one, err := r.scalar(flag, followed(item), "a list of plain values")
			if err != nil {
				return nil, err
			}
			all = append(all, one)
		}
		return all, nil
	case pairs:
		return r.pairs(flag, value)
	}
	want := "one plain value"
	switch {
	case flag.Value.Type() == "bool":
		want = "true or false"
	case flag.Value.Type() == number{}.Type():
		want = "a whole number"
	}
	one, err := r.scalar(flag, value, want)
	return []placed{one}, err
}

func (r fileReader) pairs(flag *pflag.Flag, value *yaml.Node) ([]placed, error) {
	const want = "a mapping of plain values"
	if value.Kind != yaml.MappingNode {
		return nil, r.wrongKind(flag, value, want)
	}
	var all []placed
	for n := 0; n < len(value.Content); n += 2 {
		key := followed(value.Content[n])
		one, err := r.scalar(flag, followed(value.Content[n+1]), want)
		if err != nil {
			return nil, err
		}
		if key.Kind != yaml.ScalarNode || strings.Contains(key.Value, "=") {
			return nil, r.fault(key.Line, "write KEY: VALUE", "%s: this is not a key", flag.Name)
		}
		all = append(all, placed{key.Value + "=" + one.value, key.Line})
	}
	return all, nil
}

// scalar is the text of a plain value of the right kind. Numbers and dates stay as they were written.
func (r fileReader) scalar(flag *pflag.Flag, value *yaml.Node, want string) (placed, error) {
	tags := []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp"}
	switch flag.Value.Type() {
	case "bool":
		tags = []string{"!!bool"}
	case number{}.Type():
		tags = []string{"!!int"}
	}
	if value.Kind != yaml.ScalarNode || !slices.Contains(tags, value.ShortTag()) {
		return placed{}, r.wrongKind(flag, value, want)
	}
	return placed{value.Value, value.Line}, nil
}

func (r fileReader) wrongKind(flag *pflag.Flag, value *yaml.Node, want string) error {
	return r.fault(value.Line, r.command+" --help", "%s takes %s", flag.Name, want)
}

// followed is the node that an alias stands for.
func followed(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode {
		return n.Alias
	}
	return n
}
