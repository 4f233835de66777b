//go:build bench

package bench

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// statusWithin is how long status may take on the lab.
const statusWithin = 500 * time.Millisecond

// startLab starts a lab with the stand-in's image and points kubectl and the plugin to it.
func startLab(b *testing.B) (kubectl string) {
	b.Helper()
	name := fmt.Sprintf("bench-%d", os.Getpid())
	up := exec.Command("../../bin/lab", "up", "--name", name, "--load", "../../bin/images/falcon-sensor-standin.tar")
	out, err := up.Output()
	if err != nil {
		b.Fatalf("lab up: %v", err)
	}
	b.Cleanup(func() {
		if out, err := exec.Command("../../bin/lab", "down", "--name", name).CombinedOutput(); err != nil {
			b.Errorf("lab down: %v\n%s", err, out)
		}
	})
	config, _ := strings.CutPrefix(strings.TrimSpace(string(out)), "export KUBECONFIG=")
	b.Setenv("KUBECONFIG", config)
	b.Setenv("KUBECACHEDIR", b.TempDir())
	return labPrograms(b) + "/kubectl"
}

// BenchmarkStatus runs `kubectl falcon status` and `kubectl get pods -A` by turns on a lab with the injector:
// both list the cluster's pods, status besides all that belongs to the injector.
func BenchmarkStatus(b *testing.B) {
	kubectl := startLab(b)
	install := exec.Command("../../bin/kubectl-falcon", "install", "--cid", "0123456789abcdef0123456789abcdef-12",
		"--image", "10.244.0.1:5000/falcon-sensor-standin:7.40.0")
	if out, err := install.CombinedOutput(); err != nil {
		b.Fatalf("install: %v\n%s", err, out)
	}
	var ours, theirs cost
	for b.Loop() {
		ours.add(b, "../../bin/kubectl-falcon", "status")
		theirs.add(b, kubectl, "get", "pods", "-A")
	}
	each := ours.wall / time.Duration(b.N)
	if each > statusWithin {
		b.Errorf("status takes %s, more than %s", each, statusWithin)
	}
	b.ReportMetric(float64(each.Microseconds())/1000, "wall-ms/run")
	b.ReportMetric(float64(ours.wall)/float64(theirs.wall), "wall-of-kubectl-get")
	b.ReportMetric(float64(ours.cpu)/float64(theirs.cpu), "cpu-of-kubectl-get")
}
