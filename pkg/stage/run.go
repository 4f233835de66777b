package stage

import (
	"context"
	"time"
)

// Event tells of a stage while a run goes on. Events of different stages may come at the same time.
type Event struct {
	// Name is the stage's.
	Name string
	// Step is how far it is; empty once it has ended.
	Step string
	// Outcome is there once it has ended.
	Outcome *Outcome
}

// Run does each stage as soon as those that it needs are done: it looks first, and does what is not done.
// If one fails, those that need it are skipped, and the others go on. When the context ends, all end.
// It returns an outcome of each in their order, and the error of the first that failed.
func Run(ctx context.Context, stages []Stage, tell func(Event)) ([]Outcome, error) {
	if err := check(stages); err != nil {
		return nil, err
	}
	outcomes := each(ctx, stages, func(ctx context.Context, s *Stage, needs State) Outcome {
		began := time.Now()
		o := run(ctx, s, needs, tell)
		o.Name, o.Seconds = s.Name, time.Since(began).Seconds()
		tell(Event{Name: s.Name, Outcome: &o})
		return o
	})
	if err := Err(outcomes); err != nil {
		return outcomes, err
	}
	// Nothing failed, but not all were come to.
	return outcomes, ctx.Err()
}

func run(ctx context.Context, s *Stage, needs State, tell func(Event)) Outcome {
	switch {
	case ctx.Err() != nil:
		return Outcome{State: Stopped, What: "not begun"}
	case needs != Present:
		return Outcome{State: Skipped, What: "needs " + list(s.Needs)}
	}
	seen, err := s.Look(ctx)
	if err == nil && seen.Done {
		return Outcome{State: Present, What: seen.What}
	}
	var what string
	if err == nil {
		tell(Event{Name: s.Name, Step: seen.What})
		what, err = s.Make(ctx, func(step string) { tell(Event{Name: s.Name, Step: step}) })
	}
	switch {
	case err == nil:
		return Outcome{State: Made, What: what}
	case ctx.Err() != nil:
		return Outcome{State: Stopped, What: "stopped while it was at work"}
	}
	return Outcome{State: Failed, What: err.Error(), Err: err}
}

// list puts names in a row.
func list(names []string) (text string) {
	for n, name := range names {
		switch {
		case n == 0:
		case n == len(names)-1:
			text += " and "
		default:
			text += ", "
		}
		text += name
	}
	return text
}
