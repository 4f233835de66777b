package term

import (
	"errors"
	"strings"
	"testing"
)

// table writes rows given as cells parted by "|".
func table(t *testing.T, header string, rows ...string) string {
	t.Helper()
	var out strings.Builder
	var cells [][]string
	for _, row := range rows {
		cells = append(cells, strings.Split(row, "|"))
	}
	if err := Rows(&out, strings.Split(header, "|"), cells); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestRowsAlignsColumns(t *testing.T) {
	tests := map[string]struct {
		got  string
		want []string
	}{
		"cells wider than the header": {table(t, "POD|SENSOR|WHY", "web-76cd5|injected|a", "b|missing|it is older"), []string{
			"POD        SENSOR    WHY",
			"web-76cd5  injected  a",
			"b          missing   it is older"}},
		"a header wider than the cells": {table(t, "NAMESPACE|PODS", "a|1"), []string{
			"NAMESPACE  PODS",
			"a          1"}},
		"no rows":       {table(t, "POD|SENSOR"), []string{"POD  SENSOR"}},
		"beyond ASCII":  {table(t, "POD|WHY", "wäb|x", "a|y"), []string{"POD  WHY", "wäb  x", "a    y"}},
		"an empty cell": {table(t, "A|B|C", "1||3", "11|22|33"), []string{"A   B   C", "1       3", "11  22  33"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if want := strings.Join(test.want, "\n") + "\n"; test.got != want {
				t.Errorf("got\n%s\nwant\n%s", test.got, want)
			}
		})
	}
}

// Spaces at the end of a line make copied text and differences ugly.
func TestRowsLeavesNoSpacesAtTheEnd(t *testing.T) {
	got := table(t, "POD|SENSOR|WHY", "a|injected|", "bbbb|missing|why")
	for _, line := range strings.Split(got, "\n") {
		if strings.TrimRight(line, " \t") != line {
			t.Errorf("%q has something invisible at its end", line)
		}
	}
}

type result struct {
	Name  string   `json:"name"`
	Image string   `json:"image,omitempty"`
	Pods  []string `json:"pods"`
}

func TestStructured(t *testing.T) {
	v := result{Name: `<a & "b">`, Pods: []string{"x", "y"}}
	tests := map[Format]string{
		// Not escaped for HTML: what is printed is compared and searched by people too.
		JSON: `{
  "name": "<a & \"b\">",
  "pods": [
    "x",
    "y"
  ]
}
`,
		// The names are those of the JSON form.
		YAML: "name: <a & \"b\">\npods:\n- x\n- \"y\"\n",
	}
	for format, want := range tests {
		var out strings.Builder
		if err := Structured(&out, format, v); err != nil || out.String() != want {
			t.Errorf("%s: got %v\n%s\nwant\n%s", format, err, out.String(), want)
		}
	}
}

// A full disk or a closed pipe must not pass for success.
func TestWritersErrorsAreReturned(t *testing.T) {
	for name, write := range map[string]func() error{
		"json": func() error { return Structured(broken{}, JSON, 1) },
		"yaml": func() error { return Structured(broken{}, YAML, 1) },
		"rows": func() error { return Rows(broken{}, []string{"A"}, [][]string{{"b"}}) },
	} {
		if err := write(); !errors.Is(err, errBroken) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

var errBroken = errors.New("broken pipe")

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestFormatFlag(t *testing.T) {
	for text, want := range map[string]Format{"json": JSON, "yaml": YAML, "": Table} {
		f := Format("before")
		if err := f.Set(text); err != nil || f != want || f.String() != text {
			t.Errorf("%q: got %q, %v", text, f, err)
		}
	}
	for _, text := range []string{"xml", "JSON", "json ", "wide", "table"} {
		f := YAML
		err := f.Set(text)
		if err == nil || !strings.Contains(err.Error(), "use json or yaml") {
			t.Errorf("%q: got %v", text, err)
		}
		if f != YAML {
			t.Errorf("%q: a refused value was kept as %q", text, f)
		}
	}
	if f := Table; f.Type() != "json|yaml" {
		t.Errorf("help would say %q", f.Type())
	}
}
