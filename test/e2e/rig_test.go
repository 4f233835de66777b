//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	// runLimit is what no run of the plugin may exceed on a server that answers at once.
	runLimit = 90 * time.Second
)

// rig is a lab of a test's own, the chaos proxy before it, and what looks past the proxy at the cluster.
type rig struct {
	*lab
	chaos   *chaos
	client  *kubernetes.Clientset
	dynamic dynamic.Interface
	kinds   []schema.GroupVersionResource
	// namespaces are one that the injector covers, one that opts out, and kube-system.
	namespaces []string
	// now is the CID that is installed, or empty.
	now string
	// wanted are the end states of undisturbed runs, by operation and CID.
	wanted map[string]map[string]string

	// hoarded is when old configurations were made, of which the first ones have been discarded.
	hoarded   time.Time
	discarded int

	// outfitted says that both configurations of outfitAndSpare have been there.
	outfitted bool

	tried, failed, unmet int
}

// starting lets one lab start at a time: together they would take the processor from each other for longer
// than their programs wait for one another.
var starting sync.Mutex

// newLab starts a lab that lives as long as the test.
func newLab(t *testing.T, name string) *lab {
	t.Helper()
	starting.Lock()
	l, err := startLab(fmt.Sprintf("%s-%d", name, os.Getpid()))
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Error(err)
		}
	})
	return l
}

// newRig starts a lab with a proxy before it.
func newRig(t *testing.T, name string) *rig {
	t.Helper()
	l := newLab(t, name)
	r := looking(t, l)
	r.chaos = newChaos(t, l.kubeconfig)
	r.namespaces = []string{l.namespace(t, "covered"), l.namespace(t, "opted-out", injectionKey+"=disabled"), "kube-system"}
	eventually(t, "pods can be created before anything is installed", 20*time.Second, func() (bool, string) {
		err := r.canCreate(t.Context())
		return err == nil, fmt.Sprint(err)
	})
	return r
}

// looking is a rig without a proxy, to look at a lab that is up.
func looking(t *testing.T, l *lab) *rig {
	t.Helper()
	config, err := clientcmd.BuildConfigFromFlags("", l.kubeconfig)
	if err != nil {
		t.Fatal(err)
	}
	config.QPS = -1
	r := &rig{lab: l, wanted: map[string]map[string]string{}}
	var errs [3]error
	r.client, errs[0] = kubernetes.NewForConfig(config)
	r.dynamic, errs[1] = dynamic.NewForConfig(config)
	if err := errors.Join(errs[:2]...); err != nil {
		t.Fatal(err)
	}
	if r.kinds, errs[2] = r.listable(); errs[2] != nil {
		t.Fatal(errs[2])
	}
	return r
}

// probePod is a pod that nothing but the injector can object to. It has a command, so that the injector
// need not read the image.
func probePod() *corev1.Pod {
	return &corev1.Pod{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{
			{Name: "main", Image: pauseImage, Command: []string{"/pause"}}}},
	}
}

// dryRun returns a pod as the API server would create it now.
func (r *rig) dryRun(ctx context.Context, namespace string) (*corev1.Pod, error) {
	// More than the webhook's own time limit.
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	return r.client.CoreV1().Pods(namespace).Create(ctx, probePod(), metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
}

// canCreate is the promise: a pod can be created now in each of the namespaces. Nothing is tried twice.
func (r *rig) canCreate(ctx context.Context) error {
	var refused []error
	for _, ns := range r.namespaces {
		if _, err := r.dryRun(ctx, ns); err != nil {
			refused = append(refused, fmt.Errorf("no pod can be created in %s: %w", ns, err))
		}
	}
	return errors.Join(refused...)
}

// watch asks for the promise all the time until stop is called, which returns how often it was broken.
func (r *rig) watch(ctx context.Context, every time.Duration) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	var first error
	var broken, asked int
	var done sync.WaitGroup
	done.Go(func() {
		for ctx.Err() == nil {
			if err := r.canCreate(ctx); err != nil && ctx.Err() == nil {
				if broken++; first == nil {
					first = err
				}
			}
			asked++
			select {
			case <-ctx.Done():
			case <-time.After(every):
			}
		}
	})
	return func() error {
		cancel()
		done.Wait()
		if first == nil {
			return nil
		}
		return fmt.Errorf("%d of %d times meanwhile a pod was refused, first: %w", broken, asked, first)
	}
}

// outcome is how a run of the plugin ended.
type outcome struct {
	result
	// hung says that the run had its time and was ended.
	hung bool
	took time.Duration
	// points are its changing requests, left the steps that had no turn.
	points []point
	left   []step
}

// falconUnder runs the plugin through the proxy.
func (r *rig) falconUnder(t *testing.T, what disturbance, limit time.Duration, args ...string) outcome {
	t.Helper()
	through := *r.lab
	through.kubeconfig = r.chaos.kubeconfig
	cmd := through.command(bin("kubectl-falcon"), args...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	ended := make(chan struct{})
	kill := func() {
		// It may have ended by itself meanwhile.
		_ = cmd.Process.Kill()
		<-ended
	}
	began := time.Now()
	if err := r.chaos.begin(what, kill, cmd.Start); err != nil {
		t.Fatal(err)
	}
	go func() {
		// How it ended is in ProcessState.
		_ = cmd.Wait()
		close(ended)
	}()
	var o outcome
	select {
	case <-ended:
	case <-time.After(limit):
		o.hung = true
		kill()
	}
	o.took = time.Since(began)
	o.points, o.left = r.chaos.seen()
	o.result = result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	return o
}

// wrong returns what no run may do, whatever was done to it.
func (o outcome) wrong(done ...step) error {
	killed := slices.ContainsFunc(done, func(s step) bool { return s.fault == killBefore || s.fault == killAfter })
	switch {
	case o.hung:
		return fmt.Errorf("it did not end by itself in %s: %v", o.took.Round(time.Second), o.result)
	case strings.Contains(o.stderr, "panic:") || strings.Contains(o.stderr, "goroutine "):
		return fmt.Errorf("it panicked: %v", o.result)
	case !killed && o.code != 0 && !strings.Contains(o.stderr, "error:"):
		return fmt.Errorf("it failed without an error: %v", o.result)
	}
	return nil
}

// atOnce starts programs at the same instant and returns their results.
func atOnce(t *testing.T, cmds ...*exec.Cmd) []result {
	t.Helper()
	results := make([]result, len(cmds))
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i, cmd := range cmds {
		done.Go(func() {
			var stdout, stderr strings.Builder
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			ready.Wait()
			// How it ended is in ProcessState, which says -1 for one that did not start.
			_ = cmd.Run()
			results[i] = result{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
		})
	}
	ready.Done()
	done.Wait()
	return results
}
