// Package inject is the injector: its objects, its certificates, the order in which they come and go,
// and what the cluster has of it.
//
// The order is the package's promise: the webhook is the last thing made and the first removed, so that
// no pod is refused because an injector is missing. It must know no cobra, no terminal and no environment
// variables, and must never force a field that another tool owns.
package inject

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Names of what the injector is made of. They are those of the vendor's guide (facts of its installer),
// so that whoever followed it finds things where they were.
const (
	Namespace     = "falcon-system"
	Name          = "injector"
	ConfigMapName = "injector-config"
	SecretName    = "injector-tls"
	WebhookName   = Name + "." + Namespace + ".svc"

	// InjectionKey is the label (on namespaces) and annotation (on pods) that opts in or out.
	InjectionKey = "sensor.falcon-system.crowdstrike.com/injection"
	// Disabled is the value that opts out.
	Disabled = "disabled"
)

// ManagedByLabel marks what this tool made.
const ManagedByLabel = "app.kubernetes.io/managed-by"

// Event is one step that was taken, for whoever shows progress.
type Event struct {
	// Object is kind/name, or empty for a remark.
	Object string
	Change kube.Change
	// Remark is a sentence, for waits and notes.
	Remark string
}

// Reporter gets the events of a run in their order.
type Reporter func(Event)

func (r Reporter) change(o kube.Object, c kube.Change) {
	r(Event{Object: kube.Describe(o), Change: c})
}

func (r Reporter) remark(format string, args ...any) {
	r(Event{Remark: fmt.Sprintf(format, args...)})
}

// Ours says whether this tool made an object.
func Ours(o metav1.Object) bool { return o.GetLabels()[ManagedByLabel] == kube.FieldManager }
