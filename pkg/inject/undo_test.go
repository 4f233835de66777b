package inject

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func brief() How {
	how := goodHow()
	how.Timeout = 200 * time.Millisecond
	return how
}

func TestAFirstInstallThatDoesNotBecomeReadyLeavesNothing(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	before := len(c.objects)
	var j journal
	_, err := Install(t.Context(), client, goodOptions(), brief(), j.report)
	wantProblem(t, err, problem.TimedOut, "the injector is not Ready after 200ms", "0 of 2 replicas", "nothing of this run is left")
	if len(c.objects) != before {
		t.Errorf("%d objects are left, there were %d", len(c.objects), before)
	}
	deeds := c.did()
	gone := slices.IndexFunc(deeds, func(d string) bool { return strings.HasPrefix(d, "DELETE") })
	var reversed []string
	for _, deed := range deeds[:gone] {
		if name, made := strings.CutPrefix(deed, "PATCH "); made {
			reversed = append([]string{"DELETE " + name}, reversed...)
		}
	}
	wantLines(t, "it took back", deeds[gone:], reversed...)
}

func TestAnUpgradeThatDoesNotBecomeReadyIsTakenBack(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	was := map[string]*unstructured.Unstructured{}
	for key, o := range c.objects {
		was[key] = o
	}
	c.unready = true
	o := goodOptions()
	o.Image, o.Replicas = "registry.example.com/falcon-sensor:8", 3
	var j journal
	_, err := Install(t.Context(), client, o, brief(), j.report)
	wantProblem(t, err, problem.TimedOut, "nothing of this run is left")
	for key, before := range was {
		after := c.of(key)
		if after == nil {
			t.Errorf("%s is gone", key)
			continue
		}
		if x, y := content(before), content(after); !sameWithoutOwners(x, y) {
			t.Errorf("%s was\n%v, is\n%v", key, x, y)
		}
	}
	if len(c.objects) != len(was) {
		t.Errorf("there are %d objects, were %d", len(c.objects), len(was))
	}
	j.says(t, "deployment/injector is as it was before")
}

func sameWithoutOwners(a, b object) bool {
	x, y := &unstructured.Unstructured{Object: a}, &unstructured.Unstructured{Object: b}
	x.SetManagedFields(nil)
	y.SetManagedFields(nil)
	return asText(x) == asText(y)
}

func asText(u *unstructured.Unstructured) string {
	text, _ := u.MarshalJSON()
	return string(text)
}

func TestInstallWithoutRollbackLeavesWhatItDid(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	how := brief()
	how.Rollback = false
	_, err := Install(t.Context(), client, goodOptions(), how, func(Event) {})
	p := wantProblem(t, err, problem.TimedOut)
	if strings.Contains(p.Next(), "nothing of this run") || c.of(deploymentKey) == nil || c.of(hookKey) != nil {
		t.Errorf("%v; it did %q", p, c.did())
	}
}

// Pods that the sensor would make the cluster refuse are found before the webhook covers any.
func TestInstallStopsWhereTheSensorWouldBeRefused(t *testing.T) {
	c, client := newCluster(t)
	c.podSecurity["shop"] = true
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, "1 of 2 namespaces", "namespace shop", "violates PodSecurity", "--exclude-namespace")
	for _, deed := range c.did() {
		if strings.HasSuffix(deed, " for all") {
			t.Errorf("it did %s", deed)
		}
	}
	if c.of(hookKey) != nil || c.of(namespaceKey) != nil || c.of("namespaces//"+manifest.CanaryNamespace) != nil {
		t.Errorf("left over: it did %q", c.did())
	}
}

// Two runs at once: the one that sees the other's form leaves the field to it.
func TestInstallThatIsOvertakenTakesNothingBack(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	seen := 0
	c.meddle = func(q *request) error {
		if q.right() == "get deployments" && c.objects[deploymentKey] != nil {
			if seen++; seen == 2 {
				o := goodOptions()
				o.Image = "registry.example.com/falcon-sensor:9"
				c.keep(deploymentKey, asUnstructured(deploymentOf(o, manifest.TLS{})), c.objects[deploymentKey])
			}
		}
		return nil
	}
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	p := wantProblem(t, err, problem.Failed, "deployment/injector", "its outcome stands")
	if !errors.Is(p, errOvertaken) {
		t.Errorf("got %v", p)
	}
	for _, deed := range c.did() {
		if strings.HasPrefix(deed, "DELETE") || strings.HasPrefix(deed, "PUT") {
			t.Errorf("it did %s", deed)
		}
	}
}

