package inject

import (
	"errors"
	"strings"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// hasten shortens the waits that a test has to see to their end.
func hasten(t *testing.T) {
	t.Helper()
	learn, settle, gone := learnWithin, settleWithin, goneWithin
	learnWithin, settleWithin, goneWithin = 2*time.Second, 500*time.Millisecond, 500*time.Millisecond
	t.Cleanup(func() { learnWithin, settleWithin, goneWithin = learn, settle, gone })
}

func upgraded() Options {
	o := goodOptions()
	o.Image = "registry.example.com/falcon-sensor:8"
	return o
}

// wantsSensor says whether a request asks for a pod that the injector would change.
func wantsSensor(q *request) bool {
	return q.right() == "create pods" && decode(q.body).GetAnnotations()[InjectionKey] == manifest.Enabled
}

var (
	errBadPatch = errors.New("replace operation does not apply: doc is missing path: /spec/nothing: missing value")
	policyOf    = func(q *request) error {
		return &apierrors.StatusError{ErrStatus: metav1.Status{Status: metav1.StatusFailure, Code: 422, Reason: metav1.StatusReasonInvalid,
			Message: `pods "x" is forbidden: ValidatingAdmissionPolicy 'images' with binding 'images' denied request: not that image`}}
	}
	pauseImage = "registry.k8s.io/pause"
)

// A patch that fits no pod comes back as an error of the server that names no webhook.
func TestAnUpgradeWhosePatchFitsNoPodFails(t *testing.T) {
	for name, tt := range map[string]struct{ before, optedOut bool }{
		"as of this upgrade": {false, false}, "as before": {true, false}, "also where pods opt out": {false, true}} {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.installed(t, client)
			rolled := tt.before
			c.meddle = func(q *request) error {
				rolled = rolled || q.right() == "patch deployments" && !q.dry
				covered := q.right() == "create pods" && q.namespace != Namespace
				if rolled && covered && (tt.optedOut || wantsSensor(q)) {
					return apierrors.NewInternalError(errBadPatch)
				}
				return nil
			}
			_, err := Install(t.Context(), client, upgraded(), goodHow(), func(Event) {})
			wantProblem(t, err, problem.Failed, "pods are refused because of the injector", "doc is missing path", "nothing of this run is left")
		})
	}
}

// One of somebody else's that fits no pod anywhere is not the injector's.
func TestAnUpgradeBesideAnothersBadPatch(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.meddle = func(q *request) error {
		if q.right() == "create pods" {
			return apierrors.NewInternalError(errBadPatch)
		}
		return nil
	}
	mustInstall(t, client, upgraded())
}

// A namespace that its tenant restricts later is no reason to keep the old injector, or an old certificate.
func TestAnUpgradeGoesOnWherePodsWereRefusedBefore(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.podSecurity["shop"] = true
	j := mustInstall(t, client, upgraded())
	j.says(t, "warning: pods with the sensor are refused, as before this run: namespace shop: ")
}

func TestAnUpgradeStopsWherePodsAreRefusedThatWereNot(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.meddle = func(q *request) error {
		c.podSecurity["shop"] = c.podSecurity["shop"] || q.right() == "patch deployments" && !q.dry
		return nil
	}
	_, err := Install(t.Context(), client, upgraded(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, "pods are refused because of the injector: namespace shop", "violates PodSecurity")
}

// A quota that fills during an upgrade is not the upgrade's doing.
func TestAnUpgradeIsNotStoppedByAFullQuota(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	rolled := false
	c.meddle = func(q *request) error {
		rolled = rolled || q.right() == "patch deployments" && !q.dry
		if rolled && wantsSensor(q) && q.namespace == "shop" {
			return apierrors.NewForbidden(q.gvr.GroupResource(), "x", errors.New("exceeded quota: small, requested: limits.cpu=1m"))
		}
		return nil
	}
	mustInstall(t, client, upgraded())
}

// A refusal that the webhook has no part in does not show that it is called.
func TestInstallIsNotProvedByARefusalOfOthers(t *testing.T) {
	hasten(t)
	c, client := newCluster(t)
	c.unlearned["shop"] = true
	c.meddle = func(q *request) error {
		switch {
		case q.right() != "create pods" || q.namespace == manifest.CanaryNamespace:
		case q.namespace == "default":
			return apierrors.NewForbidden(q.gvr.GroupResource(), "x", errors.New("exceeded quota: full, requested: pods=1"))
		}
		return nil
	}
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, "a dry-run pod in namespace shop came back without the sensor")
	for _, deed := range c.did() {
		if strings.HasSuffix(deed, " for all") {
			t.Errorf("it did %s", deed)
		}
	}
}

// A policy of somebody else that forbids the usual image of dry-run pods keeps nobody from installing, nor from
// taking everything away again.
func TestInstallAndUninstallUnderAPolicyForImages(t *testing.T) {
	c, client := newCluster(t)
	c.meddle = func(q *request) error {
		if q.right() == "create pods" && strings.Contains(string(q.body), pauseImage) {
			return policyOf(q)
		}
		return nil
	}
	j := mustInstall(t, client, goodOptions())
	j.says(t, "proved: dry-run pods in 2 namespaces, none refused")
	if _, _, err := uninstall(t, client, Removal{}); err != nil || c.of(deploymentKey) != nil {
		t.Errorf("got %v", err)
	}
}

