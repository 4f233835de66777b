package aws

import (
	"slices"
	"testing"
)

func TestRegionsAreNamesOfRegionsInOrder(t *testing.T) {
	var names []string
	for _, r := range Regions() {
		if !regionForm().MatchString(r.Name) || r.Place == "" {
			t.Errorf("%+v", r)
		}
		names = append(names, r.Name)
	}
	if !slices.IsSorted(names) || len(slices.Compact(slices.Clone(names))) != len(names) {
		t.Error("they are not in order, or one is there twice")
	}
}
