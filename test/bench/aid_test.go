//go:build bench

package bench

import (
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
	"k8s.io/klog/v2"

	"github.com/kubectl-falcon/kubectl-falcon/test/farm"
)

// What `aid` may need: of one pod against kubectl exec, of a hundred against kubectl exec in sixteen processes
// and in one after the other.
const (
	mostOfExecWall, mostOfExecCPU       = 0.8, 0.6
	mostOfXargsWall, mostOfXargsCPU     = 1.0 / 3, 1.0 / 10
	mostOfOneByOneWall                  = 1.0 / 15
	mostOfModel                         = 1.3
	mostFarmMemory                      = 100 << 20
	aidImage, aidPause                  = "10.244.0.1:5000/falcon-sensor-standin:7.40.0", "10.244.0.1:5000/pause:lab"
	aidPods, aidRuns                    = 100, 5
	farmPods, farmNodes, farmConcurrent = 5_000, 200, 32
	farmExec                            = 50 * time.Millisecond
)

// must runs a program that is not measured.
func must(b *testing.B, name string, args ...string) string {
	b.Helper()
	cmd := exec.Command(name, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		b.Fatalf("%s: %v\n%s", cmd, err, &stderr)
	}
	return strings.TrimSpace(string(out))
}

// spent runs a shell's line and returns what it and all its children used.
func spent(b *testing.B, line string) cost {
	b.Helper()
	cmd := exec.Command("sh", "-c", line)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	begin := time.Now()
	if err := cmd.Run(); err != nil {
		b.Fatalf("%s: %v\n%s", line, err, &stderr)
	}
	return cost{wall: time.Since(begin), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
}

// middle is the median of some costs, of the processor and of the clock each by itself.
func middle(all []cost) cost {
	by := func(of func(cost) time.Duration) time.Duration {
		var some []time.Duration
		for _, c := range all {
			some = append(some, of(c))
		}
		slices.Sort(some)
		return some[len(some)/2]
	}
	return cost{wall: by(func(c cost) time.Duration { return c.wall }), cpu: by(func(c cost) time.Duration { return c.cpu })}
}

// bounds reports ratios and fails for those that are too large.
func bounds(b *testing.B, all map[string][2]float64) {
	b.Helper()
	for _, what := range slices.Sorted(maps.Keys(all)) {
		bound(b, what, all[what][0], all[what][1])
	}
}

// BenchmarkAID asks a hundred pods of a lab, one of them alone first, by turns with kubectl exec. They are all
// on the lab's one node, which aid asks for two at a time.
func BenchmarkAID(b *testing.B) {
	kubectl := startLab(b)
	must(b, "../../bin/kubectl-falcon", "install", "--cid", "0123456789abcdef0123456789abcdef-12", "--image", aidImage)
	must(b, kubectl, "create", "namespace", "many")
	must(b, kubectl, "create", "deployment", "web", "-n", "many", "--image="+aidPause, fmt.Sprintf("--replicas=%d", aidPods))
	must(b, kubectl, "rollout", "status", "-n", "many", "deployment/web", "--timeout=10m")
	must(b, "../../bin/kubectl-falcon", "aid", "-n", "many", "--wait", "-o", "name")
	one := must(b, kubectl, "get", "pods", "-n", "many", "-o", "jsonpath={.items[0].metadata.name}")
	const ask = " -n many -c crowdstrike-falcon-container -- falconctl -g --aid"
	const all = "../../bin/kubectl-falcon aid -A -o json >/dev/null 2>&1"
	names := kubectl + " get pods -n many -o name | "
	var single, execs, many, parallel []cost
	var serial cost
	for b.Loop() {
		for range aidRuns {
			single = append(single, spent(b, "../../bin/kubectl-falcon aid "+one+" -n many"))
			execs = append(execs, spent(b, kubectl+" exec "+one+ask))
			many = append(many, spent(b, all))
		}
		parallel = append(parallel, spent(b, names+"xargs -P 16 -I{} "+kubectl+" exec {}"+ask))
		serial = spent(b, names+"xargs -I{} "+kubectl+" exec {}"+ask)
	}
	ours, theirs, crowd, xargs := middle(single), middle(execs), middle(many), middle(parallel)
	b.ReportMetric(float64(crowd.wall.Milliseconds()), "wall-ms-of-all")
	bounds(b, map[string][2]float64{
		"one:wall-of-exec":      {ours.wall.Seconds() / theirs.wall.Seconds(), mostOfExecWall},
		"one:cpu-of-exec":       {ours.cpu.Seconds() / theirs.cpu.Seconds(), mostOfExecCPU},
		"all:wall-of-xargs-P16": {crowd.wall.Seconds() / xargs.wall.Seconds(), mostOfXargsWall},
		"all:cpu-of-xargs-P16":  {crowd.cpu.Seconds() / xargs.cpu.Seconds(), mostOfXargsCPU},
		"all:wall-of-xargs":     {crowd.wall.Seconds() / serial.wall.Seconds(), mostOfOneByOneWall},
	})
}

// answerLate is falconctl on a node that takes its time but none of this machine's processor.
func answerLate(e farm.Exec) metav1.Status {
	time.Sleep(farmExec)
	fmt.Fprintf(e.Stdout, "aid=%q.\n", farm.ID(e.Pod))
	return farm.Succeed()
}

// serve starts a farm for the benchmark and points kubectl and the plugin to it.
func serve(b *testing.B, f *farm.Farm) {
	b.Helper()
	// The server's library reports each end of a connection.
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	address, end := f.Start()
	b.Cleanup(end)
	config := filepath.Join(b.TempDir(), "kubeconfig")
	if err := clientcmd.WriteToFile(api.Config{
		Clusters: map[string]*api.Cluster{"farm": {Server: address}}, CurrentContext: "farm",
		Contexts: map[string]*api.Context{"farm": {Cluster: "farm"}}}, config); err != nil {
		b.Fatal(err)
	}
	b.Setenv("KUBECONFIG", config)
	b.Setenv("KUBECACHEDIR", b.TempDir())
}

// BenchmarkAIDOfAHundredNodes makes BenchmarkAID's comparison of many with a server in this process whose pods
// are each on a node of its own, as on Fargate. On the lab each exec takes a quarter of a second of the
// processors that the asking programs need too, so that there the node's speed is measured before theirs.
func BenchmarkAIDOfAHundredNodes(b *testing.B) {
	kubectl := filepath.Join(labPrograms(b), "kubectl")
	serve(b, &farm.Farm{Pods: farm.Pods(aidPods, aidPods), RoundTrip: time.Millisecond, Run: answerLate})
	names := kubectl + ` get pods -A -o jsonpath='{range .items[*]}{.metadata.namespace} {.metadata.name}{"\n"}{end}' | `
	exec := func(xargs string) string {
		return names + xargs + " sh -c 'exec " + kubectl + ` exec -n "$0" "$1" -c ` + farm.Sensor + ` -- falconctl -g --aid'`
	}
	var many, parallel []cost
	var serial cost
	for b.Loop() {
		for range aidRuns {
			many = append(many, spent(b, "../../bin/kubectl-falcon aid -A -o json >/dev/null"))
		}
		parallel = append(parallel, spent(b, exec("xargs -P 16 -n 2")))
		serial = spent(b, exec("xargs -n 2"))
	}
	crowd, xargs := middle(many), middle(parallel)
	b.ReportMetric(float64(crowd.wall.Milliseconds()), "wall-ms-of-all")
	bounds(b, map[string][2]float64{
		"all:wall-of-xargs-P16": {crowd.wall.Seconds() / xargs.wall.Seconds(), mostOfXargsWall},
		"all:cpu-of-xargs-P16":  {crowd.cpu.Seconds() / xargs.cpu.Seconds(), mostOfXargsCPU},
		"all:wall-of-xargs":     {crowd.wall.Seconds() / serial.wall.Seconds(), mostOfOneByOneWall},
	})
}

// BenchmarkAIDOfFiveThousand asks as many pods of a server in this process as no lab has, near and far, and
// holds the time against the model: rounds of 32, each three round trips and falconctl's own time.
func BenchmarkAIDOfFiveThousand(b *testing.B) {
	for _, rtt := range []time.Duration{time.Millisecond, 50 * time.Millisecond} {
		b.Run(fmt.Sprint("RTT=", rtt), func(b *testing.B) {
			f := &farm.Farm{Pods: farm.Pods(farmPods, farmNodes), RoundTrip: rtt, Run: answerLate}
			serve(b, f)
			var wall time.Duration
			var peak int64
			var cpu time.Duration
			for b.Loop() {
				cmd := exec.Command("../../bin/kubectl-falcon", "aid", "-A", "-o", "json")
				cmd.Stderr = os.Stderr
				begin := time.Now()
				out, err := cmd.Output()
				wall = time.Since(begin)
				if err != nil || strings.Count(string(out), `"aid": "`) != farmPods {
					b.Fatalf("%v after %d ids", err, strings.Count(string(out), `"aid": "`))
				}
				usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
				if !ok {
					b.Fatal("the system does not say what a program used")
				}
				peak, cpu = usage.Maxrss<<10, cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime()
			}
			model := math.Ceil(float64(farmPods)/farmConcurrent) * (3*rtt + farmExec).Seconds()
			b.ReportMetric(wall.Seconds(), "wall-s")
			b.ReportMetric(float64(cpu.Microseconds())/1000/farmPods, "cpu-ms/pod")
			bounds(b, map[string][2]float64{
				"wall-of-model": {wall.Seconds() / model, mostOfModel},
				"peak-MiB":      {float64(peak) / (1 << 20), mostFarmMemory >> 20},
			})
		})
	}
}
