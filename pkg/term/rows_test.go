package term

import "testing"

// As verify prints: most pods are injected and have no reason.
func TestRowsAlignsAroundRowsWithoutAReason(t *testing.T) {
	got := table(t, "POD|SENSOR|WHY", "web-1|injected|", "web-2|out-of-scope|it is labelled", "web-3|injected|", "web-4|missing|it is older")
	want := "POD    SENSOR        WHY\n" +
		"web-1  injected\n" +
		"web-2  out-of-scope  it is labelled\n" +
		"web-3  injected\n" +
		"web-4  missing       it is older\n"
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
