package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const root = "../.."

func TestThePageListsWhatTheProgramIsLinkedFrom(t *testing.T) {
	modules, err := dependencies(root)
	if err != nil {
		t.Fatal(err)
	}
	if err := check(modules); err != nil {
		t.Error(err)
	}
	want, err := os.ReadFile(filepath.Join(root, page))
	if err != nil {
		t.Fatal(err)
	}
	got := pageOf(modules)
	if got != string(want) {
		t.Errorf("%s is not what the program is linked from; run make docs", page)
	}
	// One is linked on Windows alone.
	for _, m := range []string{"| k8s.io/client-go |", "| github.com/spf13/cobra |", "| github.com/inconshreveable/mousetrap |", "| Go's standard library |"} {
		if !strings.Contains(got, m) {
			t.Errorf("the list is not the program's: it has no row %s", m)
		}
	}
	// What only makes releases and documentation is not part of the program.
	for _, m := range []string{"licensecheck", "go-md2man"} {
		if strings.Contains(got, m) {
			t.Errorf("the program is linked from %s", m)
		}
	}
	texts := textsOf(modules)
	for _, part := range []string{"Apache License", "Permission is hereby granted, free of charge", "k8s.io/client-go v"} {
		if !strings.Contains(texts, part) {
			t.Errorf("the texts have no %q", part)
		}
	}
}

// copyleft is what a file under a licence that is not allowed says of itself.
const copyleft = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU
General Public License as published by the Free Software Foundation, either version 3 of the License, or (at your
option) any later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied
warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU General Public License for more details.

You should have received a copy of the GNU General Public License along with this program. If not, see
<https://www.gnu.org/licenses/>.
`

func TestOtherLicencesAreNotAllowed(t *testing.T) {
	gpl, known := recognise([]byte(copyleft))
	if len(gpl) != 1 || !strings.HasPrefix(gpl[0], "GPL-3.0") || known < enough {
		t.Fatalf("recognised: %v (%.0f percent)", gpl, known)
	}
	for name, c := range map[string]struct {
		m    module
		want string
	}{
		"copyleft":   {module{path: "example.org/a", version: "v1.0.0", files: []file{{name: "COPYING", licences: gpl, known: 100}}}, "COPYING is under GPL-3.0"},
		"none":       {module{path: "example.org/b", version: "v1.0.0"}, "no licence was found"},
		"own words":  {module{path: "example.org/c", version: "v1.0.0", files: []file{{name: "LICENSE", licences: []string{"MIT"}, known: 20}}}, "only 20 percent of LICENSE"},
		"two of one": {module{path: "example.org/d", version: "v1.0.0", files: []file{{name: "LICENSE", licences: []string{"MIT", "SSPL-1.0"}, known: 99}}}, "is under SSPL-1.0"},
	} {
		if err := check([]module{c.m}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	fine := module{path: "example.org/e", files: []file{{name: "LICENSE", licences: []string{"MIT"}, known: 98}, {name: "NOTICE", notice: true}}}
	if err := check([]module{fine}); err != nil {
		t.Error(err)
	}
}