// Where a policy refuses every dry-run pod of one namespace, another tells.
func TestInstallAndUninstallUnderAPolicyForANamespace(t *testing.T) {
	hasten(t)
	for _, names := range [][]string{{manifest.CanaryNamespace}, {"default"}} {
		c, client := newCluster(t)
		c.meddle = func(q *request) error {
			for _, name := range names {
				if q.right() == "create pods" && q.namespace == name {
					return policyOf(q)
				}
			}
			return nil
		}
		j := mustInstall(t, client, goodOptions())
		j.says(t, "warning: ")
		if _, _, err := uninstall(t, client, Removal{}); err != nil || c.of(deploymentKey) != nil {
			t.Errorf("%q: got %v", names, err)
		}
	}
}

func TestUninstallWherePoliciesRefuseEveryDryRunPod(t *testing.T) {
	hasten(t)
	c, client := newCluster(t)
	c.installed(t, client)
	c.meddle = func(q *request) error {
		if q.right() == "create pods" {
			return policyOf(q)
		}
		return nil
	}
	j, _, err := uninstall(t, client, Removal{})
	if err != nil || c.of(deploymentKey) != nil {
		t.Errorf("got %v", err)
	}
	j.says(t, "no namespace takes a dry-run pod")
}

func TestInstallWithoutAnyProofStops(t *testing.T) {
	hasten(t)
	c, client := newCluster(t)
	c.meddle = func(q *request) error {
		if q.right() == "create pods" {
			return policyOf(q)
		}
		return nil
	}
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, "the webhook cannot be proved", "ValidatingAdmissionPolicy 'images'", "nothing of this run is left")
}

// The namespace of an earlier proof may be on its way out, or go in the middle of this one.
func TestTheProofOutlivesItsNamespace(t *testing.T) {
	ending := func(c *cluster) {
		ns := c.put(manifest.CanaryNamespaceObject()).DeepCopy()
		now := metav1.Now()
		ns.SetDeletionTimestamp(&now)
		c.objects["namespaces//"+manifest.CanaryNamespace] = ns
	}
	t.Run("on its way out", func(t *testing.T) {
		c, client := newCluster(t)
		ending(c)
		looked := 0
		c.meddle = func(q *request) error {
			if q.right() == "get namespaces" && q.name == manifest.CanaryNamespace {
				if looked++; looked == 3 {
					delete(c.objects, q.key)
				}
			}
			if q.right() == "patch namespaces" && q.name == manifest.CanaryNamespace && looked < 3 {
				t.Error("it was applied onto the one that ends")
			}
			return nil
		}
		mustInstall(t, client, goodOptions())
	})
	t.Run("in the middle", func(t *testing.T) {
		c, client := newCluster(t)
		asked := 0
		c.meddle = func(q *request) error {
			if q.right() == "create pods" && q.namespace == manifest.CanaryNamespace {
				if asked++; asked == 1 {
					delete(c.objects, "namespaces//"+manifest.CanaryNamespace)
				}
			}
			return nil
		}
		mustInstall(t, client, goodOptions())
	})
}

func TestIsCalled(t *testing.T) {
	forbidden := func(why string) error {
		return apierrors.NewForbidden(corev1.Resource("pods"), "x", errors.New(why))
	}
	tests := map[string]struct {
		refused error
		want    called
	}{
		"plain":              {nil, no},
		"PodSecurity":        {forbidden(`violates PodSecurity "restricted:latest": host namespaces`), no},
		"for what it adds":   {forbidden(`violates PodSecurity: container "crowdstrike-falcon-container"`), yes},
		"a full quota":       {forbidden("exceeded quota: small"), no},
		"the injector":       {apierrors.NewInternalError(errors.New(`failed calling webhook "` + WebhookName + `"`)), yes},
		"another webhook":    {apierrors.NewBadRequest(`admission webhook "a.b.c" denied the request: no`), unknown},
		"another's, 403":     {forbidden(`admission webhook "a.b.c" denied the request: no`), unknown},
		"no account yet":     {forbidden("error looking up service account default/default"), unknown},
		"no such namespace":  {apierrors.NewNotFound(corev1.Resource("namespaces"), "x"), unknown},
		"busy":               {apierrors.NewTooManyRequests("later", 1), mute},
		"a fault of its own": {apierrors.NewInternalError(errors.New("etcdserver: leader changed")), mute},
	}
	for name, tt := range tests {
		if got := isCalled(answerOf(tt.refused)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

// What changes for pods is said, also when no namespace is new.
func TestInstallAnnouncesWhatChangesForPods(t *testing.T) {
	tests := map[string]struct {
		change func(*Options)
		says   string
	}{
		"Ignore to Fail":   {func(o *Options) { o.FailurePolicy = admissionv1.Fail }, "new pods there are refused (failure policy Fail)"},
		"a narrower scope": {func(o *Options) { o.ExcludeNamespaces = []string{"shop"} }, "the webhook covers 1 namespace: default"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.put(secretOf(pairs()[0]))
			o := goodOptions()
			o.FailurePolicy = admissionv1.Ignore
			mustInstall(t, client, o)
			tt.change(&o)
			mustInstall(t, client, o).says(t, tt.says)
		})
	}
}
