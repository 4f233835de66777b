package document

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Request is what a trust policy is asked: may this one take the role?
type Request struct {
	// Kind is how a document calls what the principal is, such as Service or Federated.
	Kind, Principal string
	Action          string
	// Context are the keys of conditions with the request's values.
	Context map[string]string
}

// Trusts says whether a trust policy grants a request, and if not, what stands against it in a sentence without
// a full stop.
func (d Document) Trusts(r Request) (bool, string) {
	why := fmt.Sprintf("no statement lets the %s %s take it", strings.ToLower(r.Kind), r.Principal)
	granted := false
	for _, s := range d.Statement {
		if !fitsAny(s.Principal[r.Kind], r.Principal) || !s.is(r.Action) {
			continue
		}
		unmet := s.unmet(r.Context)
		switch {
		case s.Effect == Deny && unmet == "":
			return false, "a statement forbids it"
		case s.Effect == Allow && unmet == "":
			granted = true
		case s.Effect == Allow:
			why = unmet
		}
	}
	if granted {
		return true, ""
	}
	return false, why
}

// Missing are those of some actions that a set of documents does not grant, on whatever resource.
func Missing(all []Document, actions ...string) (missing []string) {
	for _, action := range actions {
		granted, forbidden := false, false
		for _, d := range all {
			for _, s := range d.Statement {
				if s.is(action) {
					granted = granted || s.Effect == Allow
					forbidden = forbidden || s.Effect == Deny && len(s.Condition) == 0 && fitsAny(s.Resource, "*")
				}
			}
		}
		if !granted || forbidden {
			missing = append(missing, action)
		}
	}
	return missing
}

// is says whether a statement is about an action.
func (s *Statement) is(action string) bool {
	action = strings.ToLower(action)
	in := func(w Words) bool {
		return slices.ContainsFunc(w, func(pattern string) bool { return Fits(strings.ToLower(pattern), action) })
	}
	if len(s.NotAction) > 0 {
		return !in(s.NotAction)
	}
	return in(s.Action)
}

// unmet is the first condition that does not hold, or nothing.
func (s *Statement) unmet(context map[string]string) string {
	given := map[string]string{}
	for key, value := range context {
		given[strings.ToLower(key)] = value
	}
	for _, operator := range slices.Sorted(maps.Keys(s.Condition)) {
		for _, key := range slices.Sorted(maps.Keys(s.Condition[operator])) {
			want := s.Condition[operator][key]
			value, there := given[strings.ToLower(key)]
			plain, ifExists := strings.CutSuffix(operator, "IfExists")
			if ifExists && !there {
				continue
			}
			if !there || !holds(plain, want, value) {
				return fmt.Sprintf("it wants %s to be %s, and it is %q", key, strings.Join(want, " or "), value)
			}
		}
	}
	return ""
}

// holds applies one operator; one that is not known never holds.
func holds(operator string, want Words, value string) bool {
	switch operator {
	case "StringEquals":
		return slices.Contains(want, value)
	case "StringEqualsIgnoreCase":
		return slices.ContainsFunc(want, func(w string) bool { return strings.EqualFold(w, value) })
	// IAM takes ArnEquals and ArnLike as the same.
	case "StringLike", "ArnLike", "ArnEquals":
		return fitsAny(want, value)
	}
	return false
}

func fitsAny(patterns Words, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool { return Fits(pattern, text) })
}

// Fits says whether a text fits a pattern in which "*" is any characters and "?" one.
func Fits(pattern, text string) bool {
	p, t, star, from := 0, 0, -1, 0
	for t < len(text) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			p++
			star, from = p, t
		case p < len(pattern) && (pattern[p] == text[t] || pattern[p] == '?'):
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
