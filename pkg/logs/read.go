package logs

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Lister returns the containers whose logs are read. With Follow it is asked again and again, since
// replicas come and go.
type Lister func(ctx context.Context) ([]Container, error)

// Teller gets a sentence about what keeps a log from being read, for people.
type Teller func(format string, args ...any)

// lookEvery is how often new replicas are looked for.
const lookEvery = 2 * time.Second

// Read hands the lines of all containers to emit in the order of time. A container whose log cannot be read
// does not keep the others from it: the first such error comes at the end. An error of emit ends it at once.
func Read(ctx context.Context, c *kube.Cluster, o Options, list Lister, tell Teller, emit func(Line) error) error {
	containers, err := list(ctx)
	if err != nil {
		return err
	}
	all, inner := errgroup.WithContext(ctx)
	in := make(chan event)
	held := time.Duration(0)
	if o.Follow {
		held = window
	}
	all.Go(func() error { return merge(inner, in, held, emit) })
	r := &readers{c: c, o: o, tell: tell, in: in, known: map[Container]bool{}}
	all.Go(func() error {
		defer close(in)
		// A reader that cannot go on is told of by itself; what ends all is the context.
		defer r.group.Wait()
		r.start(inner, containers)
		if o.Follow {
			return r.watch(inner, list)
		}
		return nil
	})
	if err := all.Wait(); err != nil {
		return err
	}
	return r.outcome()
}

// readers are the containers that are read.
type readers struct {
	c    *kube.Cluster
	o    Options
	tell Teller
	in   chan<- event

	group   sync.WaitGroup
	streams int
	// known are the containers that were begun with, also those whose log has ended: a pod that failed stays.
	known map[Container]bool

	mu   sync.Mutex
	errs []error
	// read is how many logs could be read.
	read int
}

// start begins to read containers that are not read yet. All streams are opened before the first line goes
// on, or the lines of the first would not wait for the others'.
func (r *readers) start(ctx context.Context, containers []Container) {
	var fresh []*reader
	for _, at := range containers {
		if r.known[at] {
			continue
		}
		r.known[at] = true
		r.streams++
		one := &reader{c: r.c, o: r.o, at: at, stream: r.streams, in: r.in, room: make(chan struct{}, mostHeld), tell: r.tell}
		if one.send(ctx, event{stream: one.stream, begins: true, room: one.room}) != nil {
			return
		}
		fresh = append(fresh, one)
	}
	for _, one := range fresh {
		r.group.Go(func() {
			err := one.run(ctx)
			// What ends a stream of the merge; without it the others would wait for it.
			_ = one.send(ctx, event{stream: one.stream})
			r.mu.Lock()
			defer r.mu.Unlock()
			if err != nil {
				r.errs = append(r.errs, err)
				return
			}
			r.read++
		})
	}
}

// watch looks for new containers until there are none and none can come, or the context ends.
func (r *readers) watch(ctx context.Context, list Lister) error {
	// Those that come later are read from their beginning.
	r.o.Tail = -1
	said := ""
	for {
		if err := pause(ctx, lookEvery); err != nil {
			return err
		}
		if err := r.refused(); err != nil {
			return err
		}
		containers, err := list(ctx)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, errEnded):
			return nil
		case err != nil:
			if text := kube.Explain(err, r.c).Error(); text != said {
				said = text
				r.tell("new replicas cannot be looked for now, trying again: %s", text)
			}
		default:
			said = ""
			r.start(ctx, containers)
		}
	}
}

// refused is the error of a log that is followed, which is only ever that it may not be read.
func (r *readers) refused() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.errs) > 0 {
		return r.errs[0]
	}
	return nil
}

// outcome is the first error, once all has been read that could be.
func (r *readers) outcome() error {
	if len(r.errs) == 0 {
		return nil
	}
	// Those that could not be read at one moment are told in one order.
	slices.SortFunc(r.errs, func(a, b error) int { return strings.Compare(a.Error(), b.Error()) })
	if r.read > 0 {
		for _, err := range r.errs[1:] {
			r.tell("%s", kube.Explain(err, r.c).Error())
		}
		if quiet, ok := errors.AsType[*silent](r.errs[0]); ok {
			// The others have said what there is to say.
			r.tell("%s", quiet.Error())
			return nil
		}
	}
	if quiet, ok := errors.AsType[*silent](r.errs[0]); ok {
		return problem.New(problem.Failed, quiet.next(), "%s", quiet.Error())
	}
	return r.errs[0]
}

// silent is a container without the log that was asked for.
type silent struct {
	at       Container
	previous bool
	why      string
}

// Error says which container, and why.
func (s *silent) Error() string {
	what := "has no log yet"
	if s.previous {
		what = "has no log of a previous run"
	}
	return fmt.Sprintf("container %s of pod %s/%s %s: %s", s.at.Name, s.at.Namespace, s.at.Pod, what, s.why)
}

func (s *silent) next() string {
	if s.previous {
		return "leave out --previous: it was not restarted"
	}
	return "kubectl describe pod -n " + s.at.Namespace + " " + s.at.Pod + " shows more; --follow waits for it"
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
