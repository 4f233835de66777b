// Package stage runs the stages of a longer undertaking, each as soon as those that it needs are done, and
// says what became of each.
//
// What is done already is found by looking, never remembered: an undertaking that was stopped anywhere goes on
// when it is run again. It must not know what a stage does, and keeps nothing between runs.
package stage

import (
	"context"
	"fmt"
	"time"
)

// Seen is what looking at a stage has found.
type Seen struct {
	// Done says that nothing is left to do.
	Done bool
	// What is there, or what will be done, in a few words without a full stop.
	What string
}

// Stage is one of them.
type Stage struct {
	// Name is unique among the stages of a run, and what people see.
	Name string
	// Needs are the names of the stages that must be done before this one can be looked at.
	Needs []string
	// Takes is about how long it takes where it is not done, for the plan; 0 is a moment.
	Takes time.Duration
	// Will is what it does, for the plan of a run in which it cannot be looked at yet.
	Will string
	// Look finds out whether it is done. It changes nothing.
	Look func(context.Context) (Seen, error)
	// Make does it, says how far it is by tell, and returns what is there now. It may be stopped at any
	// moment and is then run again some time later.
	Make func(ctx context.Context, tell func(string)) (string, error)
}

// State is what became of a stage.
type State string

// The states of a stage, in a plan and after a run.
const (
	// Present was done before.
	Present State = "present"
	// Planned is to be done.
	Planned State = "planned"
	// Made was done by this run.
	Made State = "made"
	// Failed is one with an error.
	Failed State = "failed"
	// Skipped was not tried, since one that it needs is not done.
	Skipped State = "skipped"
	// Stopped is one that was at work, or had not begun, when the run was ended.
	Stopped State = "stopped"
)

// Outcome is one stage after a plan or a run.
type Outcome struct {
	// Name is the stage's.
	Name string `json:"name"`
	// State is what became of it.
	State State `json:"state"`
	// What is there, or what is planned, or why it failed.
	What string `json:"what,omitempty"`
	// Seconds is how long it took, or is about to take.
	Seconds float64 `json:"seconds"`

	// Err is why it failed.
	Err error `json:"-"`
}

// check is an error if the stages cannot be run: a name that comes twice, a need that is not there, or stages
// that wait for each other. Stages stand after those that they need.
func check(stages []Stage) error {
	before := map[string]bool{}
	for n := range stages {
		s := &stages[n]
		if before[s.Name] {
			return fmt.Errorf("the stage %q is there twice", s.Name)
		}
		for _, need := range s.Needs {
			if !before[need] {
				return fmt.Errorf("the stage %q needs %q, which does not stand before it", s.Name, need)
			}
		}
		before[s.Name] = true
	}
	return nil
}
