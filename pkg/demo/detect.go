package demo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// askEvery is how often alerts are asked for.
	askEvery = 5 * time.Second
	// drift is how far this machine's clock may be before the console's. The pod is new, so that all of its
	// agent's alerts are of this run.
	drift = 5 * time.Minute
	// patience is how often in a row the API may fail before that ends the wait. The client itself has tried
	// each several times.
	patience = 3
)

// detect asks for the agent's alerts until the scenario's is among them.
func (r *run) detect(ctx context.Context, s *Scenario, result *Result, ready time.Time) error {
	every := r.o.Every
	if every == 0 {
		every = askEvery
	}
	deadline := time.NewTimer(r.o.DetectionTimeout)
	defer deadline.Stop()
	said := time.Now()
	for failed := 0; ; {
		alerts, err := r.o.Detections.Alerts(ctx, result.AID, r.o.Now.Add(-drift))
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			if failed++; failed >= patience {
				return err
			}
			r.report.Remark("the alerts cannot be read now, trying again: %s", err)
		default:
			failed = 0
			if result.pick(s, alerts, time.Since(ready)) {
				return nil
			}
		}
		if time.Since(said) >= 3*stillEvery {
			said = time.Now()
			r.report.Remark("no detection yet after %s", said.Sub(ready).Round(time.Second))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-deadline.C:
			return result.undetected(s, r.o.DetectionTimeout)
		case <-time.After(every):
		}
	}
}

// pick takes the scenario's alert out of those of the agent, the first of several; the rest are others.
func (r *Result) pick(s *Scenario, alerts []falcon.Alert, took time.Duration) bool {
	r.Others = nil
	for n := len(alerts) - 1; n >= 0; n-- {
		a := &alerts[n]
		d := Detection{ID: a.ID, Name: a.DisplayName, Severity: a.Severity, SeverityName: a.SeverityName, Tactic: a.Tactic,
			Technique: a.Technique, TechniqueID: a.TechniqueID, Created: a.Created, Link: a.Link,
			Seconds: took.Round(100 * time.Millisecond).Seconds()}
		if d.Name == "" {
			d.Name = a.Name
		}
		if r.Detection == nil && s.Expects(a) {
			r.Detection = &d
			continue
		}
		r.Others = append(r.Others, d)
	}
	return r.Detection != nil
}

// undetected is the error of a detection that did not come.
func (r *Result) undetected(s *Scenario, limit time.Duration) error {
	what := "no alert at all"
	if len(r.Others) > 0 {
		var names []string
		for _, o := range r.Others {
			names = append(names, fmt.Sprintf("%s (%s)", o.Name, o.Link))
		}
		what = "others than the one expected: " + strings.Join(names, ", ")
	}
	return problem.New(problem.TimedOut,
		"check in the console that a prevention policy with detections is on for the host, and that the CID is this customer's; --detection-timeout waits longer",
		"the detection of %s (%s) did not show within %s: agent %s has %s", s.Name, s.Detection, limit, r.AID, what)
}
