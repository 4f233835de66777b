package inject

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// scaled has another tool set the number of injectors.
func (c *cluster) scaled(t *testing.T, manager string, replicas int64) {
	t.Helper()
	u := c.of(deploymentKey).DeepCopy()
	_ = unstructured.SetNestedField(u.Object, replicas, "spec", "replicas")
	after, err := owners(u.GroupVersionKind()).Update(c.of(deploymentKey).DeepCopy(), u, manager)
	if err != nil {
		t.Fatal(err)
	}
	c.keep(deploymentKey, after.(*unstructured.Unstructured), c.of(deploymentKey))
	c.forget()
}

func (c *cluster) replicas() int64 {
	n, _, _ := unstructured.NestedInt64(c.of(deploymentKey).Object, "spec", "replicas")
	return n
}

// An autoscaler's number is its own unless somebody asks for another.
func TestInstallLeavesTheNumberOfInjectorsToAnAutoscaler(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.scaled(t, "kube-controller-manager", 5)
	for range 2 {
		mustInstall(t, client, goodOptions())
		if c.replicas() != 5 {
			t.Fatalf("%d replicas", c.replicas())
		}
	}
	asked := goodOptions()
	asked.Inputs = map[string]string{"replicas": "2"}
	_, err := Install(t.Context(), client, asked, goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, ".spec.replicas", "kube-controller-manager", "--force-conflicts")
	forced := goodHow()
	forced.ForceConflicts = true
	if _, err := Install(t.Context(), client, goodOptions(), forced, func(Event) {}); err != nil || c.replicas() != 2 {
		t.Errorf("%d replicas, %v", c.replicas(), err)
	}
	// None at all is an outage, not a number to keep.
	c.scaled(t, "kubectl", 0)
	_, err = Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, ".spec.replicas")
}

// What this tool changed on a namespace of somebody else goes with it.
func TestUninstallTakesItsLabelOffANamespaceOfOthers(t *testing.T) {
	for name, tt := range map[string]struct {
		labels object
		left   string
		says   string
	}{
		"set by install":   {object{}, "", ""},
		"set by its owner": {object{InjectionKey: Disabled}, Disabled, "falcon-system (disabled)"},
	} {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			theirs := asUnstructured(object{"apiVersion": "v1", "kind": "Namespace", "metadata": object{"name": Namespace, "labels": tt.labels}})
			after, err := owners(theirs.GroupVersionKind()).Update(&unstructured.Unstructured{Object: object{"apiVersion": "v1", "kind": "Namespace"}}, theirs, "kubectl-create")
			if err != nil {
				t.Fatal(err)
			}
			c.keep(namespaceKey, after.(*unstructured.Unstructured), nil)
			mustInstall(t, client, goodOptions())
			c.forget()
			if _, _, err := uninstall(t, client, Removal{DryRun: true}); err != nil || len(c.did()) > 0 {
				t.Errorf("the dry run did %q, %v", c.did(), err)
			}
			_, left, err := uninstall(t, client, Removal{})
			if err != nil {
				t.Fatal(err)
			}
			if got := c.of(namespaceKey).GetLabels()[InjectionKey]; got != tt.left {
				t.Errorf("its label is %q, want %q", got, tt.left)
			}
			if got := strings.Join(left.Labelled, ", "); got != tt.says {
				t.Errorf("left over: %q", got)
			}
		})
	}
}

// A sidecar of a name that nobody knows is still one if it runs the sensor's image.
func TestUninstallFindsSidecarsByTheImageThatWasInstalled(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.put(podIn("shop", "by-image", true, "app", "sensor-of-tomorrow"))
	_, left, err := uninstall(t, client, Removal{})
	if err != nil || len(left.Workloads) != 1 || left.Workloads[0].Name != "by-image" {
		t.Errorf("left over: %+v, %v", left, err)
	}
}

// The role for an outage holds one right, and that suffices.
func TestGlassRulesSuffice(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.rules = GlassRules()
	if err := BreakGlass(t.Context(), client, "eve"); err != nil || len(c.lacked) > 0 {
		t.Errorf("%v; the rules lack %q", err, c.lacked)
	}
	delete(c.objects, hookKey)
	wantProblem(t, BreakGlass(t.Context(), client, "eve"), problem.Failed, "there is no webhook "+WebhookName)
	if r := GlassRules(); len(r) != 1 || len(r[0].ResourceNames) != 1 || r[0].ResourceNames[0] != WebhookName || len(r[0].Verbs) != 1 {
		t.Errorf("the rules are %v", r)
	}
}

