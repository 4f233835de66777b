// Package restart makes the pods anew that should carry the sensor and do not, or carry an old one.
//
// Which those are is package verify's judgement alone. It plans first, purely, what can be restarted in
// which order, and then does that in waves: it changes nothing but the annotation by which kubectl rollout
// restart works, goes on only while every new pod comes up with the sensor, and leaves the rest alone at
// the first failure. It must know no cobra and no terminal.
package restart

import (
	"context"
	"fmt"
	"strings"
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Schema names the form of a plan's JSON. It changes when a field changes its meaning or goes away.
const Schema = "kubectl-falcon.restart/v1"

// DefaultParallel is how many workloads are restarted at once after the first one has come through. It
// bounds what a fault that only shows in some workloads can catch; each of them keeps its old pods while
// its new ones do not come up, as its own strategy says.
const DefaultParallel = 4

// Options say how a restart goes.
type Options struct {
	// MaxParallel is how many workloads are restarted at once.
	MaxParallel int
	// Timeout is how long one workload may be without progress.
	Timeout time.Duration
	// OverBudget also restarts what takes more pods down than a disruption budget allows.
	OverBudget bool
	// DryRun has the server only answer.
	DryRun bool
	// Judge is verify's judgement, by which each workload is looked at again right before its restart.
	Judge func(ctx context.Context, scope verify.Scope) (*verify.Cluster, error)
	// Report gets the events.
	Report inject.Reporter
}

// Name is a workload of a cluster.
type Name struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
}

// String is kind/name, with the namespace in brackets.
func (n Name) String() string {
	return fmt.Sprintf("%s/%s (%s)", strings.ToLower(n.Kind), n.Name, n.Namespace)
}

// Plan is what a restart would do. Its JSON form is stable.
type Plan struct {
	Schema  string `json:"schema"`
	Context string `json:"context,omitempty"`
	// Waves are restarted one after another, what is in one of them at once.
	Waves [][]Step `json:"waves"`
	// Left are workloads that should be restarted and are not.
	Left []Left `json:"left"`
	// Blocked are namespaces where new pods would not come up with the sensor: nothing is restarted then.
	Blocked []Blocked `json:"blocked"`
	// Image is the configured sensor image.
	Image string `json:"image,omitempty"`
}

// Step is the restart of one workload.
type Step struct {
	Name `json:",inline"`
	// Pods are those that have to be made anew, Replicas all that a restart makes anew.
	Pods     int `json:"pods"`
	Replicas int `json:"replicas"`
	// Why says what is wrong with them.
	Why string `json:"why"`
	// Effect says what the restart means for whoever uses the workload.
	Effect string   `json:"effect"`
	Notes  []string `json:"notes,omitempty"`

	risk    risk
	budgets []string
}

// Left is a workload that is not restarted.
type Left struct {
	Name `json:",inline"`
	Pods int    `json:"pods"`
	Why  string `json:"why"`
	// Reason is one of the words below, Text the same in a sentence with what to do.
	Reason string `json:"reason"`
	Text   string `json:"text"`
}

// The reasons for which a workload is left.
const (
	IsJob      = "job"
	IsBare     = "bare-pod"
	Unknown    = "unknown-kind"
	Gone       = "gone"
	OptedOut   = "opted-out"
	Paused     = "paused"
	OnDelete   = "on-delete"
	Partition  = "partition"
	NotReady   = "not-ready"
	Stuck      = "stuck"
	OverBudget = "over-budget"
	IsRefused  = "would-be-refused"
	IsPlain    = "would-be-plain"
)

// Blocked is a namespace where a restart would make things worse.
type Blocked struct {
	Namespace string `json:"namespace"`
	Why       string `json:"why"`
}

// Steps counts the workloads of a plan.
func (p *Plan) Steps() (n int) {
	for _, w := range p.Waves {
		n += len(w)
	}
	return n
}

// RestartRules are the rights that a restart needs besides verify's. Pods are only created as a dry run.
func RestartRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		kube.Rule("", []string{"pods"}, "list", "create"),
		kube.Rule("", []string{"events"}, "list"),
		kube.Rule("apps", []string{"deployments", "statefulsets", "daemonsets"}, "get", "patch"),
		kube.Rule("policy", []string{"poddisruptionbudgets"}, "list"),
	}
}
