package query

import (
	"errors"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// shelf is what the templates of these tests pick from.
type shelf struct {
	Books []book         `json:"books"`
	Count map[string]int `json:"count,omitempty"`
}

type book struct {
	Title string `json:"title"`
	Pages int    `json:"pages"`
	Note  string `json:"note,omitempty"`
}

var data = Data{
	Value: shelf{Books: []book{{"a", 100, "old"}, {"b", 1_000_000, ""}}, Count: map[string]int{"lent": 1}},
	Name:  "a shelf", Example: "{.books[*].title}",
	Keys: func(key string) bool { return key == "lost" },
}

func TestJSONPath(t *testing.T) {
	for template, want := range map[string]string{
		"{.books[*].title}":                             "a b",
		".books[0].title":                               "a",
		"books[1].title":                                "b",
		"{.books[?(@.pages>500)]}":                      `{"pages":1000000,"title":"b"}`,
		`{range .books[*]}{.title}={.pages}{"\n"}{end}`: "a=100\nb=1000000\n",
		"{.count.lent}":                                 "1",
		"{.count.lost}":                                 "",
		"{.books[*].note}":                              "old",
		"{.books[0].title}":                             "a",
	} {
		var out strings.Builder
		if err := JSONPath(&out, data, template); err != nil || strings.TrimSuffix(out.String(), "\n") != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s: %q, %v, want %q", template, out.String(), err, want)
		}
	}
}

func TestJSONPathThatCannotBeMeant(t *testing.T) {
	for template, says := range map[string]string{
		"":                "it is empty",
		"{.books[":        "cannot be read",
		"{.boks}":         "does not fit a shelf",
		"{.count.stolen}": "does not fit a shelf",
	} {
		var out strings.Builder
		err := JSONPath(&out, data, template)
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Error(), says) || out.Len() > 0 {
			t.Errorf("%q: %v, and wrote %q", template, err, out.String())
		}
	}
}
