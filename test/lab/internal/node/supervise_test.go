package node

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// harness is a supervisor whose programs are shell scripts. None of them outlives the test: what waits, reads
// from a pipe whose other end is this program.
type harness struct {
	*supervisor
	t      *testing.T
	gate   *os.File
	events chan Event
}

// newHarness writes the scripts before anything is started: a fork between a script's open and its close
// would keep it from being executed.
func newHarness(t *testing.T, scripts map[string]string) *harness {
	t.Helper()
	spec := testSpec(t)
	h := &harness{t: t, events: make(chan Event, 16)}
	h.supervisor = newSupervisor(spec, func(e Event) { h.events <- e })
	gate := filepath.Join(spec.Programs, "gate")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	var err error
	if h.gate, err = os.OpenFile(gate, os.O_RDWR, 0); err != nil {
		t.Fatal(err)
	}
	for name, script := range scripts {
		text := "#!/bin/sh\n" + strings.ReplaceAll(script, "WAIT", "read -r _ <"+gate) + "\n"
		if err := os.WriteFile(filepath.Join(spec.Programs, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(h.end)
	return h
}

// end lets every script go on, also one that comes to its pipe only now, and waits for those that were started.
func (h *harness) end() {
	defer h.gate.Close()
	h.until("every script has ended", func() bool {
		_, _ = h.gate.WriteString("\n")
		logs, err := os.ReadDir(h.spec.Dir.Logs())
		h.mu.Lock()
		defer h.mu.Unlock()
		return err == nil && len(h.gone) == len(logs)
	})
}

func (h *harness) until(what string, holds func() bool) {
	h.t.Helper()
	for end := time.Now().Add(30 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("not within 30 s: %s", what)
		}
	}
}

// says is the condition that the component's log holds the word.
func (h *harness) says(name, word string) func(context.Context) error {
	return func(context.Context) error {
		content, err := os.ReadFile(h.spec.Dir.Log(name))
		if err == nil && !strings.Contains(string(content), word) {
			err = fmt.Errorf("it has not said %q", word)
		}
		return err
	}
}

// bounded ends a start that would otherwise take its full deadline to fail.
func bounded(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func never(context.Context) error { return errors.New("it never is") }

func startFailure(t *testing.T, err error, component string) *startError {
	t.Helper()
	failed, ok := errors.AsType[*startError](err)
	if !ok || failed.component != component {
		t.Fatalf("error %v, not one of %s", err, component)
	}
	return failed
}

func TestStart(t *testing.T) {
	h := newHarness(t, map[string]string{"server": `echo "$1 $2 | $EXTRA | $HOME | $PATH | $(pwd)"; WAIT`})
	c := component{name: "server", args: []string{"serve", "two words"}, env: []string{"EXTRA=more"}, ready: h.says("server", "more")}
	if err := h.start(bounded(t), c); err != nil {
		t.Fatal(err)
	}
	if e := <-h.events; e.Component != "server" || e.Took <= 0 || e.Failed != "" || e.Ready {
		t.Errorf("event %+v", e)
	}
	data := h.spec.Dir.Node()
	real, err := filepath.EvalSymlinks(data)
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("serve two words | more | %s | %s:/usr/sbin:/usr/bin:/sbin:/bin | %s", data, h.spec.Programs, real)
	if got := h.tail("server"); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestStartOfWhatEnds(t *testing.T) {
	h := newHarness(t, map[string]string{
		"broken": `i=0; while [ $i -lt 20 ]; do i=$((i+1)); echo "line $i"; done; echo "no such flag" >&2; exit 3`,
		"killed": `kill -KILL $$`,
		"done":   `exit 0`,
	})
	var lines []string
	for i := 7; i <= 20; i++ {
		lines = append(lines, fmt.Sprintf("line %d", i))
	}
	for name, want := range map[string]struct{ cause, tail string }{
		"broken": {"it ended (exit status 3)", strings.Join(append(lines, "no such flag"), "\n")},
		"killed": {"it ended (signal: killed)", ""},
		"done":   {"it ended (exit status 0)", ""},
	} {
		err := h.start(bounded(t), component{name: name, ready: never})
		failed := startFailure(t, err, name)
		if failed.cause.Error() != want.cause || failed.tail != want.tail {
			t.Errorf("%s: %v, with the log's end\n%s", name, failed.cause, failed.tail)
		}
		if text := err.Error(); !strings.HasPrefix(text, name+": "+want.cause) || !strings.HasSuffix(text, want.tail) {
			t.Errorf("it reads %q", text)
		}
	}
	if len(h.events) != 0 {
		t.Errorf("told: %+v", <-h.events)
	}
}

func TestStartOfNothing(t *testing.T) {
	h := newHarness(t, nil)
	err := h.start(t.Context(), component{name: "absent", ready: never})
	if failed := startFailure(t, err, "absent"); !errors.Is(failed.cause, fs.ErrNotExist) {
		t.Errorf("cause %v", failed.cause)
	}
	// It left a log, but no process to wait for.
	if err := os.Remove(h.spec.Dir.Log("absent")); err != nil {
		t.Error(err)
	}
}

func TestStartOfWhatIsNeverReady(t *testing.T) {
	h := newHarness(t, map[string]string{"slow": `echo "still trying"; WAIT`})
	ctx, cancel := context.WithCancel(t.Context())
	asked := 0
	err := h.start(ctx, component{name: "slow", ready: func(ctx context.Context) error {
		// The script has spoken, and it was asked more than once, before the context ends.
		if asked++; asked > 2 && h.says("slow", "trying")(ctx) == nil {
			cancel()
		}
		return fmt.Errorf("refused %d times", asked)
	}})
	failed := startFailure(t, err, "slow")
	if want := fmt.Sprintf("refused %d times", asked); !strings.Contains(failed.cause.Error(), want) || failed.tail != "still trying" {
		t.Errorf("%v does not say %q, or has another tail: %q", failed.cause, want, failed.tail)
	}
}

func TestChainsStartInOrder(t *testing.T) {
	h := newHarness(t, map[string]string{"first": "echo up; WAIT", "second": "echo up; WAIT", "beside": "echo up; WAIT"})
	plain := func(name string) component { return component{name: name, ready: h.says(name, "up")} }
	second := plain("second")
	second.ready = func(ctx context.Context) error {
		// Only what is ready counts, not what is merely started.
		if err := h.says("beside", "up")(ctx); err != nil {
			return err
		}
		return h.says("second", "up")(ctx)
	}
	if err := h.inParallel(bounded(t), []component{plain("first"), second}, []component{plain("beside")}); err != nil {
		t.Fatal(err)
	}
	close(h.events)
	var order []string
	for e := range h.events {
		order = append(order, e.Component)
	}
	if len(order) != 3 || slices.Index(order, "first") > slices.Index(order, "second") {
		t.Errorf("came up: %q", order)
	}
}

func TestTheFirstFailureIsReported(t *testing.T) {
	h := newHarness(t, map[string]string{"broken": "echo why; exit 1", "slow": "WAIT", "after": "WAIT"})
	err := h.inParallel(bounded(t),
		[]component{{name: "slow", ready: never}},
		[]component{{name: "broken", ready: never}, {name: "after", ready: never}},
	)
	if failed := startFailure(t, err, "broken"); failed.tail != "why" {
		t.Errorf("the log's end is %q", failed.tail)
	}
	if _, err := os.Stat(h.spec.Dir.Log("after")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what stands after the broken one was started (%v)", err)
	}
	h.until("the slow one is started", func() bool {
		_, err := os.Stat(h.spec.Dir.Log("slow"))
		return err == nil
	})
}

func TestFailTellsWhy(t *testing.T) {
	for want, err := range map[Event]error{
		{Failed: "etcd", Cause: "no", Tail: "last words"}: fmt.Errorf("start: %w", &startError{"etcd", errors.New("no"), "last words"}),
		{Failed: "the node", Cause: "mounts: no"}:         errors.New("mounts: no"),
	} {
		var told []Event
		newSupervisor(Spec{}, func(e Event) { told = append(told, e) }).fail(err)
		if !slices.Equal(told, []Event{want}) {
			t.Errorf("%v is told as %+v", err, told)
		}
	}
}

func TestWait(t *testing.T) {
	h := newHarness(t, map[string]string{"server": "echo up; WAIT; exit 4"})
	if err := h.start(bounded(t), component{name: "server", ready: h.says("server", "up")}); err != nil {
		t.Fatal(err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.wait(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if _, err := h.gate.WriteString("\n"); err != nil {
		t.Fatal(err)
	}
	err := h.wait(t.Context())
	want := "server ended (exit status 4), so the lab ends; its log is " + h.spec.Dir.Log("server")
	if err == nil || err.Error() != want {
		t.Errorf("got  %v\nwant %s", err, want)
	}
}
