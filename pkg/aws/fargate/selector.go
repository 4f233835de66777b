package fargate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// EKS's quotas for Fargate profiles, which cannot be raised: selectors of a profile and labels of a selector.
const (
	MaxSelectors = 5
	MaxLabels    = 5
)

// Selector says which pods a profile is for: those in a namespace that have all the labels. In a namespace, a
// key and a value "*" stands for any characters and "?" for one.
type Selector struct {
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels,omitempty"`
}

// String writes a selector as ParseSelector reads it.
func (s Selector) String() string {
	if len(s.Labels) == 0 {
		return s.Namespace
	}
	pairs := make([]string, 0, len(s.Labels))
	for _, key := range slices.Sorted(maps.Keys(s.Labels)) {
		pairs = append(pairs, key+"="+s.Labels[key])
	}
	return s.Namespace + ":" + strings.Join(pairs, ",")
}

// What can be in a selector: names of Kubernetes, with wildcards. They take milliseconds to compile, which a start
// of the program without selectors need not wait for.
var (
	namespacePattern = pattern(`^[a-z0-9*?]([a-z0-9*?-]{0,61}[a-z0-9*?])?$`)
	keyPattern       = pattern(`^([a-z0-9.*?-]{1,253}/)?[A-Za-z0-9*?]([A-Za-z0-9_.*?-]{0,61}[A-Za-z0-9*?])?$`)
	valuePattern     = pattern(`^([A-Za-z0-9*?]([A-Za-z0-9_.*?-]{0,61}[A-Za-z0-9*?])?)?$`)
)

// pattern compiles an expression when it is first used.
func pattern(text string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })
}

// ParseSelector reads NAMESPACE or NAMESPACE:KEY=VALUE,KEY=VALUE.
func ParseSelector(text string) (Selector, error) {
	const next = "write it as NAMESPACE or NAMESPACE:KEY=VALUE,KEY=VALUE, such as shop:app=web"
	namespace, pairs, some := strings.Cut(text, ":")
	s := Selector{Namespace: namespace}
	if !namespacePattern().MatchString(namespace) {
		return s, problem.New(problem.BadInput, next, "selector %q: %q cannot be a namespace", text, namespace)
	}
	if !some {
		return s, nil
	}
	s.Labels = map[string]string{}
	for pair := range strings.SplitSeq(pairs, ",") {
		key, value, ok := strings.Cut(pair, "=")
		switch _, twice := s.Labels[key]; {
		case !ok:
			return s, problem.New(problem.BadInput, next, "selector %q: %q is no label", text, pair)
		case !keyPattern().MatchString(key):
			return s, problem.New(problem.BadInput, next, "selector %q: %q cannot be a label's key", text, key)
		case !valuePattern().MatchString(value):
			return s, problem.New(problem.BadInput, next, "selector %q: %q cannot be a label's value", text, value)
		case twice:
			return s, problem.New(problem.BadInput, "pods have one value of a label: make two selectors", "selector %q names %q twice", text, key)
		}
		s.Labels[key] = value
	}
	if len(s.Labels) > MaxLabels {
		return s, problem.New(problem.BadInput, "EKS takes "+fmt.Sprint(MaxLabels)+" labels in a selector: leave some out",
			"selector %q has %d labels", text, len(s.Labels))
	}
	return s, nil
}

// Matches says whether a pod with these labels in this namespace is meant.
func (s Selector) Matches(namespace string, labels map[string]string) bool {
	if !glob(s.Namespace, namespace, false) {
		return false
	}
	for key, value := range s.Labels {
		if !has(labels, key, value, false) {
			return false
		}
	}
	return true
}

// Contains says whether every pod that other means is meant by s too, as far as that shows: a yes is certain.
func (s Selector) Contains(other Selector) bool {
	if !glob(s.Namespace, other.Namespace, true) {
		return false
	}
	for key, value := range s.Labels {
		if !has(other.Labels, key, value, true) {
			return false
		}
	}
	return true
}

// Equal says whether two selectors are the same.
func (s Selector) Equal(other Selector) bool {
	return s.Namespace == other.Namespace && maps.Equal(s.Labels, other.Labels)
}

// has says whether any label fits a key and a value with wildcards.
func has(labels map[string]string, key, value string, pattern bool) bool {
	for k, v := range labels {
		if glob(key, k, pattern) && glob(value, v, pattern) {
			return true
		}
	}
	return false
}

// glob says whether text fits pattern. If text is itself a pattern, it says whether all that fits text fits
// pattern: a "*" in text is then nothing that a "?" of pattern could stand for.
func glob(pattern, text string, isPattern bool) bool {
	p, t := 0, 0
	// star is the place after the last "*" that was met, and from where in text it was last tried to go on.
	star, from := -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, from = p, t
		case p < len(pattern) && (pattern[p] == text[t] || pattern[p] == '?' && !(isPattern && text[t] == '*')):
			p, t = p+1, t+1
		case star >= 0:
			from++
			p, t = star, from
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// Tidy leaves out selectors whose pods another of them means already, and keeps the order.
func Tidy(all []Selector) []Selector {
	var kept []Selector
	for n, s := range all {
		if !slices.ContainsFunc(kept, func(k Selector) bool { return k.Contains(s) }) &&
			!slices.ContainsFunc(all[n+1:], func(later Selector) bool { return later.Contains(s) && !s.Contains(later) }) {
			kept = append(kept, s)
		}
	}
	return kept
}

// sameSelectors says whether two lists mean the same, in whatever order.
func sameSelectors(a, b []Selector) bool {
	within := func(a, b []Selector) bool {
		return !slices.ContainsFunc(a, func(s Selector) bool { return !slices.ContainsFunc(b, s.Equal) })
	}
	return within(a, b) && within(b, a)
}

// describe is a list of selectors for people.
func describe(all []Selector) string {
	words := make([]string, 0, len(all))
	for _, s := range all {
		words = append(words, s.String())
	}
	return strings.Join(words, ", ")
}
