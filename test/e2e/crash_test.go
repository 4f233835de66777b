//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"
)

// These tests hold the plugin's promise: whatever happens to it or to its connection, at any point of an
// operation, new pods can still be created in every namespace, and the same command again reaches the
// intended state.

// The labs of these tests mostly wait (for pods, for the kubelet), so more of them fit side by side than
// there are cores. Nine did not: their kubelets had no inotify instance left. -parallel on the command line
// goes before this.
func init() {
	testing.Init()
	if err := flag.Set("test.parallel", "5"); err != nil {
		panic(err)
	}
}

// operation is a command that changes the cluster.
type operation struct {
	name string
	// installed says whether it starts from an installation.
	installed bool
	// args are its command line and end is the CID that it leaves installed, both from the CID before.
	args func(now string) []string
	end  func(now string) string
}

func installArgs(cid string) []string {
	return []string{"install", "--cid", cid, "--image", sensorImage}
}

// another is the CID that an upgrade goes to: to and fro, so that it needs no reset.
func another(now string) string {
	if now == cid {
		return otherCID
	}
	return cid
}

var (
	installing = operation{name: "install",
		args: func(string) []string { return installArgs(cid) }, end: func(string) string { return cid }}
	upgrading = operation{name: "upgrade", installed: true,
		args: func(now string) []string { return installArgs(another(now)) }, end: another}
	rotating = operation{name: "rotate", installed: true,
		args: func(string) []string { return []string{"certs", "rotate"} }, end: func(now string) string { return now }}
	uninstalling = operation{name: "uninstall", installed: true,
		args: func(string) []string { return []string{"uninstall"} }, end: func(string) string { return "" }}
)

func TestCrashInstallAndUninstall(t *testing.T) {
	t.Parallel()
	newRig(t, "crash").tryAll(t, kills, installing, uninstalling)
}

func TestCrashUpgrade(t *testing.T) {
	t.Parallel()
	newRig(t, "crash-up").tryAll(t, kills, upgrading)
}

func TestCrashRotate(t *testing.T) {
	t.Parallel()
	newRig(t, "crash-rot").tryAll(t, kills, rotating)
}

// TestFaultyConnection does to each request what a bad network and a busy server do.
func TestFaultyConnection(t *testing.T) {
	t.Parallel()
	for _, operations := range [][]operation{{installing, uninstalling}, {upgrading}, {rotating}} {
		t.Run(operations[0].name, func(t *testing.T) {
			t.Parallel()
			newRig(t, "faulty-"+operations[0].name).tryAll(t, troubles, operations...)
		})
	}
}

// full says whether to try everything: every fault at every point, which takes half an hour (make crash).
// Otherwise each point has two of the faults of a connection, by turns, and both of killing.
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

// tryAll does every fault to every point of the operations. Where there are two, the second undoes the
// first, so that one cycle tries a point of each.
func (r *rig) tryAll(t *testing.T, faults []fault, operations ...operation) {
	t.Helper()
	defer func() { t.Logf("points tried: %d, failures: %d", r.tried, r.failed) }()
	points, most := make([][]point, len(operations)), 0
	for i, op := range operations {
		points[i] = r.undisturbed(t, op)
		most = max(most, len(points[i]))
	}
	for n := range most {
		for i, op := range operations {
			if n < len(points[i]) {
				r.try(t, op, some(faults, n), points[i][n])
			}
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
}

// installation returns what is wrong with what is installed, if anything is.
func (r *rig) installation(ctx context.Context) []string {
	if r.now == "" {
		return nil
	}
	return r.faults(ctx, r.now)
}

// try does each of the faults to a point of an operation.
func (r *rig) try(t *testing.T, op operation, faults []fault, at point) {
	t.Helper()
	for len(faults) > 0 {
		left := r.cycle(t, op, faults, at)
		if len(left) == len(faults) {
			t.Logf("%s never came to %s again, which was to be %s", op.name, at, left)
			return
		}
		faults = left
	}
}

// cycle brings an operation from its start to its end through as many of the faults as it meets, and
// returns the others. Each run goes on from where the one before was ended, which takes a fraction of the
// time of a start from nothing for each fault, and reaches the same states: what a run leaves that is killed
// before a request is what one leaves that is killed after the request before.
func (r *rig) cycle(t *testing.T, op operation, faults []fault, at point) (left []fault) {
	t.Helper()
	r.reach(t, op)
	ctx, args := t.Context(), op.args(r.now)
	before, _ := r.authority(ctx)
	var bad []error
	// Not only at the moments that are looked at below: a kill leaves rolls and deletions going on.
	stop := r.watch(ctx, 500*time.Millisecond)
	o := outcome{left: faults}
	for progress := true; progress && len(o.left) > 0; {
		had := o.left
		o = r.falconUnder(t, disturbance{faults: had, at: at}, runLimit, args...)
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
	if now, err := r.authority(ctx); op.name == rotating.name && (err != nil || bytes.Equal(before, now)) {
		bad = append(bad, fmt.Errorf("the authority is the one from before (%v)", err))
	}
	done := faults[:len(faults)-len(o.left)]
	r.report(t, errors.Join(append(bad, stop())...), len(done), fmt.Sprintf("%s, %s at %s", op.name, done, at))
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

// report counts what was tried, and after a failure gets the cluster to a state that is known.
func (r *rig) report(t *testing.T, err error, tried int, what string) {
	t.Helper()
	r.tried += tried
	if err == nil {
		return
	}
	r.failed++
	t.Errorf("%s:\n  %s", what, strings.ReplaceAll(strings.TrimSpace(err.Error()), "\n", "\n  "))
	r.falcon(t, "uninstall")
	if err := r.clean(t.Context()); err != nil {
		t.Fatal(err)
	}
	r.now = ""
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
			r.report(t, errors.Join(bad...), 1, op.name+" on a slow server")
			t.Logf("points tried: %d, failures: %d", r.tried, r.failed)
		})
	}
}
