package aid

import (
	"context"
	"sync"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// How many sensors are asked at the same time: more only make the API server slower, and a node's kubelet is
// asked by others too.
const (
	DefaultInFlight = 32
	DefaultPerNode  = 2
)

// Options say how pods are asked.
type Options struct {
	// InFlight is how many are asked at a time, DefaultInFlight if it is 0.
	InFlight int
	// PerNode is how many are asked at a time on one node, DefaultPerNode if it is 0. Pods on Fargate have a
	// node each.
	PerNode int
	// PodTimeout is how long one may take, DefaultPodTimeout if it is 0.
	PodTimeout time.Duration
	// Wait is how long those are asked again that have no id yet; 0 is not at all.
	Wait time.Duration
	// Container is the one to ask; empty to find the sensor.
	Container string
	// Selected says that nobody named the pods: those without a sensor, and those that have ended, are then no
	// failures.
	Selected bool
	// Details says to ask for more than the id, and CID is the customer id to compare with.
	Details bool
	CID     string
	// Images are what the injectors configure, by which sensors of unknown names are found again.
	Images map[string]bool
	// Cache has the ids of containers that were asked before; nil is none.
	Cache *Cache
	// Tell is called with each result as it comes, one at a time.
	Tell func(Result)
}

// Run asks all pods and returns a result of each. When the context ends it returns within a moment, and those
// that were not asked to the end say so.
func Run(ctx context.Context, c *kube.Cluster, pods []Pod, o Options) *Report {
	r := &inquiry{c: c, o: o, a: newAsker(c, o)}
	if r.o.InFlight <= 0 {
		r.o.InFlight = DefaultInFlight
	}
	if r.o.PerNode <= 0 {
		r.o.PerNode = DefaultPerNode
	}
	waiting := r.round(ctx, pods)
	if o.Wait > 0 && len(waiting) > 0 {
		waiting = r.wait(ctx, waiting)
	}
	for n := range waiting {
		r.tell(waiting[n].last)
	}
	r.strays(pods)
	report := &Report{selected: o.Selected, Schema: Schema, Context: c.Context, Pods: append([]Result{}, r.results...)}
	report.sort()
	report.summarise()
	return report
}

// inquiry is one Run.
type inquiry struct {
	c *kube.Cluster
	o Options
	a *asker

	mu      sync.Mutex
	results []Result
	// told are the ids so far, for those that come twice.
	told map[string]bool
}

// pending is a pod whose result may change by waiting.
type pending struct {
	pod  Pod
	last Result
}

// round asks pods once and returns those for which waiting may help, if it is wanted.
func (r *inquiry) round(ctx context.Context, pods []Pod) (waiting []pending) {
	var ask []*Pod
	for n := range pods {
		p := &pods[n]
		switch {
		case p.reason == "":
			ask = append(ask, p)
		case r.o.Wait > 0 && p.reason.Passing():
			waiting = append(waiting, pending{*p, p.result()})
		default:
			r.tell(p.result())
		}
	}
	var mu sync.Mutex
	each(ctx, ask, func(p *Pod) string { return p.Node }, r.o.InFlight, r.o.PerNode, func(p *Pod) {
		result := r.a.ask(ctx, p)
		if r.o.Wait > 0 && result.Reason.Passing() {
			mu.Lock()
			defer mu.Unlock()
			waiting = append(waiting, pending{*p, result})
			return
		}
		r.tell(result)
	})
	return waiting
}

// tell takes a result.
func (r *inquiry) tell(result Result) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if id := result.AID; id != "" && id != zeros {
		if r.told == nil {
			r.told = map[string]bool{}
		}
		if r.told[id] {
			result.flag(Duplicate)
		}
		r.told[id] = true
	}
	r.results = append(r.results, result)
	if r.o.Tell != nil {
		r.o.Tell(result)
	}
}

// strays gives a result to the pods that nobody came to before the run was stopped: they are not told, as
// there is nothing to tell of them.
func (r *inquiry) strays(pods []Pod) {
	if len(r.results) == len(pods) {
		return
	}
	done := make(map[[2]string]bool, len(r.results))
	for n := range r.results {
		done[[2]string{r.results[n].Namespace, r.results[n].Pod}] = true
	}
	for n := range pods {
		if p := &pods[n]; !done[[2]string{p.Namespace, p.Name}] {
			result := p.result()
			result.Reason, result.Message, result.cause = Canceled, "was not asked to the end", context.Canceled
			r.results = append(r.results, result)
		}
	}
}
