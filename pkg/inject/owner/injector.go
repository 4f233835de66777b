package owner

import (
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Injector is one injector of a cluster.
type Injector struct {
	// Tool made it, as Of says; if its webhook and its Deployment differ, the one that would put it back.
	Tool   Tool
	Detail string
	// Namespace is where its Service and Deployment are, or should be.
	Namespace string
	// Webhook is the name of the MutatingWebhookConfiguration, Deployment that of the Deployment; either is
	// empty if there is none.
	Webhook    string
	Deployment string
	// Orphan is a webhook whose Service is not there, so that nobody answers it.
	Orphan bool

	// ignored is a webhook that lets pods start if nobody answers, as after break-glass.
	ignored bool
}

// String names the injector and who made it, such as "deployment injector in namespace falcon-system,
// made by Helm (release falcon)".
func (i Injector) String() string {
	what := "webhook " + i.Webhook
	// Of an injector that does not answer it is the webhook that matters, and has to go.
	if i.Deployment != "" && !i.Orphan {
		what = fmt.Sprintf("deployment %s in namespace %s", i.Deployment, i.Namespace)
	}
	by := ", made by " + string(i.Tool)
	if i.Tool == Unknown {
		by = ", made by an unknown tool"
	}
	// The release's namespace is nearly always the injector's, which has been said.
	detail := i.Detail
	if i.Deployment != "" && !i.Orphan {
		detail = strings.TrimSuffix(detail, inNamespace+i.Namespace)
	}
	if detail != "" {
		by += " (" + detail + ")"
	}
	return what + by
}

// Refuse returns nil if an installation may go on: all injectors are this tool's, or with adopt also what
// the guide's installer or plain kubectl made under the guide's names. Otherwise the error names one that
// is in the way, and says what to do with it.
func Refuse(found []Injector, adopt bool) error {
	foreign := slices.DeleteFunc(slices.Clone(found), func(i Injector) bool {
		return i.Tool == Ours || adopt && i.adoptable()
	})
	if len(foreign) == 0 {
		return nil
	}
	first := foreign[0]
	// One that keeps pods from starting cannot wait until the others are dealt with.
	if n := slices.IndexFunc(foreign, Injector.refusing); n >= 0 {
		first = foreign[n]
	}
	more := ""
	if n := len(foreign) - 1; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	next := first.next()
	if adopt && !first.Orphan {
		next = "--adopt takes over only what the guide's installer made; " + next
	}
	state := "there is an injector already"
	if first.Orphan {
		state = "there is a webhook whose service is gone"
		if first.refusing() {
			state += ", so the pods that it covers are refused now"
		}
	}
	return problem.New(problem.Failed, next, "%s: %s%s; nothing was changed", state, first, more)
}

// adoptable says whether the injector has the guide's names and no tool that would put it back.
func (i Injector) adoptable() bool {
	if i.Tool != Guide && i.Tool != Kubectl {
		return false
	}
	webhook := i.Webhook == "" || i.Webhook == manifest.WebhookName
	deployment := i.Deployment == "" || i.Deployment == manifest.Name
	return webhook && deployment && i.Namespace == manifest.Namespace
}

func (i Injector) refusing() bool { return i.Orphan && !i.ignored }

// next says how to get the injector out of the way.
func (i Injector) next() string {
	if i.Orphan {
		return i.nextOrphan()
	}
	switch i.Tool {
	case Helm:
		release, ns := i.release()
		if release == "" {
			return "change it with helm, or remove its release with helm uninstall (helm list -A shows it)"
		}
		return fmt.Sprintf("change it with helm, or remove it first: helm uninstall %s -n %s", release, ns)
	case Operator:
		name, ok := strings.CutPrefix(i.Detail, operatorKind+" ")
		if !ok {
			return "remove it first: kubectl delete falconcontainer NAME (kubectl get falconcontainer shows it)"
		}
		return "remove it first: kubectl delete falconcontainer " + name
	case ArgoCD, Flux:
		return fmt.Sprintf("change it, or remove it, in the git repository that %s installs it from", i.Tool)
	case Guide:
		if i.adoptable() {
			return "take it over with --adopt, or remove it as the guide says, the webhook first"
		}
		return "remove it first as the guide says, the webhook first"
	case Kubectl:
		if i.adoptable() {
			return "take it over with --adopt, or remove it first: " + i.remove()
		}
		return "remove it first: " + i.remove()
	}
	return "find out who made it and have it removed there, or remove it first: " + i.remove()
}

// nextOrphan opens the way for pods before anything else.
func (i Injector) nextOrphan() string {
	remove := "kubectl delete mutatingwebhookconfiguration " + i.Webhook
	if i.refusing() {
		remove = fmt.Sprintf("let pods start again: kubectl falcon uninstall --break-glass, or %s", remove)
	} else {
		remove = "remove it first: " + remove
	}
	switch i.Tool {
	case ArgoCD, Flux:
		return fmt.Sprintf("%s; then remove it from the git repository of %s, which else puts it back", remove, i.Tool)
	case Guide, Kubectl:
		if i.adoptable() {
			return remove + "; or take it over with --adopt"
		}
	}
	return remove
}

// remove is the command for what no tool would put back; the webhook goes first, for without the
// Deployment it refuses pods.
func (i Injector) remove() string {
	var commands []string
	if i.Webhook != "" {
		commands = append(commands, "kubectl delete mutatingwebhookconfiguration "+i.Webhook)
	}
	if i.Deployment != "" {
		commands = append(commands, fmt.Sprintf("kubectl delete deployment %s -n %s", i.Deployment, i.Namespace))
	}
	return strings.Join(commands, " && ")
}

// release takes the Helm release out of the detail. Charts are installed where their objects are, unless
// the release says otherwise.
func (i Injector) release() (name, namespace string) {
	release, ok := strings.CutPrefix(i.Detail, releasePrefix)
	if !ok {
		return "", ""
	}
	name, namespace, _ = strings.Cut(release, inNamespace)
	if namespace == "" {
		namespace = i.Namespace
	}
	return name, namespace
}

// Server is the container that answers the webhook's requests. All known injectors are started by a
// program of that name; else it is the first.
func Server(spec *corev1.PodSpec) *corev1.Container {
	for n := range spec.Containers {
		if slices.Equal(spec.Containers[n].Command, []string{"injector"}) {
			return &spec.Containers[n]
		}
	}
	if len(spec.Containers) == 0 {
		return &corev1.Container{}
	}
	return &spec.Containers[0]
}
