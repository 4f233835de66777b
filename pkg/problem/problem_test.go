package problem_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func TestErrorSaysWhatFailedAndKeepsItsAdviceApart(t *testing.T) {
	for _, kind := range []problem.Kind{problem.Failed, problem.BadInput, problem.NoAccess, problem.TimedOut} {
		p := problem.New(kind, "do this", "pod %q: %d restarts", "web", 3)
		if got, want := p.Error(), `pod "web": 3 restarts`; got != want {
			t.Errorf("message is %q, want %q", got, want)
		}
		if p.Kind() != kind {
			t.Errorf("kind is %d, want %d", p.Kind(), kind)
		}
		if p.Next() != "do this" {
			t.Errorf("advice is %q", p.Next())
		}
	}
}

func TestErrorWithoutAdviceHasNone(t *testing.T) {
	if next := problem.New(problem.Failed, "", "it broke").Next(); next != "" {
		t.Errorf("advice is %q, want none", next)
	}
}

// What the caller knows only by type or identity must still be found under the advice, and the advice
// under what callers put around it.
func TestErrorIsFoundInAChainFromBothSides(t *testing.T) {
	_, cause := os.Open("/no/such/file")
	p := problem.New(problem.BadInput, "give another file", "read it: %w", cause)
	wrapped := fmt.Errorf("command: %w", p)

	if !errors.Is(wrapped, fs.ErrNotExist) {
		t.Error("errors.Is does not find the cause through the problem")
	}
	if path, ok := errors.AsType[*fs.PathError](wrapped); !ok || path.Path != "/no/such/file" {
		t.Errorf("errors.As does not find the cause through the problem: %v", path)
	}
	found, ok := errors.AsType[*problem.Error](wrapped)
	if !ok {
		t.Fatal("errors.As does not find the problem in the chain")
	}
	if found.Kind() != problem.BadInput || found.Next() != "give another file" {
		t.Errorf("found kind %d and advice %q", found.Kind(), found.Next())
	}
}

// Without %w an error is only told, so nobody reacts to a cause that was not meant for them.
func TestErrorHidesACauseThatIsOnlyFormatted(t *testing.T) {
	p := problem.New(problem.Failed, "", "read it: %v", fs.ErrNotExist)
	if errors.Is(p, fs.ErrNotExist) {
		t.Error("errors.Is finds a cause that was not wrapped")
	}
}

// The innermost advice is nearest to what went wrong, but the outermost is what a command chose to say:
// errors.As takes the first, and package plugin relies on it.
func TestTheOuterProblemSpeaksForTheInner(t *testing.T) {
	inner := problem.New(problem.NoAccess, "inner", "no")
	outer := problem.New(problem.TimedOut, "outer", "waited: %w", inner)
	found, _ := errors.AsType[*problem.Error](fmt.Errorf("x: %w", outer))
	if found.Next() != "outer" || found.Kind() != problem.TimedOut {
		t.Errorf("found kind %d and advice %q", found.Kind(), found.Next())
	}
}
