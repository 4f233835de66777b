//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// tally is what the tests that break things have tried, all of them together.
type tally struct {
	mu sync.Mutex
	// points are the requests at which something was done to the plugin, and unmet those at which nothing
	// could be done; tried is how often in all, failed after how many of those the promise was broken.
	points, unmet map[string]bool
	tried, failed int
}

var total = tally{points: map[string]bool{}, unmet: map[string]bool{}}

// add counts what was done to an operation.
func (t *tally) add(what string, done []step, failed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, s := range done {
		t.points[what+" "+s.at.String()] = true
	}
	t.tried += len(done)
	if failed {
		t.failed++
	}
}

// miss counts a point that did not come again.
func (t *tally) miss(point string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.unmet[point] = true
}

// String is one line about all of it, and empty when nothing was tried.
func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.tried == 0 && len(t.unmet) == 0 {
		return ""
	}
	return fmt.Sprintf("crash tests: %d points tried with %d faults, %d failures, %d points not reached",
		len(t.points), t.tried, t.failed, len(t.unmet))
}

// tryAll does every fault to every point of the operations. Where there are two, the second undoes the
// first, so that they are tried in turn.
func (r *rig) tryAll(t *testing.T, faults []fault, operations ...operation) {
	t.Helper()
	defer func() {
		t.Logf("faults tried: %d, failures: %d, points not reached: %d", r.tried, r.failed, r.unmet)
	}()
	points, most := make([][]point, len(operations)), 0
	for i, op := range operations {
		points[i] = r.undisturbed(t, op)
		most = max(most, len(points[i]))
	}
	for n := 0; n < most; n++ {
		for i, op := range operations {
			size := max(4, op.together)
			if full() {
				size = 1
			}
			if n%size != 0 {
				continue
			}
			var steps []step
			for m := n; m < min(n+size, len(points[i])); m++ {
				for _, f := range some(faults, m) {
					steps = append(steps, step{f, points[i][m]})
				}
			}
			r.try(t, op, steps)
		}
	}
}

// undisturbed runs an operation through the proxy without a fault, notes how it ends and returns its points.
func (r *rig) undisturbed(t *testing.T, op operation) []point {
	t.Helper()
	r.reach(t, op)
	o := r.falconUnder(t, disturbance{}, runLimit, op.args(r.now)...)
	if o.code != 0 {
		t.Fatalf("%s without a fault: %v", op.name, o.result)
	}
	r.now = op.end(r.now)
	end, err := r.state(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if bad := r.installation(t.Context()); len(bad) > 0 {
		t.Fatalf("%s without a fault: %s", op.name, strings.Join(bad, "\n"))
	}
	r.wanted[op.name+" to "+r.now] = end
	t.Logf("%s without a fault took %s and leaves %d fields; its %d points are:", op.name,
		o.took.Round(100*time.Millisecond), len(end), len(o.points))
	for _, p := range o.points {
		t.Logf("  %s", p)
	}
	if op.installed && r.wanted[op.name+" to "+op.end(r.now)] == nil {
		// An upgrade has two ends, to and fro.
		r.undisturbed(t, op)
	}
	return o.points
}

// reach brings the cluster to where an operation starts.
func (r *rig) reach(t *testing.T, op operation) {
	t.Helper()
	switch {
	case op.installed && r.now == "":
		r.mustFalcon(t, installArgs(cid)...)
		r.now = cid
	case !op.installed && r.now != "":
		r.mustFalcon(t, "uninstall")
		r.now = ""
	}
	if op.before != nil {
		op.before(t, r)
	}
}

// installation returns what is wrong with what is installed, if anything is.
func (r *rig) installation(ctx context.Context) []string {
	if r.now == "" {
		return nil
	}
	return r.faults(ctx, r.now)
}

// chances is how often a point may fail to come: a request that the plugin only repeats because the
// cluster was changed under it comes by chance.
const chances = 3

// try does each of the steps to an operation, in as many cycles as it takes.
func (r *rig) try(t *testing.T, op operation, steps []step) {
	t.Helper()
	for missed := 0; len(steps) > 0; {
		left := r.cycle(t, op, steps)
		if len(left) < len(steps) {
			steps, missed = left, 0
			continue
		}
		if missed++; missed == chances {
			r.unmet++
			total.miss(op.name + " " + steps[0].at.String())
			t.Errorf("%s never came to where it was to be %s", op.name, steps[0])
			steps, missed = steps[1:], 0
		}
	}
}

// cycle brings an operation from its start to its end through as many of the steps as it meets, and
// returns the others. Each run goes on from where the one before was ended, which takes a fraction of the
// time of a start from nothing for each fault, and reaches the same states: what a run leaves that is killed
// before a request is what one leaves that is killed after the request before.
func (r *rig) cycle(t *testing.T, op operation, steps []step) (left []step) {
	t.Helper()
	r.reach(t, op)
	ctx, args := t.Context(), op.args(r.now)
	before, _ := r.authority(ctx)
	var bad []error
	// Not only at the moments that are looked at below: a kill leaves rolls and deletions going on.
	stop := r.watch(ctx, 500*time.Millisecond)
	o := outcome{left: steps}
	for progress := true; progress && len(o.left) > 0; {
		had := o.left
		o = r.falconUnder(t, disturbance{steps: had}, runLimit, args...)
		done := had[:len(had)-len(o.left)]
		if err := errors.Join(o.wrong(done...), r.canCreate(ctx)); err != nil {
			bad = append(bad, fmt.Errorf("when %s: %w", done, err))
		}
		progress = len(done) > 0 && o.code != 0
	}
	r.now = op.end(r.now)
	if o.code == 0 {
		// It said that all is done.
		bad = append(bad, r.compare(ctx, op))
	}
	again := r.falconUnder(t, disturbance{}, runLimit, args...)
	bad = append(bad, again.wrong())
	if again.code != 0 {
		bad = append(bad, fmt.Errorf("the same command without a fault: %v", again.result))
	}
	if err := r.canCreate(ctx); err != nil {
		bad = append(bad, fmt.Errorf("at the end %w", err))
	}
	bad = append(bad, r.compare(ctx, op))
	if now, err := r.authority(ctx); op.renews && (err != nil || bytes.Equal(before, now)) {
		bad = append(bad, fmt.Errorf("the authority is the one from before (%v)", err))
	}
	r.report(t, errors.Join(append(bad, stop())...), op.name, steps[:len(steps)-len(o.left)]...)
	return o.left
}

// compare returns how the end differs from that of the undisturbed run.
func (r *rig) compare(ctx context.Context, op operation) error {
	end, err := r.state(ctx)
	if err != nil {
		return err
	}
	bad := r.installation(ctx)
	for _, line := range diff(r.wanted[op.name+" to "+r.now], end) {
		bad = append(bad, "not as without a fault: "+line)
	}
	if len(bad) == 0 {
		return nil
	}
	return errors.New(strings.Join(bad, "\n"))
}

// report counts what was done to an operation, and after a failure gets the cluster to a state that is known.
func (r *rig) report(t *testing.T, err error, what string, done ...step) {
	t.Helper()
	r.tried += len(done)
	total.add(what, done, err != nil)
	if err == nil {
		return
	}
	r.failed++
	t.Errorf("%s, %s:\n  %s", what, done, strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n  "))
	r.falcon(t, "uninstall")
	if err := r.clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.now, r.outfitted, r.hoarded = "", false, time.Time{}
}
