package fargate

import (
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/eks/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// wanted is a profile that there is to be.
type wanted struct {
	name      string
	selectors []Selector
	// replace is the failed one of that name, which must go first.
	replace *Profile
}

// planned is what has to be done for some selectors.
type planned struct {
	// create are made in this order; await are there already, but not active.
	create []wanted
	await  []string
	// covered says which profile each selector that needs no new one is covered by.
	covered []Covered
}

// Covered is a selector whose pods a profile takes.
type Covered struct {
	Selector Selector `json:"selector"`
	Profile  string   `json:"profile"`
}

// plan decides which profiles are made for the selectors. name, if set, is that of the first; without one they
// are called after their selectors.
func plan(there []Profile, selectors []Selector, name string, replaceFailed bool) (planned, error) {
	var p planned
	var left []Selector
	for _, s := range Tidy(selectors) {
		at := slices.IndexFunc(there, func(one Profile) bool { return one.Usable() && one.covers(s) })
		if at < 0 {
			left = append(left, s)
			continue
		}
		p.covered = append(p.covered, Covered{s, there[at].Name})
		if there[at].Status == string(types.FargateProfileStatusCreating) && !slices.Contains(p.await, there[at].Name) {
			p.await = append(p.await, there[at].Name)
		}
	}
	number := 1
	for chunk := range slices.Chunk(left, MaxSelectors) {
		w := wanted{selectors: chunk}
		for {
			w.name = nameOf(name, number, chunk[0])
			number++
			if err := CheckName(w.name); err != nil {
				return planned{}, err
			}
			taken, ours := holder(there, w.name, selectors)
			if taken == nil || taken.Status == string(types.FargateProfileStatusDeleting) {
				break
			}
			if ours && name != "" {
				// A run that was stopped made it.
				continue
			}
			if err := refuseTaken(taken, chunk, replaceFailed); err != nil {
				return planned{}, err
			}
			w.replace = taken
			break
		}
		p.create = append(p.create, w)
	}
	return p, nil
}

// nameOf is the name of the profile with a number.
func nameOf(name string, number int, first Selector) string {
	switch {
	case name == "":
		return DefaultName(first)
	case number == 1:
		return name
	}
	return fmt.Sprintf("%s-%d", name, number)
}

// holder is the profile that has a name already, and whether it is one for these selectors and nothing else.
func holder(there []Profile, name string, selectors []Selector) (*Profile, bool) {
	at := slices.IndexFunc(there, func(p Profile) bool { return p.Name == name })
	if at < 0 {
		return nil, false
	}
	ours := there[at].Usable() && !slices.ContainsFunc(there[at].Selectors, func(own Selector) bool {
		return !slices.ContainsFunc(selectors, func(s Selector) bool { return s.Contains(own) })
	})
	return &there[at], ours
}

// refuseTaken is the error of a name that is taken, if it may not be replaced.
func refuseTaken(p *Profile, selectors []Selector, replaceFailed bool) error {
	if p.Failed() && sameSelectors(p.Selectors, selectors) {
		if replaceFailed && p.Owned {
			return nil
		}
		next := "mend that, then: kubectl falcon aws fargate delete " + p.Name
		if p.Owned {
			next = "mend that, and run it again with --replace-failed"
		}
		return problem.New(problem.Failed, next, "the Fargate profile %s is %s: %s", p.Name, p.Status, p.Why())
	}
	return problem.New(problem.BadInput,
		"a profile cannot be changed: choose another name with --name, or delete that one first",
		"there is a Fargate profile %s already, for other pods: %s instead of %s", p.Name, describe(p.Selectors), describe(selectors))
}
