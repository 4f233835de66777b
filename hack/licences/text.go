package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// allowed are the licences that a dependency may have: those under which a program under Apache-2.0 may be
// given to others with no more than their texts.
var allowed = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT"}

// enough is how much of a licence's text must be known to be of a licence, in percent; the rest is names of
// holders and a heading.
const enough = 75

// licences are all that hold for a module.
func (m module) licences() (ids []string) {
	for _, f := range m.files {
		ids = append(ids, f.licences...)
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// check returns an error that names each dependency whose licence is not known or not allowed.
func check(modules []module) error {
	var errs []error
	for _, m := range modules {
		if len(m.licences()) == 0 {
			errs = append(errs, fmt.Errorf("%s %s: no licence was found in it; do without it, or find its licence by hand", m.path, m.version))
		}
		for _, f := range m.files {
			if !f.notice && f.known < enough {
				errs = append(errs, fmt.Errorf("%s %s: only %.0f percent of %s is the text of a known licence; read it", m.path, m.version, f.known, f.name))
			}
			for _, id := range f.licences {
				if !slices.Contains(allowed, id) {
					errs = append(errs, fmt.Errorf("%s %s: %s is under %s, which is none of %s; do without it", m.path, m.version, f.name, id, strings.Join(allowed, ", ")))
				}
			}
		}
	}
	return errors.Join(errs...)
}

// pageOf is the list for people.
func pageOf(modules []module) string {
	var b strings.Builder
	b.WriteString("<!-- Written by hack/licences from the modules themselves: run make docs instead of editing it. -->\n\n" +
		"# Licences of what the program is made from\n\n" +
		"`kubectl falcon` itself is under [Apache-2.0](../LICENSE). It is linked from the modules below, on one of its\n" +
		"platforms at least. Their texts are in `THIRD_PARTY_LICENSES` in each archive of a release. A test fails when\n" +
		"the list is not that of the program, or when a licence is none of " + strings.Join(allowed, ", ") + ".\n\n" +
		"| module | version | licences |\n|---|---|---|\n")
	for _, m := range modules {
		version := m.version
		if version == "" {
			version = "the compiler's"
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", m.path, version, strings.Join(m.licences(), ", "))
	}
	return b.String()
}

// textsOf is every text about licences, each once, under the modules that it came with.
func textsOf(modules []module) string {
	var order []string
	holders := map[string][]string{}
	for _, m := range modules {
		for _, f := range m.files {
			if holders[f.text] == nil {
				order = append(order, f.text)
			}
			holders[f.text] = append(holders[f.text], strings.TrimSpace(m.path+" "+m.version)+": "+f.name)
		}
	}
	var b strings.Builder
	b.WriteString("kubectl-falcon is linked from these modules. Above each text stand those that it came with.\n")
	for _, text := range order {
		fmt.Fprintf(&b, "\n%[1]s\n%[2]s\n%[1]s\n\n%[3]s\n", strings.Repeat("=", 80), strings.Join(holders[text], "\n"), strings.TrimRight(text, "\n"))
	}
	return b.String()
}
