//go:build bench

// Package bench measures the built plugin against named peers, both in the same run, so that the ratio
// holds on any machine.
package bench

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// cost is what one program used of the processor and of the wall clock.
type cost struct{ cpu, wall time.Duration }

func (c *cost) add(b *testing.B, name string, args ...string) {
	b.Helper()
	cmd := exec.Command(name, args...)
	begin := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, out)
	}
	c.wall += time.Since(begin)
	c.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

func labPrograms(b *testing.B) string {
	b.Helper()
	out, err := exec.Command("../../bin/lab", "build").Output()
	if err != nil {
		b.Fatalf("bin/lab build: %v; run the benchmarks with: make bench", err)
	}
	return strings.TrimSpace(string(out))
}

// BenchmarkStartup runs `kubectl falcon version` and `kubectl version --client` by turns.
func BenchmarkStartup(b *testing.B) {
	kubectl := filepath.Join(labPrograms(b), "kubectl")
	var ours, theirs cost
	for b.Loop() {
		ours.add(b, "../../bin/kubectl-falcon", "version")
		theirs.add(b, kubectl, "version", "--client")
	}
	b.ReportMetric(float64(ours.cpu.Microseconds())/float64(b.N)/1000, "cpu-ms/run")
	b.ReportMetric(float64(ours.cpu)/float64(theirs.cpu), "cpu-of-kubectl")
	b.ReportMetric(float64(ours.wall)/float64(theirs.wall), "wall-of-kubectl")
}
