package main

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Work before main is paid by every run, also by one that prints its version. Allocations are counted, since
// they are the same on every machine.
const (
	// mostAllocs bounds one package of AWS's SDK: those that build the schemas of their service at once make
	// tens of thousands.
	mostAllocs = 1000
	// mostOfAll bounds all packages together.
	mostOfAll = 40_000
)

var initLine = regexp.MustCompile(`(?m)^init (\S+) @.* (\d+) allocs$`)

// inits returns how many allocations each package makes before main.
func inits(t *testing.T, file string) map[string]int {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), file, "version")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	all := map[string]int{}
	for _, m := range initLine.FindAllStringSubmatch(stderr.String(), -1) {
		n, err := strconv.Atoi(m[2])
		if err != nil {
			t.Fatal(err)
		}
		all[m[1]] += n
	}
	if len(all) < 20 {
		t.Fatalf("only %d packages were found in\n%s", len(all), &stderr)
	}
	return all
}

func TestNoPackageOfAWSBuildsItsSchemasAtTheStart(t *testing.T) {
	sum, aws := 0, 0
	all := inits(t, native(t))
	// This package compiles its patterns before main: what does such a thing is seen.
	if n := all["github.com/distribution/reference"]; n <= mostAllocs {
		t.Errorf("the patterns of references allocate %d times, so a schema would not be found by this", n)
	}
	for name, allocs := range all {
		sum += allocs
		if !strings.HasPrefix(name, "github.com/aws/") {
			continue
		}
		aws += allocs
		if allocs > mostAllocs {
			t.Errorf("%s allocates %d times before main, the limit is %d", name, allocs, mostAllocs)
		}
	}
	t.Logf("%d allocations before main, of which AWS's SDK makes %d", sum, aws)
	if sum > mostOfAll {
		t.Errorf("there are %d allocations before main, the limit is %d", sum, mostOfAll)
	}
}
