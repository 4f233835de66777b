package report

import (
	"encoding/json"
	"io"
	"reflect"
	"regexp"
	"slices"
	"strings"

	utiljson "k8s.io/apimachinery/pkg/util/json"
	"k8s.io/client-go/util/jsonpath"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// JSONPath writes what a template picks from the report's JSON, in kubectl's form of JSONPath; a single
// expression may lack its braces and its first dot, as for kubectl's custom columns. It refuses, as
// problem.BadInput, a template that cannot be read and one that asks for what no report has.
func JSONPath(w io.Writer, r *verify.Report, template string) error {
	const example = "give one such as {.clusters[0].coverage.pods}"
	if strings.TrimSpace(template) == "" {
		return problem.New(problem.BadInput, example, "the JSONPath cannot be used: it is empty")
	}
	path := jsonpath.New("template")
	if err := path.Parse(braced(template)); err != nil {
		return problem.New(problem.BadInput, example,
			"the JSONPath %q cannot be read: %w", template, err)
	}
	text, err := json.Marshal(r)
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
	if err != nil && optional(err) {
		// A report leaves out what is empty, which is no mistake of who asks for it.
		out.Reset()
		err = path.AllowMissingKeys(true).Execute(&out, data)
	}
	if err != nil {
		return problem.New(problem.BadInput, "see the fields with -o json",
			"the JSONPath %q does not fit a report: %w", template, err)
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

// optional says whether an error is about a field that a report may have.
func optional(err error) bool {
	name, missing := strings.CutSuffix(err.Error(), " is not found")
	return missing && (slices.Contains(verify.PodVerdicts, verify.PodVerdict(name)) ||
		fields(reflect.TypeFor[verify.Report](), map[string]bool{})[name])
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
