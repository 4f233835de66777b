package stage_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/stage"
)

// world is what stages make, and in which order.
type world struct {
	mu    sync.Mutex
	there map[string]bool
	deeds []string
}

func (w *world) stage(name string, takes time.Duration, needs ...string) stage.Stage {
	return stage.Stage{Name: name, Needs: needs, Takes: takes, Will: "make " + name + " later",
		Look: func(context.Context) (stage.Seen, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			if w.there[name] {
				return stage.Seen{Done: true, What: name + " is there"}, nil
			}
			return stage.Seen{What: "make " + name}, nil
		},
		Make: func(ctx context.Context, tell func(string)) (string, error) {
			tell("half of " + name)
			select {
			case <-ctx.Done():
				return "", ctx.Err()
			case <-time.After(takes):
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			w.there[name] = true
			w.deeds = append(w.deeds, name)
			return "made " + name, nil
		}}
}

func states(outcomes []stage.Outcome) string {
	var all []string
	for _, o := range outcomes {
		all = append(all, o.Name+":"+string(o.State))
	}
	return strings.Join(all, " ")
}

func (w *world) guide() []stage.Stage {
	return []stage.Stage{
		w.stage("cluster", 15*time.Minute),
		w.stage("profile", 2*time.Minute, "cluster"),
		w.stage("repository", time.Second),
		w.stage("image", 4*time.Minute, "repository"),
		w.stage("injector", time.Minute, "profile", "image"),
	}
}

func TestPlanLooksAndMakesNothing(t *testing.T) {
	w := &world{there: map[string]bool{"cluster": true, "repository": true}}
	outcomes, takes, err := stage.Plan(t.Context(), w.guide())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := states(outcomes), "cluster:present profile:planned repository:present image:planned injector:planned"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// The image takes longer than the profile, and then comes the injector.
	if takes != 5*time.Minute {
		t.Errorf("it says that it takes %s", takes)
	}
	if outcomes[1].What != "make profile" || outcomes[4].What != "make injector later" {
		t.Errorf("got %+v", outcomes)
	}
	if len(w.deeds) > 0 {
		t.Errorf("it made %q", w.deeds)
	}
}

func TestRunMakesWhatIsMissingAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{there: map[string]bool{"repository": true}}
		began := time.Now()
		var mu sync.Mutex
		var steps []string
		outcomes, err := stage.Run(t.Context(), w.guide(), func(e stage.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Outcome == nil {
				steps = append(steps, e.Step)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := states(outcomes), "cluster:made profile:made repository:present image:made injector:made"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		if took := time.Since(began); took != 18*time.Minute {
			t.Errorf("it took %s, and the longest way is 18 minutes", took)
		}
		if got := strings.Join(w.deeds, " "); got != "image cluster profile injector" {
			t.Errorf("the order was %s", got)
		}
		if all := strings.Join(steps, ", "); !strings.Contains(all, "half of profile") {
			t.Errorf("it told %s", all)
		}
		if again, err := stage.Run(t.Context(), w.guide(), func(stage.Event) {}); err != nil || strings.Contains(states(again), "made") {
			t.Errorf("a second run: %s, %v", states(again), err)
		}
	})
}

func TestRunGoesOnBesideAFailure(t *testing.T) {
	w := &world{there: map[string]bool{}}
	all := w.guide()
	for n := range all {
		all[n].Takes = 0
	}
	bad := errors.New("no rights")
	all[0].Look = func(context.Context) (stage.Seen, error) { return stage.Seen{}, bad }
	all[3].Make = func(context.Context, func(string)) (string, error) { return "made image", nil }
	all[2].Make = func(context.Context, func(string)) (string, error) { return "made repository", nil }
	outcomes, err := stage.Run(t.Context(), all, func(stage.Event) {})
	if !errors.Is(err, bad) {
		t.Errorf("got %v", err)
	}
	if got, want := states(outcomes), "cluster:failed profile:skipped repository:made image:made injector:skipped"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if outcomes[4].What != "needs profile and image" || outcomes[0].What != "no rights" {
		t.Errorf("got %+v", outcomes)
	}
}

// Run again after it was stopped, it makes only what is missing.
func TestRunStoppedGoesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{there: map[string]bool{}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
		defer cancel()
		outcomes, err := stage.Run(ctx, w.guide(), func(stage.Event) {})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if got, want := states(outcomes), "cluster:stopped profile:stopped repository:made image:made injector:stopped"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		outcomes, err = stage.Run(t.Context(), w.guide(), func(stage.Event) {})
		if err != nil {
			t.Fatal(err)
		}
		if got, want := states(outcomes), "cluster:made profile:made repository:present image:present injector:made"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	})
}

func TestRefusesStagesThatCannotBeRun(t *testing.T) {
	w := &world{there: map[string]bool{}}
	for want, all := range map[string][]stage.Stage{
		"twice":                      {w.stage("a", 0), w.stage("a", 0)},
		"does not stand before it":   {w.stage("a", 0, "b"), w.stage("b", 0)},
		`needs "c"`:                  {w.stage("a", 0, "c")},
		`the stage "a" needs "a", w`: {w.stage("a", 0, "a")},
	} {
		if _, err := stage.Run(t.Context(), all, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
		if _, _, err := stage.Plan(t.Context(), all); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("plan: got %v, want %s", err, want)
		}
	}
}
