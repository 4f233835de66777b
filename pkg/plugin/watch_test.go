package plugin

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

// watched runs a watcher over a list of answers, and returns what it printed, said and ended with.
func watched(t *testing.T, w *watcher, answers ...any) (out, said string, err error) {
	t.Helper()
	var printed, remarks strings.Builder
	w.out, w.explain = &printed, func(err error) error { return err }
	w.say = func(format string, args ...any) { fmt.Fprintf(&remarks, format+"\n", args...) }
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = w.run(ctx, time.Microsecond, func(context.Context) (*inject.State, error) {
		if len(answers) == 0 {
			cancel()
			return nil, ctx.Err()
		}
		answer := answers[0]
		answers = answers[1:]
		if failure, ok := answer.(error); ok {
			return nil, failure
		}
		return &inject.State{Owner: answer.(string), Installed: true}, nil
	})
	return printed.String(), remarks.String(), err
}

// A cluster in trouble is what one watches for, so an error does not end it.
func TestWatchGoesOnAfterAnError(t *testing.T) {
	away := errors.New("the server is away")
	out, said, err := watched(t, &watcher{format: term.JSON}, "one", away, away, "one", away, "two")
	if !errors.Is(err, context.Canceled) {
		t.Errorf("it ended with %v", err)
	}
	if n := strings.Count(out, `"owner": "one"`); n != 2 || strings.Count(out, `"owner": "two"`) != 1 {
		t.Errorf("it printed\n%s", out)
	}
	if want := strings.Repeat("cannot be read now, trying again: the server is away\n", 2); said != want {
		t.Errorf("it said\n%s", said)
	}
}

// What cannot be read at all is not waited for.
func TestWatchEndsIfTheFirstLookFails(t *testing.T) {
	away := errors.New("the server is away")
	if out, said, err := watched(t, &watcher{format: term.Table}, away); !errors.Is(err, away) || out+said != "" {
		t.Errorf("got %v, %q, %q", err, out, said)
	}
}

func TestWatchShowsOnlyWhatChanged(t *testing.T) {
	for name, tt := range map[string]struct {
		watcher watcher
		// between is what parts two states, and before what comes before each.
		between, before string
	}{
		"lines":    {watcher{format: term.Table}, "\n", ""},
		"terminal": {watcher{format: term.Table, clear: "CLEAR"}, "", "CLEAR"},
		"YAML":     {watcher{format: term.YAML}, "---\n", ""},
		"JSON":     {watcher{format: term.JSON}, "", ""},
	} {
		out, said, _ := watched(t, &tt.watcher, "one", "one", "two", "two")
		var want strings.Builder
		for n, owner := range []string{"one", "two"} {
			want.WriteString(tt.before)
			if n > 0 {
				want.WriteString(tt.between)
			}
			if err := printState(&want, tt.watcher.format, &inject.State{Owner: owner, Installed: true}); err != nil {
				t.Fatal(err)
			}
		}
		if out != want.String() || said != "" {
			t.Errorf("%s: got\n%s\nwant\n%s\nit said %q", name, out, want.String(), said)
		}
	}
}

// Ctrl-C is how a watch ends; there is nothing to go on with.
func TestWatchIsEndedInSilence(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	host := silent(t, func() { cancel(Interrupted{Signal: os.Interrupt}) })
	o := falconWith(t, ctx, "status", "--watch", "--server", host)
	if o.code != 130 || o.err != "" {
		t.Errorf("exit code %d, it said %q", o.code, o.err)
	}
}

// Every line of the screen fits 80 columns, however long the names are.
func TestStateFitsTheScreen(t *testing.T) {
	digest := strings.Repeat("0123456789abcdef", 4)
	image := "123456789123.dkr.ecr.eu-west-1.amazonaws.com/security/team-of-the-platform/falcon-sensor@sha256:" + digest
	state := &inject.State{Installed: true, Webhook: true, Image: image, FailurePolicy: "Fail", Pods: 1000, Protected: 999, OptedOut: 12,
		Covered: []string{strings.Repeat("n", 63), "b"}, Trouble: "x",
		Faults: []inject.Fault{{What: "cannot pull " + image, Next: "kubectl falcon install --cid CID --image IMAGE"}}}
	var out strings.Builder
	if err := printState(&out, term.Table, state); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		if n := len([]rune(strings.TrimSuffix(line, "\n"))); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	whole := strings.ReplaceAll(out.String(), "\n"+strings.Repeat(" ", labelWidth), "")
	if !strings.Contains(whole, "falcon-sensor@sha256:0123456789ab...\n") || !strings.Contains(out.String(), "; 12 opted") {
		t.Errorf("got\n%s", out.String())
	}
	out.Reset()
	if err := printState(&out, term.JSON, state); err != nil || !strings.Contains(out.String(), digest) {
		t.Errorf("JSON has not the whole digest, %v", err)
	}
	if short := shortImage("falcon:7@sha256:abc"); short != "falcon:7@sha256:abc" {
		t.Errorf("got %q", short)
	}
}
