package aid

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Schema names the form of a Report, for programs that read it.
const Schema = "kubectl-falcon.aid/v1"

// Report is the answer about many pods.
type Report struct {
	Schema  string `json:"schema"`
	Context string `json:"context,omitempty"`
	// Pods are in the order of their namespaces and names.
	Pods    []Result `json:"pods"`
	Summary Summary  `json:"summary"`

	// selected says that nobody named the pods.
	selected bool
}

// Summary counts the pods of a report.
type Summary struct {
	Pods   int `json:"pods"`
	Known  int `json:"known"`
	Failed int `json:"failed"`
	// Aside counts pods that nobody named and that have no sensor, or have ended: there was nothing to ask.
	Aside int `json:"aside"`
	// Flagged is how many have an id about which something is odd.
	Flagged int            `json:"flagged"`
	Reasons map[Reason]int `json:"reasons"`
}

// Flag is what is odd about an id.
type Flag string

// The flags.
const (
	// AllZero is the id of a sensor that has lost its own.
	AllZero Flag = "AllZero"
	// Duplicate is an id that another pod has too, which the console shows as one host.
	Duplicate Flag = "Duplicate"
	// NotInConsole is an id that the Falcon console does not know.
	NotInConsole Flag = "NotInConsole"
)

// Result is what is known of one pod: an agent id, or a reason for which there is none.
type Result struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	UID       string `json:"uid,omitempty"`
	Node      string `json:"node,omitempty"`
	// Container is the sensor's.
	Container string `json:"container,omitempty"`
	Owner     Owner  `json:"owner,omitzero"`
	AID       string `json:"aid,omitempty"`
	Reason    Reason `json:"reason,omitempty"`
	// Message says more, as what follows the pod's name in a sentence.
	Message string   `json:"message,omitempty"`
	Flags   []Flag   `json:"flags,omitempty"`
	Cached  bool     `json:"cached,omitempty"`
	Details *Details `json:"details,omitempty"`
	Host    *Host    `json:"host,omitempty"`

	// cause is the error of the cluster, which has a kind of its own.
	cause error
	// waited is how long the sensor was waited for in vain.
	waited time.Duration
}

// Err is the result as an error; nil of one that has an id.
func (r *Result) Err() error {
	if r.Reason == "" {
		return nil
	}
	where := r.Namespace + "/" + r.Pod
	switch {
	case r.waited > 0:
		return problem.New(problem.TimedOut, waitedNext, "pod %s %s", where, r.Message)
	case r.Reason == Canceled, r.Reason == Forbidden, r.Reason == Transport:
		return fmt.Errorf("run falconctl in pod %s, container %s: %w", where, r.Container, r.cause)
	case r.Reason == NotFound:
		return problem.New(problem.BadInput, r.Next(), "there is no pod %q in namespace %s", r.Pod, r.Namespace)
	case r.Reason == NotRegistered:
		return problem.New(problem.Failed, r.Next(), "pod %s: %w", where, ErrUnset)
	case r.Reason == Timeout:
		return problem.New(problem.TimedOut, r.Next(), "pod %s %s", where, r.Message)
	}
	return problem.New(problem.Failed, r.Next(), "pod %s %s", where, r.Message)
}

// Cause is the error of the cluster, if it was the cluster that did not let the sensor be asked.
func (r *Result) Cause() error { return r.cause }

// TimedOut says that the sensor was waited for, and the wait had its time.
func (r *Result) TimedOut() bool { return r.waited > 0 }

const waitedNext = "check the CID, and the way to the Falcon cloud (port 443, proxy)"

// summarise flags what is odd about the ids and counts.
func (r *Report) summarise() {
	first := map[string]int{}
	for n := range r.Pods {
		id := r.Pods[n].AID
		if id == "" || id == zeros {
			continue
		}
		before, seen := first[id]
		if !seen {
			first[id] = n
			continue
		}
		r.Pods[n].flag(Duplicate)
		r.Pods[before].flag(Duplicate)
	}
	r.Count()
}

// Count counts anew, after something was changed.
func (r *Report) Count() {
	s := Summary{Pods: len(r.Pods), Reasons: map[Reason]int{}}
	for n := range r.Pods {
		p := &r.Pods[n]
		switch {
		case r.selected && (p.Reason == NoSensor || p.Reason == Ended):
			s.Aside++
			s.Reasons[p.Reason]++
		case p.Reason != "":
			s.Failed++
			s.Reasons[p.Reason]++
		default:
			s.Known++
		}
		if len(p.Flags) > 0 {
			s.Flagged++
		}
	}
	r.Summary = s
}

func (r *Result) flag(f Flag) {
	for _, have := range r.Flags {
		if have == f {
			return
		}
	}
	r.Flags = append(r.Flags, f)
}

// Add adds results of what could not be asked.
func (r *Report) Add(more []Result) {
	r.Pods = append(r.Pods, more...)
	r.sort()
	r.Count()
}

func (r *Report) sort() {
	slices.SortStableFunc(r.Pods, func(a, b Result) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Pod, b.Pod))
	})
}