// lasting is a Secret of the user's whose certificate lasts that long.
func lasting(t *testing.T, left time.Duration) *corev1.Secret {
	t.Helper()
	pair, err := certs.New(time.Now(), left)
	if err != nil {
		t.Fatal(err)
	}
	s := secretOf(pair)
	s.Name, s.Labels = "mine", nil
	return s
}

func TestInstallWarnsOfAnOwnCertificateThatEnds(t *testing.T) {
	const day = 24 * time.Hour
	for left, want := range map[time.Duration]bool{10*day + time.Hour: true, 40 * day: false} {
		c, client := newCluster(t)
		c.put(lasting(t, left))
		o := goodOptions()
		o.TLSSecret = "mine"
		j := mustInstall(t, client, o)
		const warning = "warning: the certificate in secret/mine ends in 10 days"
		if got := strings.Contains(strings.Join(j.remarks, "\n"), warning); got != want {
			t.Errorf("%s left: it said %q", left, j.remarks)
		}
	}
}

func TestInstallSaysWhyItRenews(t *testing.T) {
	_, client := newCluster(t)
	short := goodOptions()
	short.CertValidity = 100*24*time.Hour + time.Hour
	mustInstall(t, client, short)
	how, j := goodHow(), journal{}
	how.RenewBefore = 150 * 24 * time.Hour
	if _, err := Install(t.Context(), client, goodOptions(), how, j.report); err != nil {
		t.Fatal(err)
	}
	j.says(t, "secret/injector-tls gets a new certificate, because of the one that is there: it ends in 100 days")
	if j := mustInstall(t, client, goodOptions()); strings.Contains(strings.Join(j.remarks, "\n"), "new certificate") {
		t.Errorf("it renews again: %q", j.remarks)
	}
}

// Controllers write to objects at any moment, which is no reason to fail.
func TestAdoptTriesAgainWhenAnObjectChangedMeanwhile(t *testing.T) {
	c, client := newCluster(t)
	c.guides(t)
	conflicts := 2
	c.meddle = func(q *request) error {
		if q.verb == "update" && q.gvr.Resource == "deployments" && conflicts > 0 {
			conflicts--
			return modified(q)
		}
		return nil
	}
	how := goodHow()
	how.Adopt = true
	if _, err := Install(t.Context(), client, goodOptions(), how, func(Event) {}); err != nil || conflicts > 0 {
		t.Errorf("%v, %d conflicts to come", err, conflicts)
	}
}

// An adoption that does not get through leaves the guide's objects with the content that they had.
func TestAFailedAdoptionGivesTheContentBack(t *testing.T) {
	c, client := newCluster(t)
	c.guides(t)
	before := map[string]object{}
	for key, u := range c.objects {
		u = u.DeepCopy()
		u.SetManagedFields(nil)
		if key == hookKey {
			u.SetAnnotations(nil)
		}
		before[key] = content(u)
	}
	c.meddle = func(q *request) error {
		if q.verb == "get" && q.gvr.Resource == "deployments" {
			c.unready = true
		}
		return nil
	}
	how := brief()
	how.Adopt = true
	_, err := Install(t.Context(), client, goodOptions(), how, func(Event) {})
	wantProblem(t, err, problem.TimedOut, "was taken back, but kubectl falcon owns the fields")
	c.unready, c.meddle = false, nil
	for key, u := range before {
		now := c.of(key)
		if now == nil {
			t.Errorf("%s is gone", key)
			continue
		}
		now = now.DeepCopy()
		now.SetManagedFields(nil)
		if got := content(now); !equalObjects(got, u) {
			t.Errorf("%s is\n%v, was\n%v", key, got, u)
		}
	}
	// It is still the guide's, and can be taken over.
	_, err = Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
	wantProblem(t, err, problem.Failed, "there is an injector already", "--adopt")
	how = goodHow()
	how.Adopt = true
	if _, err := Install(t.Context(), client, goodOptions(), how, func(Event) {}); err != nil {
		t.Error(err)
	}
}

func equalObjects(a, b object) bool {
	x, y := (&unstructured.Unstructured{Object: a}).DeepCopy(), (&unstructured.Unstructured{Object: b}).DeepCopy()
	for _, u := range []*unstructured.Unstructured{x, y} {
		u.SetUID("")
		// The server's own, which no update brings back.
		unstructured.RemoveNestedField(u.Object, "status")
		if len(u.GetAnnotations()) == 0 {
			u.SetAnnotations(nil)
		}
		u.SetCreationTimestamp(metav1.Time{})
	}
	p, _ := x.MarshalJSON()
	q, _ := y.MarshalJSON()
	return string(p) == string(q)
}
