//go:build e2e

package e2e

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// writeEvery is how often the writer creates a pod, writeLimit what it waits for an answer: more than the
// webhook's own time limit.
const (
	writeEvery = 50 * time.Millisecond
	writeLimit = 30 * time.Second
)

// written is what became of a writer's pods.
type written struct {
	created, injected, refused int
	// first is the first refusal, at is when it came.
	first error
	at    time.Duration
}

// write creates a real pod again and again until stop is called. A slow answer holds no other pod back.
func (r *rig) write() (stop func() written) {
	var w written
	var mu sync.Mutex
	var pods sync.WaitGroup
	began, ended, ticker := time.Now(), make(chan struct{}), time.NewTicker(writeEvery)
	pods.Go(func() {
		for {
			select {
			case <-ended:
				return
			case <-ticker.C:
			}
			pods.Go(func() {
				at := time.Since(began)
				injected, err := r.writeOne()
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && injected:
					w.created++
					w.injected++
				case err == nil:
					w.created++
				default:
					if w.refused++; w.first == nil {
						w.first, w.at = err, at
					}
				}
			})
		}
	})
	return func() written {
		ticker.Stop()
		close(ended)
		pods.Wait()
		return w
	}
}

// writeOne creates a pod and removes it, and says whether it got the sensor.
func (r *rig) writeOne() (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), writeLimit)
	defer cancel()
	pod := probePod()
	// No scheduler of this name is there: creating is what is looked at, and containers that are started 20
	// times a second would leave the lab's node no time for the injector.
	pod.Spec.SchedulerName = "nobody"
	pods := r.client.CoreV1().Pods(r.namespaces[0])
	made, err := pods.Create(ctx, pod, metav1.CreateOptions{})
	if err != nil {
		return false, err
	}
	now, background := int64(0), metav1.DeletePropagationBackground
	// A pod that stays is no fault: the lab goes with the test.
	_ = pods.Delete(ctx, made.Name, metav1.DeleteOptions{GracePeriodSeconds: &now, PropagationPolicy: &background})
	return slices.ContainsFunc(made.Spec.Containers, func(c corev1.Container) bool { return c.Name == sidecarName }), nil
}

// TestNoPodIsEverRefused creates pods all through the life of an installation.
func TestNoPodIsEverRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t, "writer")
	stop := r.write()
	began := time.Now()
	for _, op := range []operation{installing, upgrading, rotating, uninstalling} {
		if o := r.falcon(t, op.args(r.now)...); o.code != 0 {
			t.Errorf("%s: %v", op.name, o)
		}
		r.now = op.end(r.now)
		t.Logf("%s ended after %s", op.name, time.Since(began).Round(time.Millisecond))
	}
	w := stop()
	t.Logf("pods created: %d, of them with the sensor: %d, refused: %d", w.created, w.injected, w.refused)
	if w.refused > 0 {
		t.Errorf("%d pods were refused, the first after %s: %v", w.refused, w.at.Round(time.Millisecond), w.first)
	}
	if w.injected == 0 {
		t.Error("no pod got the sensor, so nothing was shown")
	}
}
