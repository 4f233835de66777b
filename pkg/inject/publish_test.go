package inject

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// The webhook of a run that was faster covers pods already; to limit it to canaries would leave those without
// the sensor.
func TestInstallLeavesAWebhookThatAnotherRunHasWidened(t *testing.T) {
	for name, at := range map[string]string{"before it is made": "POST", "between the proofs": "PATCH"} {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			// The other run's has another time limit.
			theirs := goodOptions()
			theirs.TimeoutSeconds = 7
			var wider string
			c.meddle = func(q *request) error {
				if wider == "" && q.gvr.Resource == "mutatingwebhookconfigurations" && q.method == at && !q.dry {
					hook := manifest.Render(theirs, manifest.Given{TLS: tlsOfStored(c), Bundle: tlsOfStored(c).CA}).Webhook
					wider = c.keep(hookKey, asUnstructured(hook), c.objects[hookKey]).GetResourceVersion()
				}
				return nil
			}
			_, err := Install(t.Context(), client, goodOptions(), goodHow(), func(Event) {})
			wantProblem(t, err, problem.Failed, "its outcome stands")
			if c.of(hookKey) == nil || c.of(hookKey).GetResourceVersion() != wider {
				t.Errorf("it changed the webhook: %q", c.did())
			}
		})
	}
}

// The answer to a change may be lost; the second attempt then finds its own first one.
func TestALostAnswerIsNotAnotherRun(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	o := goodOptions()
	o.TimeoutSeconds = 7
	lost := 0
	c.meddle = func(q *request) error {
		if q.right() == "patch mutatingwebhookconfigurations" && !q.dry {
			if lost++; lost == 1 {
				_, _ = c.do(q)
				return apierrors.NewServiceUnavailable("gone")
			}
		}
		return nil
	}
	j := mustInstall(t, client, o)
	if lost < 2 || !strings.Contains(strings.Join(j.changes, "\n"), WebhookName+" configured") {
		t.Errorf("%d attempts; it reported %q", lost, j.changes)
	}
}

// Nor is a controller that annotates the webhook.
func TestAnAnnotationIsNotAnotherRun(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	o := goodOptions()
	o.TimeoutSeconds = 7
	done := false
	c.meddle = func(q *request) error {
		if q.right() == "patch mutatingwebhookconfigurations" && !q.dry && !done {
			done = true
			seen := c.objects[hookKey].DeepCopy()
			seen.SetAnnotations(map[string]string{"policy.example.com/seen": "yes"})
			c.keep(hookKey, seen, c.objects[hookKey])
		}
		return nil
	}
	mustInstall(t, client, o)
}

// What another run has made of a webhook in use stands.
func TestAnotherRunsChangeStands(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	o := goodOptions()
	o.TimeoutSeconds = 7
	done := false
	c.meddle = func(q *request) error {
		if q.right() == "patch mutatingwebhookconfigurations" && !q.dry && !done {
			done = true
			other := c.objects[hookKey].DeepCopy()
			hooks := other.Object["webhooks"].([]any)
			hooks[0].(object)["timeoutSeconds"] = int64(9)
			c.keep(hookKey, other, c.objects[hookKey])
		}
		return nil
	}
	_, err := Install(t.Context(), client, o, goodHow(), func(Event) {})
	if p := wantProblem(t, err, problem.Failed, "its outcome stands"); !errors.Is(p, errOvertaken) {
		t.Errorf("got %v", p)
	}
}

// Pods that are ending serve on with the old certificate, and who has not learned of it calls them.
func TestRotateTrustsTheOldUntilTheLastOfItsPodsIsGone(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	looked := 0
	c.meddle = func(q *request) error {
		switch {
		case q.right() == "update deployments":
			old, now := injectorPod("injector-old", ""), metav1.Now()
			old.Annotations = typed[appsv1.Deployment](c.objects[deploymentKey]).Spec.Template.Annotations
			old.DeletionTimestamp = &now
			c.put(old)
		case q.right() == "list pods" && c.objects["pods/"+Namespace+"/injector-old"] != nil:
			if looked++; looked < 5 {
				break
			}
			if n := len(certs.Parse(bundle(hookOf(c)))); n != 2 {
				t.Errorf("the webhook trusts %d authorities while an old pod may answer", n)
			}
			delete(c.objects, "pods/"+Namespace+"/injector-old")
		}
		return nil
	}
	j, err := rotate(t, client, time.Minute)
	if err != nil || looked < 5 || len(certs.Parse(c.trusted())) != 1 {
		t.Errorf("got %v after %d looks, %v", err, looked, j)
	}
}

// A node that nobody hears of keeps its pods listed.
func TestRotateDoesNotWaitForAPodThatNobodyEnds(t *testing.T) {
	hasten(t)
	c, client := newCluster(t)
	c.installed(t, client)
	old, now, none := injectorPod("injector-old", ""), metav1.Now(), int64(0)
	old.DeletionTimestamp, old.DeletionGracePeriodSeconds = &now, &none
	c.put(old)
	if _, err := rotate(t, client, time.Minute); err != nil || len(certs.Parse(c.trusted())) != 1 {
		t.Errorf("got %v", err)
	}
}

// One read that fails does not end a wait.
func TestAWaitOutlivesAFaultOfTheServer(t *testing.T) {
	c, client := newCluster(t)
	waits, faults := false, 0
	c.meddle = func(q *request) error {
		waits = waits || q.right() == "patch poddisruptionbudgets" && !q.dry
		// More often than a single request is repeated.
		if waits && q.right() == "get deployments" && faults < 6 {
			faults++
			return apierrors.NewInternalError(errors.New("etcdserver: leader changed"))
		}
		return nil
	}
	mustInstall(t, client, goodOptions())
	if faults != 6 {
		t.Errorf("%d faults", faults)
	}
}

// A pod that is gone when it is asked for its certificate is not asked again.
func TestInstallOverAPodThatGoesMeanwhile(t *testing.T) {
	c, client := newCluster(t)
	c.put(injectorPod("injector-1", ""))
	c.meddle = func(q *request) error {
		if q.sub == "portforward" {
			delete(c.objects, "pods/"+Namespace+"/injector-1")
			return apierrors.NewNotFound(q.gvr.GroupResource(), q.name)
		}
		return nil
	}
	mustInstall(t, client, goodOptions())
	if !strings.Contains(strings.Join(c.asked, "\n"), "portforward") {
		t.Errorf("it asked no pod, with %s", http.MethodPost)
	}
}
