//go:build e2e

package e2e

import (
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// processor runs a program and returns how long it and what it started used a processor.
func processor(t *testing.T, name string, args ...string) time.Duration {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// Completion and k9s start the program at every key. kubectl is what users compare it with: the two run by
// turns and the medians count, so that what else the machine does falls on both.
func TestStartTakesHalfOfKubectlsProcessorAtMost(t *testing.T) {
	const times = 15
	kubectl := filepath.Join(programs, "kubectl")
	var ours, theirs []time.Duration
	for range times {
		ours = append(ours, processor(t, bin("kubectl-falcon"), "version"))
		theirs = append(theirs, processor(t, kubectl, "version", "--client"))
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	mine, kubectls := ours[times/2], theirs[times/2]
	t.Logf("of the processor: %s, and kubectl %s: %.2f of it", mine, kubectls, float64(mine)/float64(kubectls))
	if mine > kubectls/2 {
		t.Errorf("its start takes %s of the processor, which is more than half of kubectl's %s", mine, kubectls)
	}
}
