// Package inject is the injector in a cluster: the order in which its objects come and go, its proofs,
// and what the cluster has of it.
//
// The order is the package's promise: whatever happens at any moment, pods can be created. So the webhook
// is the last thing made and the first removed, it covers nothing before it is proved, and at every moment
// it trusts every certificate that an injector may serve with. It must know no cobra, no terminal and no
// environment variables, and must never force a field that another tool owns unless it is told to.
package inject

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Names of what the injector is made of; see package manifest.
const (
	Namespace    = manifest.Namespace
	Name         = manifest.Name
	WebhookName  = manifest.WebhookName
	InjectionKey = manifest.InjectionKey
	Disabled     = manifest.Disabled
)

// Options are what an installation can be told; see package manifest.
type Options = manifest.Options

// Ours says whether this tool made an object.
func Ours(o metav1.Object) bool { return manifest.Ours(o) }

// Event is one thing that happened, for whoever shows progress. A Change, a State and a Trouble are of the
// Object; a Remark stands for itself.
type Event struct {
	// Object is kind/name, followed by its namespace in brackets if it is not the injector's.
	Object string
	// Change is what was done to it.
	Change kube.Change
	// State is what is awaited of it.
	State string
	// Trouble is why it does not come up, and what to do about that.
	Trouble string
	// Remark is a sentence, for waits and notes.
	Remark string
	// Left is why an Object stays that would be removed if it were ours alone. It comes with a Remark of the same.
	Left string
}

// Reporter gets the events of a run in their order.
type Reporter func(Event)

func (r Reporter) change(o kube.Object, c kube.Change) {
	r(Event{Object: describe(o), Change: c})
}

// kept tells of an object that is left, with how the remark puts it.
func (r Reporter) kept(object, how, why string) {
	r(Event{Object: object, Remark: object + " " + how + ": " + why, Left: why})
}

func (r Reporter) remark(format string, args ...any) {
	r(Event{Remark: fmt.Sprintf(format, args...)})
}

// describe names an object, and its namespace if it is not the injector's own.
func describe(o kube.Object) string {
	if ns := o.GetNamespace(); ns != "" && ns != Namespace {
		return kube.Describe(o) + " (" + ns + ")"
	}
	return kube.Describe(o)
}
