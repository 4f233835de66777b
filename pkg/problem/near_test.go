package problem

import (
	"slices"
	"testing"
)

func TestNear(t *testing.T) {
	flags := []string{"all-contexts", "all-namespaces", "check", "contexts", "deep", "fail-on", "from", "leftovers", "output", "watch"}
	for _, c := range []struct {
		typed string
		words []string
		want  []string
	}{
		{"leftover", flags, []string{"leftovers"}},
		{"letfovers", flags, []string{"leftovers"}},
		{"failon", flags, []string{"fail-on"}},
		{"WATCH", flags, []string{"watch"}},
		{"all-n", flags, []string{"all-namespaces"}},
		{"all", flags, []string{"all-contexts", "all-namespaces"}},
		{"fro", flags, []string{"from"}},
		// What is like nothing gets no advice that leads astray.
		{"replicas", flags, nil},
		{"x", flags, nil},
		{"", flags, nil},
		{"verfiy", []string{"verify", "version"}, []string{"verify"}},
		{"Fial", []string{"Fail", "Ignore"}, []string{"Fail"}},
		{"u", []string{"up", "uninstall"}, []string{"up"}},
		{"un", []string{"up", "uninstall"}, []string{"uninstall", "up"}},
		{"uni", []string{"up", "uninstall"}, []string{"uninstall"}},
		{"FC50", []string{"FC501", "FC502", "FC503", "FC504", "FC601"}, []string{"FC501", "FC502", "FC503"}},
	} {
		if got := Near(c.typed, c.words); !slices.Equal(got, c.want) {
			t.Errorf("%q: got %q, want %q", c.typed, got, c.want)
		}
	}
}

func TestDistanceCountsSlips(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{{"", "", 0}, {"a", "", 1}, {"", "ab", 2}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"abc", "abd", 1}, {"ca", "abc", 3}, {"verfiy", "verify", 1}} {
		if got := distance(c.a, c.b); got != c.want {
			t.Errorf("%s, %s: %d, want %d", c.a, c.b, got, c.want)
		}
	}
}

func TestDidYouMean(t *testing.T) {
	if got := DidYouMean("kubectl falcon ", "statsu", []string{"status"}); got != "did you mean: kubectl falcon status?" {
		t.Error(got)
	}
	if got := DidYouMean("--", "al", []string{"all-a", "all-b"}); got != "did you mean: --all-a, or --all-b?" {
		t.Error(got)
	}
	if got := DidYouMean("", "zzz", []string{"status"}); got != "" {
		t.Error(got)
	}
}
