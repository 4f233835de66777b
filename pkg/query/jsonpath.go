// Package query picks from data by kubectl's form of JSONPath. It is a leaf and knows nothing of what it picks
// from.
package query

import (
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Data is what a template picks from.
type Data struct {
	// Value is any value that encoding/json can write.
	Value any
	// Name is what messages call it, such as "a report", and Example a template that fits it.
	Name, Example string
	// Keys says which keys of its maps may be there or not; nil is none.
	Keys func(key string) bool
}

// JSONPath writes what a template picks from the data's JSON, in kubectl's form of JSONPath; a single
// expression may lack its braces and its first dot, as for kubectl's custom columns. It refuses, as
// problem.BadInput, a template that cannot be read and one that asks for what no such data has.
func JSONPath(w io.Writer, d Data, template string) error {
	example := "give one such as " + d.Example
	if strings.TrimSpace(template) == "" {
		return problem.New(problem.BadInput, example, "the JSONPath cannot be used: it is empty")
	}
	path := jsonpath.New("template")
	if err := path.Parse(braced(template)); err != nil {
		return problem.New(problem.BadInput, example,
			"the JSONPath %q cannot be read: %w", template, err)
	}
	text, err := json.Marshal(d.Value)
	if err != nil {
		return err
	}
	// Not encoding/json: it makes every number a float, which compares with no integer of a filter.
	var data any
	if err := utiljson.Unmarshal(text, &data); err != nil {
		return err
	}
	var out strings.Builder
	err = path.Execute(&out, data)
	if err != nil && d.optional(err) {
		// A report leaves out what is empty, which is no mistake of who asks for it.
		out.Reset()
		err = path.AllowMissingKeys(true).Execute(&out, data)
	}
	if err != nil {
		return problem.New(problem.BadInput, "see the fields with -o json",
			"the JSONPath %q does not fit %s: %w", template, d.Name, err)
	}
	text = []byte(out.String())
	if len(text) > 0 && text[len(text)-1] != '\n' {
		text = append(text, '\n')
	}
	_, err = w.Write(text)
	return err
}

// bare is one expression without the braces.
var bare = regexp.MustCompile(`^\s*\.?([^{}\s][^{}]*)$`)

func braced(template string) string {
	if found := bare.FindStringSubmatch(template); found != nil {
		if strings.HasPrefix(found[1], "[") || strings.HasPrefix(found[1], ".") || strings.HasPrefix(found[1], "$") {
			return "{" + found[1] + "}"
		}
		return "{." + found[1] + "}"
	}
	return template
}

// optional says whether an error is about a field that such data may have.
func (d Data) optional(err error) bool {
	name, missing := strings.CutSuffix(err.Error(), " is not found")
	return missing && (d.Keys != nil && d.Keys(name) || fields(reflect.TypeOf(d.Value), map[string]bool{})[name])
}

// fields collects the names that a type has in JSON, and those of the types in it.
func fields(t reflect.Type, found map[string]bool) map[string]bool {
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		return fields(t.Elem(), found)
	case reflect.Struct:
		for n := range t.NumField() {
			f := t.Field(n)
			if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" {
				found[name] = true
				fields(f.Type, found)
			}
		}
	}
	return found
}
