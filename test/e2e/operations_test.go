//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// operation is a command that changes the cluster.
type operation struct {
	name string
	// installed says whether it starts from an installation; before brings the cluster on from there, or
	// from nothing, to where it starts.
	installed bool
	before    func(*testing.T, *rig)
	// args are its command line and end is the CID that it leaves installed, both from the CID before.
	args func(now string) []string
	end  func(now string) string
	// together is at how many of its points it is disturbed on one way from its start to its end, for one
	// whose start takes long to reach; else at four, and when all is tried, at one.
	together int
	// renews says that another authority signs afterwards.
	renews bool
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

// always is an install of the one CID with more arguments.
func always(more ...string) func(string) []string {
	return func(string) []string { return append(installArgs(cid), more...) }
}

func toCID(string) string { return cid }

var (
	installing = operation{name: "install", args: always(), end: toCID}
	upgrading  = operation{name: "upgrade", installed: true,
		args: func(now string) []string { return installArgs(another(now)) }, end: another}
	rotating = operation{name: "rotate", installed: true, renews: true,
		args: func(string) []string { return []string{"certs", "rotate"} }, end: func(now string) string { return now }}
	uninstalling = operation{name: "uninstall", installed: true,
		args: func(string) []string { return []string{"uninstall"} }, end: func(string) string { return "" }}

	adopting = operation{name: "adopt", together: 6, before: func(t *testing.T, r *rig) {
		r.byTheGuide(t)
		eventually(t, "the guide's injector to be asked", 20*time.Second, func() (bool, string) {
			err := r.injected(t.Context(), cid)
			return err == nil, fmt.Sprint(err)
		})
	}, args: always("--adopt"), end: toCID}
	// The certificate is near its end, so install makes another.
	renewing = operation{name: "renew", installed: true, renews: true, before: func(t *testing.T, r *rig) {
		r.mustFalcon(t, "certs", "rotate", "--cert-validity", "60d")
	}, args: always("--renew-before", "90d"), end: toCID}
	widening = operation{name: "widen", installed: true, before: func(t *testing.T, r *rig) {
		r.mustFalcon(t, always("--namespace-injection", "opt-in")("")...)
	}, args: always(), end: toCID}
)

// outfitting is an install, over one or from nothing, of all that makes objects of its own: secret settings,
// a pull secret with its copies, the registry's authority.
func outfitting(t *testing.T, name string, installed bool) operation {
	t.Helper()
	return operation{name: name, together: 6, installed: installed, end: toCID, args: always(
		"--pull-secret-file", write(t, "docker.json", dockerConfig),
		"--provisioning-token", "file:"+write(t, "token", token),
		"--registry-ca", write(t, "ca.pem", newPair(t, soon(), "registry.example").ca))}
}

// outfitAndSpare are to and fro: the second leaves out again what the first makes, so that install deletes
// the authority, the right to read secrets, and the pull secret's copy in a namespace that goes out of scope.
// A configuration from before that nothing refers to goes as well.
func outfitAndSpare(t *testing.T) []operation {
	t.Helper()
	outfit := outfitting(t, "outfit", true)
	spare := operation{name: "spare", together: 6, installed: true, end: toCID,
		args: always("--pull-secret", pullSecret, "--read-pull-secrets=false", "--exclude-namespace", "default")}
	both := func(t *testing.T, r *rig) {
		// The configuration of the one stays through the other, as a revision to go back to. So there must
		// be both from the first time on that is compared.
		if !r.outfitted {
			r.mustFalcon(t, outfit.args(r.now)...)
			r.mustFalcon(t, spare.args(r.now)...)
			r.outfitted = true
		}
	}
	// Each begins where the other ends, also where the same one was tried before.
	outfit.before = func(t *testing.T, r *rig) {
		both(t, r)
		if r.hasAuthority(t) {
			r.mustFalcon(t, spare.args(r.now)...)
		}
	}
	spare.before = func(t *testing.T, r *rig) {
		both(t, r)
		if !r.hasAuthority(t) {
			r.mustFalcon(t, outfit.args(r.now)...)
		}
		r.discard(t)
	}
	return []operation{outfit, spare}
}

// hasAuthority says whether the object of the registry's authority is there, which one of the two makes.
func (r *rig) hasAuthority(t *testing.T) bool {
	t.Helper()
	_, err := r.client.CoreV1().ConfigMaps(system).Get(t.Context(), "injector-registry-ca", metav1.GetOptions{})
	if err != nil && !apierrors.IsNotFound(err) {
		t.Fatal(err)
	}
	return err == nil
}

// byTheGuide installs with the guide's installer and waits until its injector is ready.
func (l *lab) byTheGuide(t *testing.T) {
	t.Helper()
	rendered := finish(t, l.command(bin("installer"), "-cid", cid, "-image", sensorImage))
	wantCode(t, rendered, 0)
	l.apply(t, rendered.stdout)
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", system, "--timeout=90s")
}

const (
	// oldConfig begins the names of configurations that stand for those of earlier revisions.
	oldConfig = "injector-config-old-"
	// oldAge is how old they must be to be deleted, and a little more.
	oldAge = 5*time.Minute + 5*time.Second
)

// hoard makes configurations with their secret settings that nothing refers to. Until discard marks one as
// the plugin's they are no part of any installation; only so can one be old when its turn comes.
func (r *rig) hoard(t *testing.T, many int) {
	t.Helper()
	var all strings.Builder
	for n := range many {
		for _, kind := range []string{"ConfigMap", "Secret"} {
			fmt.Fprintf(&all, "---\napiVersion: v1\nkind: %s\nmetadata: {name: %s%d, namespace: %s}\n", kind, oldConfig, n, system)
		}
	}
	create := r.command(filepath.Join(programs, "kubectl"), "create", "--validate=false", "-f", "-")
	create.Stdin = strings.NewReader(all.String())
	wantCode(t, finish(t, create), 0)
	r.hoarded = time.Now()
}

// discard marks the next of those configurations as the plugin's.
func (r *rig) discard(t *testing.T) {
	t.Helper()
	if r.hoarded.IsZero() {
		return
	}
	time.Sleep(time.Until(r.hoarded.Add(oldAge)))
	name, label := fmt.Sprintf("%s%d", oldConfig, r.discarded), []byte(`{"metadata":{"labels":{"`+managedBy+`":"kubectl-falcon"}}}`)
	r.discarded++
	_, err := r.client.CoreV1().Secrets(system).Patch(t.Context(), name, types.MergePatchType, label, metav1.PatchOptions{})
	if err == nil {
		_, err = r.client.CoreV1().ConfigMaps(system).Patch(t.Context(), name, types.MergePatchType, label, metav1.PatchOptions{})
	}
	if err != nil {
		t.Fatal(err)
	}
}