// An uninstall at the same time takes away what the pods need, and none would ever be Ready.
func TestInstallWhosePartsAreTakenAwayEndsAtOnce(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	was := stillEvery
	stillEvery = 0
	defer func() { stillEvery = was }()
	c.meddle = func(q *request) error {
		if q.right() == "list pods" {
			delete(c.objects, secretKey)
		}
		return nil
	}
	began := time.Now()
	how := goodHow()
	how.Timeout = time.Minute
	_, err := Install(t.Context(), client, goodOptions(), how, func(Event) {})
	wantProblem(t, err, problem.Failed, "secret/"+manifest.SecretName+" was removed", "another run", "its outcome stands")
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %s", took)
	}
	if c.of(hookKey) != nil {
		t.Error("there is a webhook")
	}
}

func TestInstallThatIsInterruptedTakesNothingBack(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	ctx, cancel := context.WithCancel(t.Context())
	c.meddle = func(q *request) error {
		if q.right() == "list pods" {
			cancel()
		}
		return nil
	}
	_, err := Install(ctx, client, goodOptions(), goodHow(), func(Event) {})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	for _, deed := range c.did() {
		if strings.HasPrefix(deed, "DELETE") {
			t.Errorf("it did %s", deed)
		}
	}
}

func TestTouched(t *testing.T) {
	of := func(kind, name, uid, version string, generation int64, more object) *unstructured.Unstructured {
		u := &unstructured.Unstructured{Object: object{"kind": kind, "metadata": object{"name": name}}}
		for key, value := range more {
			u.Object[key] = value
		}
		u.SetUID(types.UID(uid))
		u.SetResourceVersion(version)
		u.SetGeneration(generation)
		return u
	}
	cm := func(uid, version, value string) *unstructured.Unstructured {
		return of("ConfigMap", "c", uid, version, 0, object{"data": object{"key": value}})
	}
	annotated := func(u *unstructured.Unstructured, key, value string) *unstructured.Unstructured {
		u.SetAnnotations(map[string]string{key: value})
		return u
	}
	tests := map[string]struct {
		now, after *unstructured.Unstructured
		want       bool
	}{
		"the same":                      {cm("u", "1", "a"), cm("u", "1", "a"), false},
		"another value":                 {cm("u", "2", "b"), cm("u", "1", "a"), true},
		"annotated by a controller":     {annotated(cm("u", "2", "a"), "seen", "yes"), cm("u", "1", "a"), false},
		"another annotation of ours":    {annotated(cm("u", "2", "a"), "ours", "2"), annotated(cm("u", "1", "a"), "ours", "1"), true},
		"made anew by somebody":         {cm("v", "2", "a"), cm("u", "1", "a"), true},
		"nobody knows which it is":      {cm("v", "2", "b"), nil, false},
		"the answer to it was lost":     {cm("v", "2", "a"), cm("", "", "a"), false},
		"not that of the lost answer":   {cm("v", "2", "b"), cm("", "", "a"), true},
		"a status that moved on":        {of("Deployment", "d", "u", "2", 1, nil), of("Deployment", "d", "u", "1", 1, nil), false},
		"another meaning":               {of("Deployment", "d", "u", "2", 2, nil), of("Deployment", "d", "u", "1", 1, nil), true},
		"a namespace changes by itself": {of("Namespace", Namespace, "u", "2", 0, nil), of("Namespace", Namespace, "u", "1", 0, nil), false},
		"a namespace made anew":         {of("Namespace", Namespace, "v", "2", 0, nil), of("Namespace", Namespace, "u", "1", 0, nil), true},
		"an account that gets a token": {of("ServiceAccount", "s", "u", "2", 0, object{"secrets": []any{object{"name": "token"}}}),
			of("ServiceAccount", "s", "u", "1", 0, nil), false},
	}
	for name, tt := range tests {
		if got := touched(tt.now, tt.after); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A controller that annotates what it sees must not stop the way back in the middle.
func TestRollbackGoesOnOverWhatAControllerAnnotated(t *testing.T) {
	c, client := newCluster(t)
	c.unready = true
	before := len(c.objects)
	c.meddle = func(q *request) error {
		if q.right() == "patch poddisruptionbudgets" && !q.dry {
			for _, key := range []string{secretKey, "serviceaccounts/" + Namespace + "/" + Name} {
				seen := c.objects[key].DeepCopy()
				seen.SetAnnotations(map[string]string{"policy.example.com/seen": "yes"})
				c.keep(key, seen, c.objects[key])
			}
		}
		return nil
	}
	_, err := Install(t.Context(), client, goodOptions(), brief(), func(Event) {})
	wantProblem(t, err, problem.TimedOut, "nothing of this run is left")
	if len(c.objects) != before {
		t.Errorf("%d objects are left, there were %d", len(c.objects), before)
	}
}

// The certificate whose creation got no answer is there all the same.
func TestInstallGoesOnAfterALostAnswerToTheCertificate(t *testing.T) {
	c, client := newCluster(t)
	lost := 0
	c.meddle = func(q *request) error {
		if q.right() != "create secrets" || q.dry {
			return nil
		}
		if lost++; lost == 1 {
			_, _ = c.do(q)
		}
		return apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
	}
	if _, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {}); err != nil || lost != 1 {
		t.Errorf("got %v after %d attempts", err, lost)
	}
}

// What was made although the server answered with a fault is taken back as well.
func TestRollbackFindsWhatAnAnswerWasLostTo(t *testing.T) {
	c, client := newCluster(t)
	before := len(c.objects)
	c.meddle = func(q *request) error {
		if q.right() == "patch services" && !q.dry {
			_, _ = c.do(q)
			return apierrors.NewInternalError(errors.New("etcdserver: request timed out"))
		}
		return nil
	}
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	if err == nil || len(c.objects) != before {
		t.Errorf("got %v; %d objects are left, there were %d", err, len(c.objects), before)
	}
}

func TestAFailedRenewalSaysThatTheAuthorityStays(t *testing.T) {
	c, client := newCluster(t)
	mustInstall(t, client, goodOptions())
	c.unready = true
	how, o := brief(), goodOptions()
	how.RenewBefore, o.CertValidity = 2*o.CertValidity, 3*o.CertValidity
	_, err := Install(t.Context(), client, o, how, func(Event) {})
	p := wantProblem(t, err, problem.TimedOut, "the webhook trusts the authority that it added until the next install")
	if n := len(certs.Parse(c.trusted())); n != 2 || strings.Contains(p.Next(), "nothing of this run") {
		t.Errorf("%d authorities; %s", n, p.Next())
	}
}

// A run that finds the Secret of another, and the other still busy with it, goes on with that one's
// certificate: it must not fail and take away what the other needs.
func TestInstallBesideOneThatHasJustMadeTheCertificate(t *testing.T) {
	c, client := newCluster(t)
	var others *unstructured.Unstructured
	patches := 0
	c.meddle = func(q *request) error {
		if q.dry || q.gvr.Resource != "secrets" {
			return nil
		}
		switch {
		case q.method == http.MethodPost && others == nil:
			others = c.keep(secretKey, decode(q.body), nil)
		case q.method == http.MethodPatch:
			if patches++; patches == 1 {
				return apierrors.NewConflict(q.gvr.GroupResource(), q.name, errors.New("the object has been modified"))
			}
		}
		return nil
	}
	if _, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {}); err != nil {
		t.Errorf("it did not go on with the other's certificate: %v", err)
	}
	for _, deed := range c.did() {
		if strings.HasPrefix(deed, "DELETE") && !strings.Contains(deed, manifest.CanaryNamespace) {
			t.Errorf("it did %s", deed)
		}
	}
}

// A run that fails before it has made the injector leaves everything when another run has made one meanwhile.
func TestInstallThatFailsBesideAnotherTakesNothingBack(t *testing.T) {
	c, client := newCluster(t)
	c.meddle = func(q *request) error {
		if !q.dry && q.gvr.Resource == "secrets" && q.method == http.MethodPost {
			c.keep(deploymentKey, asUnstructured(deploymentOf(goodOptions(), manifest.TLS{})), nil)
			return apierrors.NewForbidden(q.gvr.GroupResource(), q.name, errors.New("exceeded quota"))
		}
		return nil
	}
	var j journal
	_, err := Install(t.Context(), client, goodOptions(), goodHow(), j.report)
	if err == nil || !strings.Contains(err.Error(), "exceeded quota") {
		t.Errorf("got %v", err)
	}
	for _, deed := range c.did() {
		if strings.HasPrefix(deed, "DELETE") {
			t.Errorf("it did %s", deed)
		}
	}
}
