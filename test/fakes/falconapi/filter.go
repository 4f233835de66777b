package falconapi

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// term is one condition of a filter: field:'value', field:>'value', or field:['value','value'].
type term struct {
	field, operator string
	values          []string
}

// parse understands as much of the filter language FQL as this tool uses: conditions joined by +.
func parse(filter string) ([]term, *apiError) {
	wrong := &apiError{http.StatusBadRequest, fmt.Sprintf("invalid filter expression: %q", filter)}
	var terms []term
	for rest := filter; rest != ""; {
		field, behind, ok := strings.Cut(rest, ":")
		if !ok {
			return nil, wrong
		}
		t := term{field: field}
		for _, op := range []string{">=", "<=", ">", "<", "!"} {
			if after, found := strings.CutPrefix(behind, op); found {
				t.operator, behind = op, after
				break
			}
		}
		list := strings.HasPrefix(behind, "[")
		behind = strings.TrimPrefix(behind, "[")
		for {
			value, after, ok := quoted(behind)
			if !ok {
				return nil, wrong
			}
			t.values, behind = append(t.values, value), after
			if !list || !strings.HasPrefix(behind, ",") {
				break
			}
			behind = behind[1:]
		}
		if list && !strings.HasPrefix(behind, "]") {
			return nil, wrong
		}
		behind = strings.TrimPrefix(behind, "]")
		if behind != "" && !strings.HasPrefix(behind, "+") {
			return nil, wrong
		}
		terms, rest = append(terms, t), strings.TrimPrefix(behind, "+")
	}
	return terms, nil
}

// quoted takes a text in single quotes off the front.
func quoted(s string) (value, rest string, ok bool) {
	if !strings.HasPrefix(s, "'") {
		return "", "", false
	}
	var b strings.Builder
	for n := 1; n < len(s); n++ {
		switch {
		case s[n] == '\\' && n+1 < len(s):
			n++
			b.WriteByte(s[n])
		case s[n] == '\'':
			return b.String(), s[n+1:], true
		default:
			b.WriteByte(s[n])
		}
	}
	return "", "", false
}

// fits says whether a record meets all conditions. Times are compared as times, everything else as text.
func fits(record map[string]any, terms []term) bool {
	for _, t := range terms {
		have := fmt.Sprint(record[t.field])
		met := false
		for _, want := range t.values {
			met = met || holds(have, t.operator, want)
		}
		if !met {
			return false
		}
	}
	return true
}

func holds(have, operator, want string) bool {
	order := strings.Compare(have, want)
	a, err := time.Parse(time.RFC3339Nano, have)
	b, other := time.Parse(time.RFC3339Nano, want)
	if err == nil && other == nil {
		order = a.Compare(b)
	}
	switch operator {
	case ">":
		return order > 0
	case ">=":
		return order >= 0
	case "<":
		return order < 0
	case "<=":
		return order <= 0
	case "!":
		return order != 0
	}
	return order == 0
}
