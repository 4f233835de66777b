//go:build e2e

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestTwoInstallsAtOnce starts two plugins at the same instant, as two pipelines do.
func TestTwoInstallsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "two")
	const third = "00000000000000000000000000000000-00"
	for range rounds(5) {
		r.twoInstalls(t, "from nothing, the same options", cid, cid)
		r.twoInstalls(t, "over an installation, different CIDs", otherCID, third)
		r.reach(t, installing)
		r.twoInstalls(t, "from nothing, different CIDs", cid, otherCID)
		r.twoInstalls(t, "over an installation, the same options", third, third)
		r.reach(t, installing)
	}
}

// twoInstalls holds that of two installs at once there comes one installation that works.
func (r *rig) twoInstalls(t *testing.T, what string, cids ...string) {
	t.Helper()
	ctx := t.Context()
	if strings.HasPrefix(what, "over") {
		r.reach(t, upgrading)
	}
	bad := r.race(t, "two installs at once, "+what, installArgs(cids[0]), installArgs(cids[1]))
	for _, f := range r.settled(ctx, cids...) {
		bad = append(bad, errors.New(f))
	}
	r.now = cids[0]
	r.report(t, errors.Join(append(bad, r.canCreate(ctx))...), "two installs at once, "+what, withAnother)
}

// race starts two commands at the same instant, and returns what neither may do, nor both together: break the
// promise meanwhile, or fail both.
func (r *rig) race(t *testing.T, what string, one, other []string) (bad []error) {
	t.Helper()
	stop := r.watch(t.Context(), 500*time.Millisecond)
	results := atOnce(t, r.command(bin("kubectl-falcon"), one...), r.command(bin("kubectl-falcon"), other...))
	for _, o := range results {
		bad = append(bad, outcome{result: o}.wrong())
	}
	if results[0].code != 0 && results[1].code != 0 {
		bad = append(bad, fmt.Errorf("both failed: %v\n%v", results[0], results[1]))
	}
	t.Logf("%s: exit codes %d and %d", what, results[0].code, results[1].code)
	return append(bad, stop())
}

// settled returns what is wrong with an installation of one of the CIDs, once what a run has begun that
// failed had the time to roll.
func (r *rig) settled(ctx context.Context, cids ...string) (faults []string) {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(300 * time.Millisecond) {
		served, err := r.servedCID(ctx)
		switch {
		case err != nil:
			faults = []string{err.Error()}
		case !slices.Contains(cids, served):
			faults = []string{"the configuration names the CID " + served + ", which nobody asked for"}
		default:
			faults = r.faults(ctx, served)
		}
		if len(faults) == 0 || time.Now().After(deadline) {
			return faults
		}
	}
}

// withAnother is what is done to a run that another one races.
var withAnother = step{raced, point{"all requests", 1}}

// TestTwoRotationsAtOnce holds that of two rotations there comes one new certificate, which all of the
// injector's pods serve and the webhook alone trusts.
func TestTwoRotationsAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "rotations")
	for range rounds(5) {
		r.reach(t, rotating)
		before, err := r.authority(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		bad := r.race(t, "two rotations at once", []string{"certs", "rotate"}, []string{"certs", "rotate"})
		for _, f := range r.settled(t.Context(), r.now) {
			bad = append(bad, errors.New(f))
		}
		if now, err := r.authority(t.Context()); err != nil || bytes.Equal(before, now) {
			bad = append(bad, fmt.Errorf("the authority is the one from before (%v)", err))
		}
		r.report(t, errors.Join(append(bad, r.canCreate(t.Context()))...), "two rotations at once", withAnother)
	}
}

// TestInstallAndUninstallAtOnce holds that between the two pods can be created, that the outcome is an
// installation which works or one without a webhook, and that either command brings the cluster from there
// to where it should.
func TestInstallAndUninstallAtOnce(t *testing.T) {
	t.Parallel()
	r := newRig(t, "opposed")
	ctx := t.Context()
	nothing, err := r.state(ctx)
	if err != nil {
		t.Fatal(err)
	}
	r.wanted["uninstall to "] = nothing
	for n := range 2 * rounds(5) {
		what, start := "an install from nothing and an uninstall at once", installing
		if n%2 == 1 {
			what, start = "an upgrade and an uninstall at once", upgrading
		}
		r.reach(t, start)
		bad := r.race(t, what, installArgs(otherCID), []string{"uninstall"})
		hook, err := r.client.AdmissionregistrationV1().MutatingWebhookConfigurations().
			List(ctx, metav1.ListOptions{LabelSelector: managedBy + "=kubectl-falcon"})
		if bad = append(bad, err); err == nil && len(hook.Items) > 0 {
			for _, f := range r.settled(ctx, otherCID) {
				bad = append(bad, errors.New("there is a webhook: "+f))
			}
		}
		// Whichever had the last word, each can have it now.
		for _, args := range [][]string{installArgs(otherCID), {"uninstall"}} {
			if o := r.falcon(t, args...); o.code != 0 {
				bad = append(bad, fmt.Errorf("%s afterwards: %v", args[0], o))
			}
			if r.now = otherCID; args[0] == "uninstall" {
				r.now = ""
			}
			for _, f := range r.installation(ctx) {
				bad = append(bad, errors.New(f))
			}
		}
		bad = append(bad, r.compare(ctx, uninstalling), r.canCreate(ctx))
		r.report(t, errors.Join(bad...), what, withAnother)
	}
}

// servedCID returns the CID in the configuration that the Deployment names.
func (r *rig) servedCID(ctx context.Context) (string, error) {
	d, err := r.client.AppsV1().Deployments(system).Get(ctx, "injector", metav1.GetOptions{})
	if err != nil {
		return "", err
	}
	for _, from := range d.Spec.Template.Spec.Containers[0].EnvFrom {
		if from.ConfigMapRef == nil {
			continue
		}
		config, err := r.client.CoreV1().ConfigMaps(system).Get(ctx, from.ConfigMapRef.Name, metav1.GetOptions{})
		if err != nil {
			return "", err
		}
		if c := config.Data["FALCONCTL_OPT_CID"]; c != "" {
			return c, nil
		}
	}
	return "", errors.New("no ConfigMap that the Deployment names has a CID")
}
