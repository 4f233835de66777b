package aid

import (
	"context"
	"fmt"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// askEvery is how soon a pod that has no id yet is asked again; of many, or after a while, it takes longer.
const (
	askEvery = time.Second
	askLeast = 10 * time.Second
)

// explained is how many sensors that were waited for in vain are asked what they were told: the others will
// hardly have another reason.
const explained = 3

// wait asks those again that have no id yet, until all have or the wait has had its time, and returns those
// left.
func (r *inquiry) wait(ctx context.Context, waiting []pending) []pending {
	end := time.Now().Add(r.o.Wait)
	within, cancel := context.WithDeadline(ctx, end)
	defer cancel()
	for pause := askEvery; len(waiting) > 0; pause = min(pause*5/4, askLeast) {
		select {
		case <-within.Done():
		case <-time.After(pause):
		}
		if within.Err() != nil {
			break
		}
		waiting = r.again(within, waiting)
	}
	if ctx.Err() != nil {
		for n := range waiting {
			waiting[n].last.Reason, waiting[n].last.Message = Canceled, "was not waited for to the end: it "+waiting[n].last.Message
			waiting[n].last.cause = ctx.Err()
		}
		return waiting
	}
	r.explain(ctx, waiting)
	return waiting
}

// again looks at each pod anew and asks those that can answer.
func (r *inquiry) again(ctx context.Context, waiting []pending) (still []pending) {
	var mu sync.Mutex
	keep := func(w pending) {
		mu.Lock()
		defer mu.Unlock()
		still = append(still, w)
	}
	var asked int
	each(ctx, waiting, func(w pending) string { return w.pod.Node }, r.o.InFlight, r.o.PerNode, func(w pending) {
		mu.Lock()
		asked++
		mu.Unlock()
		result, pod, ok := r.look(ctx, w)
		// The end of the wait is not an answer.
		if !ok || result.Reason.Passing() || result.Reason == Canceled || result.Reason == Timeout && ctx.Err() != nil {
			if ok && result.Reason.Passing() {
				w = pending{pod, result}
			}
			keep(w)
			return
		}
		r.tell(result)
	})
	if asked < len(waiting) {
		// The wait ended before everybody's turn came.
		return append(still, r.untouched(waiting, still)...)
	}
	return still
}

// untouched are those of waiting that have no result and are not in still.
func (r *inquiry) untouched(waiting, still []pending) (left []pending) {
	done := map[[2]string]bool{}
	for n := range still {
		done[[2]string{still[n].pod.Namespace, still[n].pod.Name}] = true
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for n := range r.results {
		done[[2]string{r.results[n].Namespace, r.results[n].Pod}] = true
	}
	for _, w := range waiting {
		if !done[[2]string{w.pod.Namespace, w.pod.Name}] {
			left = append(left, w)
		}
	}
	return left
}

// look reads the pod anew and asks it; ok is false when it could not be read for now.
func (r *inquiry) look(ctx context.Context, w pending) (result Result, p Pod, ok bool) {
	pod, err := r.c.Client.CoreV1().Pods(w.pod.Namespace).Get(ctx, w.pod.Name, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		result = w.last
		result.Reason, result.Message = Gone, "is gone"
		return result, p, true
	case err != nil && (ctx.Err() != nil || kube.Passing(err)):
		return result, p, false
	case err != nil:
		result = w.last
		result.fail(ctx, err, r.a.timeout)
		return result, p, true
	}
	p = Reduce(pod, r.o.Container)
	p.recognise(r.o.Images)
	return r.a.ask(ctx, &p), p, true
}

// explain says of those that were waited for in vain what the likely reason is.
func (r *inquiry) explain(ctx context.Context, waiting []pending) {
	asked := 0
	for n := range waiting {
		w := &waiting[n]
		w.last.waited = r.o.Wait
		if w.last.Reason != NotRegistered {
			w.last.Message = fmt.Sprintf("has no agent id after %s: it %s", r.o.Wait, w.last.Message)
			continue
		}
		why := ""
		if asked < explained {
			asked++
			why = r.likely(ctx, w)
		}
		w.last.Message = fmt.Sprintf("has no agent id after %s%s", r.o.Wait, why)
	}
}

// likely asks a sensor what it was told, for the likely reason why it has not registered. It is for people,
// so it must not take long.
func (r *inquiry) likely(ctx context.Context, w *pending) string {
	d := w.last.Details
	if d == nil {
		asker := *r.a
		asker.details, asker.cache = true, nil
		asker.timeout = min(asker.timeout, 5*time.Second)
		d = asker.ask(ctx, &w.pod).Details
	}
	if d == nil {
		return ""
	}
	return ": " + d.suspicion(Compare(d.CID, r.o.CID))
}

// suspicion is the likely reason for which a sensor with these settings does not register.
func (d *Details) suspicion(cid Match) string {
	switch {
	case d.CID == "":
		return "its CID is not set, so it cannot register"
	case cid == Differs:
		return "its CID is another than the injector's, so its pod is older than the settings: restart it"
	case d.Proxy.Disabled == "true":
		return "its CID is set and its proxy is disabled, so it needs a direct way out on port 443"
	case d.Proxy.Host != "":
		return "its CID is set; whether its proxy " + d.Proxy.String() + " lets it out is the next question"
	}
	return "its CID is set and no proxy is, so it needs a direct way out on port 443, or the proxy"
}
