//go:build e2e

package e2e

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// These tests hold the plugin's promise: whatever happens to it or to its connection, at any point of an
// operation, new pods can still be created in every namespace, and the same command again reaches the
// intended state.

func TestCrashInstallAndUninstall(t *testing.T) {
	t.Parallel()
	r := newRig(t, "crash")
	r.tryAll(t, kills, installing, uninstalling)
	if full() {
		all, gone := outfitting(t, "install of all", false), uninstalling
		gone.name, gone.before = "uninstall of all", func(t *testing.T, r *rig) { r.mustFalcon(t, all.args(r.now)...) }
		r.tryAll(t, kills, all, gone)
	}
}

func TestCrashUpgrade(t *testing.T) {
	t.Parallel()
	newRig(t, "crash-up").tryAll(t, kills, upgrading)
}

func TestCrashRotate(t *testing.T) {
	t.Parallel()
	newRig(t, "crash-rot").tryAll(t, kills, rotating)
}

func TestCrashAdopt(t *testing.T) {
	t.Parallel()
	newRig(t, "crash-adopt").tryAll(t, kills, adopting)
}

// TestCrashOptions ends the plugin while it renews the certificate, covers more, and makes and deletes what
// only some options ask for.
func TestCrashOptions(t *testing.T) {
	t.Parallel()
	r := newRig(t, "crash-opt")
	r.reach(t, upgrading)
	r.hoard(t, 60)
	r.tryAll(t, kills, renewing, widening)
	r.tryAll(t, kills, outfitAndSpare(t)...)
}

// TestFaultyConnection does to each request what a bad network and a busy server do.
func TestFaultyConnection(t *testing.T) {
	t.Parallel()
	all := [][]operation{{installing, uninstalling}, {upgrading}, {rotating}}
	if full() {
		all = append(all, []operation{adopting}, []operation{renewing, widening}, outfitAndSpare(t))
	}
	for _, operations := range all {
		t.Run(operations[0].name, func(t *testing.T) {
			t.Parallel()
			newRig(t, "faulty-"+operations[0].name).tryAll(t, troubles, operations...)
		})
	}
}

// full says whether to try everything: every fault at every point of every operation, each on a way of its
// own, which takes more than an hour (make crash). Otherwise each point has two of the faults of a
// connection, by turns, and both of killing.
func full() bool { return os.Getenv("FALCON_E2E_FULL") != "" }

// rounds is how often to repeat what is up to chance.
func rounds(most int) int {
	if full() {
		return most
	}
	return 2
}

// some are the faults for the n-th point.
func some(faults []fault, n int) []fault {
	if full() || len(faults) <= 2 {
		return faults
	}
	return []fault{faults[n%len(faults)], faults[(n+2)%len(faults)]}
}

// TestSlowServer delays every request. It holds the promise all the while, and what was to be made is there
// at the end, however long it took.
func TestSlowServer(t *testing.T) {
	t.Parallel()
	const delay, limit = 5 * time.Second, 8 * time.Minute
	for _, op := range []operation{installing, upgrading, rotating, uninstalling} {
		t.Run(op.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, "slow-"+op.name)
			nothing, err := r.state(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			r.reach(t, op)
			stop := r.watch(t.Context(), time.Second)
			o := r.falconUnder(t, disturbance{delay: delay}, limit, op.args(r.now)...)
			bad := []error{o.wrong(), stop()}
			if o.code != 0 {
				bad = append(bad, fmt.Errorf("it failed: %v", o.result))
			}
			if r.now = op.end(r.now); r.now == "" {
				r.wanted[op.name+" to "] = nothing
				bad = append(bad, r.compare(t.Context(), op))
			} else if faults := r.installation(t.Context()); len(faults) > 0 {
				bad = append(bad, errors.New(strings.Join(faults, "\n")))
			}
			t.Logf("%s took %s", op.name, o.took.Round(time.Second))
			r.report(t, errors.Join(bad...), op.name, step{slow, point{"all requests", 1}})
		})
	}
}
