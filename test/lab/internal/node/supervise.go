package node

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// startDeadline bounds the start of one component. On two loaded cores the API server needs about 10 s.
const startDeadline = 2 * time.Minute

// component is one program of the cluster and the condition on which the next may start.
type component struct {
	name string
	args []string
	env  []string
	// ready returns nil once the component does its work.
	ready func(context.Context) error
}

type exit struct {
	name string
	err  error
}

// startError is a component that did not come up.
type startError struct {
	component string
	cause     error
	tail      string
}

func (e *startError) Error() string { return fmt.Sprintf("%s: %v\n%s", e.component, e.cause, e.tail) }

// supervisor starts components and learns of their end.
type supervisor struct {
	spec   Spec
	exited chan exit

	mu     sync.Mutex
	report func(Event)
	gone   map[string]error
}

func newSupervisor(spec Spec, report func(Event)) *supervisor {
	return &supervisor{spec: spec, exited: make(chan exit, 16), report: report, gone: map[string]error{}}
}

func (s *supervisor) tell(e Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.report(e)
}

// fail tells why the lab does not start.
func (s *supervisor) fail(err error) {
	if failed, ok := errors.AsType[*startError](err); ok {
		s.tell(Event{Failed: failed.component, Cause: failed.cause.Error(), Tail: failed.tail})
		return
	}
	s.tell(Event{Failed: "the node", Cause: err.Error()})
}

// inParallel starts several chains of components at once, each chain in its order.
func (s *supervisor) inParallel(ctx context.Context, chains ...[]component) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	results := make(chan error, len(chains))
	for _, chain := range chains {
		go func() {
			for _, c := range chain {
				if err := s.start(ctx, c); err != nil {
					results <- err
					return
				}
			}
			results <- nil
		}()
	}
	for range chains {
		// The first failure is the one to report; the others are cut short by it.
		if err := <-results; err != nil {
			return err
		}
	}
	return nil
}

func (s *supervisor) start(ctx context.Context, c component) error {
	begin := time.Now()
	if err := ctx.Err(); err != nil {
		return err
	}
	log, err := os.OpenFile(s.spec.Dir.Log(c.name), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd := exec.Command(filepath.Join(s.spec.Programs, c.name), c.args...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Dir = s.spec.Dir.Node()
	cmd.Env = append([]string{
		"PATH=" + s.spec.Programs + ":/usr/sbin:/usr/bin:/sbin:/bin",
		"HOME=" + s.spec.Dir.Node(),
		// The processor is scarcer here than memory, and programs of one thread waste less of it. Together
		// they halve what the tests use (51 s to 25 s for one that rotates certificates, 2026-11-25).
		"GOGC=400", "GOMAXPROCS=1",
	}, c.env...)
	if err := cmd.Start(); err != nil {
		return &startError{component: c.name, cause: err}
	}
	go func() {
		err := cmd.Wait()
		_ = log.Close()
		s.mu.Lock()
		s.gone[c.name] = fmt.Errorf("it ended (%s)", describe(cmd, err))
		s.mu.Unlock()
		s.exited <- exit{name: c.name, err: err}
	}()
	if err := s.untilReady(ctx, c); err != nil {
		return &startError{component: c.name, cause: err, tail: s.tail(c.name)}
	}
	s.tell(Event{Component: c.name, Took: time.Since(begin)})
	return nil
}

func describe(cmd *exec.Cmd, err error) string {
	if cmd.ProcessState != nil {
		return cmd.ProcessState.String()
	}
	return err.Error()
}

// untilReady asks until the component is ready, has ended, or has had its time.
func (s *supervisor) untilReady(ctx context.Context, c component) error {
	begin := time.Now()
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		s.mu.Lock()
		gone := s.gone[c.name]
		s.mu.Unlock()
		if gone != nil {
			return gone
		}
		if last = c.ready(ctx); last == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("it is not ready after %s: %w", time.Since(begin).Round(time.Second), last)
		case <-tick.C:
		}
	}
}

// tail returns the last lines of a component's log.
func (s *supervisor) tail(name string) string {
	content, err := os.ReadFile(s.spec.Dir.Log(name))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimRight(string(content), "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-15):], "\n")
}

// wait returns when the first component ends: a cluster without it would only fail later, and oddly.
func (s *supervisor) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case e := <-s.exited:
		return fmt.Errorf("%s ended (%v), so the lab ends; its log is %s", e.name, e.err, s.spec.Dir.Log(e.name))
	}
}
