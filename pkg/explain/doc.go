// Package explain says rule by rule what becomes of a pod: whether the API server sends it to each
// injector's webhook, whether the injector then adds the sensor, and beside that what the server itself
// answers to a dry run of that very pod.
//
// The two answers come from different sources, so where they differ one of them is wrong, and that is
// said. It changes nothing in the cluster, and must know no cobra and no terminal.
//
// It is a package of its own because it asks the cluster about one pod at a time, where package match is
// pure and package verify collects everything first and then judges.
package explain

import (
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Schema names the form of a report's JSON. It changes when a field changes its meaning or goes away.
const Schema = "kubectl-falcon.explain/v1"

// Report is the answer about one or several pods. Its JSON form is stable.
type Report struct {
	Schema  string        `json:"schema"`
	Context string        `json:"context,omitempty"`
	Pods    []Explanation `json:"pods"`
	// Skipped are objects of files that make no pods.
	Skipped []Skipped `json:"skipped,omitempty"`
}

// Outcome is what becomes of a pod.
type Outcome string

// The outcomes. Plain is a pod that is made without the sensor, Unknown one that nobody can tell of.
const (
	Injected Outcome = "injected"
	Plain    Outcome = "plain"
	Refused  Outcome = "refused"
	Unknown  Outcome = "unknown"
)

// Agreement is how the rules and the server's answer compare.
type Agreement string

// The agreements. Unproved is an answer of one side alone.
const (
	Agree    Agreement = "agree"
	Disagree Agreement = "disagree"
	Unproved Agreement = "unproved"
)

// Explanation is the answer about one pod. Outcome is the server's where it was asked, else what follows
// from the rules.
type Explanation struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	File      string `json:"file,omitempty"`
	// About says which pod was asked about, such as "a pod of its template".
	About     string    `json:"about"`
	Outcome   Outcome   `json:"outcome"`
	Why       string    `json:"why,omitempty"`
	Next      string    `json:"next,omitempty"`
	Agreement Agreement `json:"agreement"`
	// Rules is what follows from the rules of all injectors together.
	Rules     Outcome    `json:"rules"`
	Injectors []Injector `json:"injectors"`
	// Unread is why the injectors could not be looked at.
	Unread string   `json:"unread,omitempty"`
	Server Server   `json:"server"`
	Notes  []string `json:"notes,omitempty"`
}

// Injector is what one injector means for a pod.
type Injector struct {
	// Name says which it is and who made it.
	Name      string `json:"name"`
	Tool      string `json:"tool"`
	Namespace string `json:"namespace,omitempty"`
	// Configuration is the MutatingWebhookConfiguration, Webhook the entry in it; empty if there is none.
	Configuration string `json:"configuration,omitempty"`
	Webhook       string `json:"webhook,omitempty"`
	// Called is whether the API server sends the pod to it, Injects whether it then adds the sensor.
	Called  match.Decision `json:"called"`
	Injects match.Decision `json:"injects"`
	// FailurePolicy is Fail or Ignore: what becomes of the pod while nobody answers.
	FailurePolicy string `json:"failurePolicy,omitempty"`
	// Orphan says that nobody can answer: its Service is not there.
	Orphan bool `json:"orphan,omitempty"`
}

// Server is the API server's answer to the dry run.
type Server struct {
	// Outcome is empty if it was not asked; Why then says why not.
	Outcome Outcome `json:"outcome,omitempty"`
	Why     string  `json:"why,omitempty"`
	// Sidecar is the sensor's container in the pod as it would be made.
	Sidecar string `json:"sidecar,omitempty"`
	// Class is what a refusal means, Message the server's own words.
	Class   verify.Class `json:"class,omitempty"`
	Message string       `json:"message,omitempty"`
}

// Skipped is an object that makes no pods.
type Skipped struct {
	File   string `json:"file,omitempty"`
	Object string `json:"object"`
	Why    string `json:"why"`
}

// Subject is a pod to be explained.
type Subject struct {
	Namespace, Kind, Name, File string
	// Pod is what is to be created; nil where Obstacle says why there is nothing to be asked.
	Pod      *corev1.Pod
	Obstacle string
	// About says which pod that is.
	About string
	Notes []string
	// bare is a pod of the cluster that carries no sensor, whatever a new one would get.
	bare bool
}

// ExplainRules are the rights that an explanation needs. Without those in the whole cluster the server's
// answer stands alone, and without creating pods, which is only done as a dry run, the rules.
func ExplainRules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		kube.Rule("", []string{"pods"}, "get", "create"),
		kube.Rule("", []string{"namespaces", "services", "configmaps"}, "get"),
		kube.Rule("apps", []string{"deployments"}, "get", "list"),
		kube.Rule("apps", []string{"replicasets", "statefulsets", "daemonsets"}, "get"),
		kube.Rule("batch", []string{"jobs", "cronjobs"}, "get"),
		kube.Rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "get", "list"),
	}
}
