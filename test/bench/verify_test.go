//go:build bench

package bench

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"

	"github.com/kubectl-falcon/kubectl-falcon/test/crowd"
)

// What `verify -A` may need over 10,000 pods in 200 namespaces.
const (
	crowdNamespaces = 200
	crowdPods       = 10_000
	fewPods         = 2_000
	// mostOfList is against one paged protobuf list of the same pods, mostOfGet against kubectl get -o json.
	mostOfList = 2.0
	mostOfGet  = 0.25
	// mostMemory is the peak, and mostGrowth by how much more it may be than over 2,000 pods.
	mostMemory = 150 << 20
	mostGrowth = 1.5
	// crowdRuns is how many pairs are measured: the median counts.
	crowdRuns = 5
)

// run is what one program needed.
type run struct {
	wall time.Duration
	peak int64
}

func measure(b *testing.B, name string, args ...string) run {
	b.Helper()
	cmd := exec.Command(name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	wall := time.Since(begin)
	usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	if !ok {
		b.Fatal("the system does not say what a program used")
	}
	return run{wall, usage.Maxrss << 10}
}

// BenchmarkVerifyAll runs `kubectl falcon verify -A`, a list of the same pods by client-go, and `kubectl get
// pods -A -o json` by turns, over 2,000 and 10,000 pods of an API server whose pods need no node.
func BenchmarkVerifyAll(b *testing.B) {
	kubectl := startLab(b)
	list := filepath.Join(b.TempDir(), "listpods")
	build := exec.Command("go", "build", "-trimpath", "-o", list, "./listpods")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("build the peer: %v\n%s", err, out)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		b.Fatal(err)
	}
	config.QPS = -1
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		b.Fatal(err)
	}
	const image = "10.244.0.1:5000/falcon-sensor-standin:7.40.0"
	fill := func(from, pods int) {
		if err := crowd.More(b.Context(), client, crowdNamespaces, from, pods, image); err != nil {
			b.Fatal(err)
		}
	}
	fill(0, fewPods)
	install := exec.Command("../../bin/kubectl-falcon", "install", "--cid", "0123456789abcdef0123456789abcdef-12", "--image", image, "--failure-policy", "Ignore")
	if out, err := install.CombinedOutput(); err != nil {
		b.Fatalf("install: %v\n%s", err, out)
	}
	verify := []string{"verify", "-A", "--fail-on", "never", "-o", "name"}
	var few, many, peer, get []run
	for range crowdRuns {
		few = append(few, measure(b, "../../bin/kubectl-falcon", verify...))
	}
	fill(fewPods, crowdPods-fewPods)
	for b.Loop() {
		for range crowdRuns {
			many = append(many, measure(b, "../../bin/kubectl-falcon", verify...))
			peer = append(peer, measure(b, list))
		}
		for range 3 {
			get = append(get, measure(b, kubectl, "get", "pods", "-A", "-o", "json"))
		}
	}
	ofList := seconds(many) / seconds(peer)
	ofGet := seconds(many) / seconds(get)
	growth := float64(peak(many)) / float64(peak(few))
	b.ReportMetric(seconds(many)*1000, "wall-ms")
	b.ReportMetric(ofList, "wall-of-list")
	b.ReportMetric(ofGet, "wall-of-kubectl-get-json")
	b.ReportMetric(float64(peak(many))/(1<<20), "peak-MiB")
	b.ReportMetric(growth, "peak-of-2000-pods")
	for _, bound := range []struct {
		what      string
		got, most float64
	}{{"wall of one list", ofList, mostOfList}, {"wall of kubectl get -o json", ofGet, mostOfGet},
		{"peak memory in MiB", float64(peak(many)) / (1 << 20), mostMemory >> 20}, {"peak of that over 2,000 pods", growth, mostGrowth}} {
		if bound.got > bound.most {
			b.Errorf("%s: %.2f, more than %.2f", bound.what, bound.got, bound.most)
		}
	}
}
