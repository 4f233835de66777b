// Package logs reads the logs of the injector's replicas as one, in the order of time, and says which lines
// are about a pod.
//
// It must not keep a log in memory: what is read goes on as soon as its place in the order is known. It must
// not claim that a line is about a pod where the line names only the namespace.
package logs

import (
	"time"

	rbacv1 "k8s.io/api/rbac/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Line is one line of a container's log.
type Line struct {
	// Namespace, Pod and Container are where it was written.
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	Container string `json:"container"`
	// Time is when the container runtime got it.
	Time time.Time `json:"time"`
	// Message is the line as it was written.
	Message string `json:"message"`
	// Fields are what it says, as far as its form is known.
	Fields *Fields `json:"fields,omitempty"`
	// About says how it is about the pod that was asked for: by its name, or only by its namespace.
	About About `json:"about,omitempty"`
}

// Container is a container whose log is read.
type Container struct{ Namespace, Pod, Name string }

// Options say what of the logs is read.
type Options struct {
	// Follow goes on with what is written from now on, until the context ends or nothing is left to read.
	Follow bool
	// Previous reads the containers before their last restart.
	Previous bool
	// Since, if it is not zero, leaves out what is older; of Tail, if it is not negative, only so many of the
	// last lines of each container are read.
	Since time.Time
	Tail  int64
}

// Rules are the rights that reading logs needs: those by which the injectors are found, and their logs. What
// --for looks up is not among them but for pods.
func Rules() []rbacv1.PolicyRule {
	return []rbacv1.PolicyRule{
		kube.Rule("admissionregistration.k8s.io", []string{"mutatingwebhookconfigurations"}, "list"),
		kube.Rule("apps", []string{"deployments"}, "list", "get"),
		kube.Rule("", []string{"services"}, "get"),
		kube.Rule("", []string{"pods"}, "list", "get"),
		kube.Rule("", []string{"pods/log"}, "get"),
	}
}
