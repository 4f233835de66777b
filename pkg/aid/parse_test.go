package aid

import (
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const id = "44e3b7d20b434a2bb2815d9808fa3a8b"

// answers are what falconctl was seen to print (public parsers, fixtures and the vendor's guide), and what
// a broken transport makes of it.
var answers = map[string]struct {
	output string
	id     string
	err    error
}{
	"the usual":        {`aid="` + id + "\".\n", id, nil},
	"no newline":       {`aid="` + id + `".`, id, nil},
	"no period":        {`aid="` + id + `"` + "\n", id, nil},
	"no quotes":        {"aid=" + id + ".\n", id, nil},
	"bare":             {"aid=" + id, id, nil},
	"upper case":       {`AID="` + strings.ToUpper(id) + "\".\n", id, nil},
	"spaces":           {`aid = "` + id + `".`, id, nil},
	"carriage return":  {"aid=" + id + "\r\n", id, nil},
	"after a warning":  {"WARNING: no backend\naid=\"" + id + "\".\n", id, nil},
	"combined, older":  {`aid="` + id + `", apd is not set, aph is not set, app is not set, rfm-state=false, rfm-reason=None, code=0x0, version = 6.24.12104.0tags=a,b,`, id, nil},
	"combined, newer":  {`cid="0123456789abcdef0123456789abcdef", aid="` + id + "\", version = 7.29.18202.0\nrfm-state=true,\n", id, nil},
	"other order":      {`cid is not set, aid="` + id + `",`, id, nil},
	"unset":            {"aid is not set.\n", "", ErrUnset},
	"unset, no period": {"aid is not set", "", ErrUnset},
	"unset, combined":  {`cid="0123456789abcdef0123456789abcdef", aid is not set, version = 7.29.18202.0` + "\n", "", ErrUnset},
	"unset, loud":      {"AID IS NOT SET.", "", ErrUnset},

	"nothing":             {"", "", errNoAnswer},
	"a blank line":        {"\n", "", errNoAnswer},
	"one digit too many":  {`aid="` + id + "0\".", "", errNoAnswer},
	"one digit too few":   {`aid="` + id[1:] + `".`, "", errNoAnswer},
	"too few, then text":  {"aid=" + id[1:] + "z", "", errNoAnswer},
	"cut in the middle":   {`aid="44e3b7d20b434a2b`, "", errNoAnswer},
	"cut before it":       {"aid=", "", errNoAnswer},
	"cut in two":          {"aid=\"44e3b7d20b434a2b\nb2815d9808fa3a8b\".", "", errNoAnswer},
	"not hexadecimal":     {`aid="` + strings.Repeat("g", 32) + `".`, "", errNoAnswer},
	"an empty value":      {`aid="".`, "", errNoAnswer},
	"the cid alone":       {`cid="` + id + `".`, "", errNoAnswer},
	"said":                {`said="` + id + `".`, "", errNoAnswer},
	"said is not set":     {"said is not set.", "", errNoAnswer},
	"the other is unset":  {"cid is not set.", "", errNoAnswer},
	"a unit of something": {"metaaid=" + id, "", errNoAnswer},
	"an id without a key": {id, "", errNoAnswer},
	"an error with an id": {`ERROR: aid="` + id + `" is not a valid id`, "", errNoAnswer},
	"a key, cut off":      {"aid=\n" + id, "", errNoAnswer},
	"an error":            {"ERROR: aid could not be read", "", errNoAnswer},
	"no such program":     {`exec: "falconctl": executable file not found in $PATH`, "", errNoAnswer},
	"an HTML page":        {"<html><body>502 Bad Gateway</body></html>", "", errNoAnswer},
}

func TestParse(t *testing.T) {
	for name, test := range answers {
		t.Run(name, func(t *testing.T) {
			got, err := Parse(test.output)
			if got != test.id || !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Errorf("Parse(%q) is %q, %v; want %q, %v", test.output, got, err, test.id, test.err)
			}
		})
	}
}

var wellFormed = regexp.MustCompile(`^[0-9a-f]{32}$`)

var hexRun = regexp.MustCompile(`[0-9a-f]+`)

// FuzzParse holds what users build on: an id is well formed and was really printed, and there is never
// both an id and an error.
func FuzzParse(f *testing.F) {
	for _, test := range answers {
		f.Add(test.output)
	}
	f.Fuzz(func(t *testing.T, output string) {
		got, err := Parse(output)
		ParseDetails(output)
		switch {
		case err != nil && got != "":
			t.Errorf("both %q and %v", got, err)
		case err != nil:
		case !wellFormed.MatchString(got):
			t.Errorf("%q is no id", got)
		case !slices.Contains(hexRun.FindAllString(strings.ToLower(output), -1), got):
			t.Errorf("%q was not printed, or as a part of something longer", got)
		}
	})
}
