package stage

import (
	"context"
	"sync"
	"time"
)

// Plan looks at all stages, those at the same time that do not need each other, and changes nothing. A stage
// that needs one which is not done cannot be looked at, and is planned. It returns an outcome of each, in
// their order, and how long the whole is about to take. The error is the first that looking met.
func Plan(ctx context.Context, stages []Stage) (outcomes []Outcome, takes time.Duration, err error) {
	if err := check(stages); err != nil {
		return nil, 0, err
	}
	outcomes = each(ctx, stages, func(ctx context.Context, s *Stage, needs State) Outcome {
		if needs != Present {
			return planned(s, s.Will)
		}
		seen, err := s.Look(ctx)
		switch {
		case err != nil:
			return Outcome{Name: s.Name, State: Failed, What: err.Error(), Err: err}
		case seen.Done:
			return Outcome{Name: s.Name, State: Present, What: seen.What}
		}
		return planned(s, seen.What)
	})
	return outcomes, longest(stages, outcomes), Err(outcomes)
}

func planned(s *Stage, what string) Outcome {
	return Outcome{Name: s.Name, State: Planned, What: what, Seconds: s.Takes.Seconds()}
}

// longest is how long the longest way through the stages takes that are not done.
func longest(stages []Stage, outcomes []Outcome) (all time.Duration) {
	ends := map[string]time.Duration{}
	for n := range stages {
		var end time.Duration
		for _, need := range stages[n].Needs {
			end = max(end, ends[need])
		}
		if outcomes[n].State == Planned {
			end += stages[n].Takes
		}
		ends[stages[n].Name] = end
		all = max(all, end)
	}
	return all
}

// each does something with every stage once all that it needs have had it, and gives the worst state of those.
func each(ctx context.Context, stages []Stage, do func(ctx context.Context, s *Stage, needs State) Outcome) []Outcome {
	outcomes := make([]Outcome, len(stages))
	ended, at := make([]chan struct{}, len(stages)), map[string]int{}
	for n := range stages {
		ended[n], at[stages[n].Name] = make(chan struct{}), n
	}
	var all sync.WaitGroup
	for n := range stages {
		all.Go(func() {
			defer close(ended[n])
			needs := Present
			for _, need := range stages[n].Needs {
				<-ended[at[need]]
				if state := outcomes[at[need]].State; state != Present && state != Made {
					needs = state
				}
			}
			outcomes[n] = do(ctx, &stages[n], needs)
		})
	}
	all.Wait()
	return outcomes
}

// Err is the error of the first stage that has one.
func Err(outcomes []Outcome) error {
	for n := range outcomes {
		if outcomes[n].Err != nil {
			return outcomes[n].Err
		}
	}
	return nil
}
