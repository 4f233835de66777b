// Package owner says whose the injectors of a cluster are: which tool made each, and so who must be asked
// to change it.
//
// It recognises and reads; it changes nothing, and must know no cobra and no terminal.
package owner

import (
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Tool is what made an object and will change it again.
type Tool string

// The tools that are told apart. The values are how messages call them.
const (
	Ours     Tool = kube.FieldManager
	Guide    Tool = "the guide's installer"
	Helm     Tool = "Helm"
	Operator Tool = "falcon-operator"
	ArgoCD   Tool = "Argo CD"
	Flux     Tool = "Flux"
	Kubectl  Tool = "kubectl"
	Unknown  Tool = "unknown"
)

// Traces that the tools leave on what they make.
const (
	argoTracking     = "argocd.argoproj.io/tracking-id"
	argoInstance     = "argocd.argoproj.io/instance"
	fluxKustomize    = "kustomize.toolkit.fluxcd.io/"
	fluxHelm         = "helm.toolkit.fluxcd.io/"
	helmRelease      = "meta.helm.sh/release-name"
	helmNamespace    = "meta.helm.sh/release-namespace"
	instanceLabel    = "app.kubernetes.io/instance"
	createdBy        = "crowdstrike.com/created-by"
	operatorKind     = "FalconContainer"
	lastApplied      = "kubectl.kubernetes.io/last-applied-configuration"
	releasePrefix    = "release "
	inNamespace      = " in namespace "
	managersPrefix   = "field managers "
	operatorCreator  = "falcon-operator"
	managedByHelm    = "Helm"
	helmManager      = "helm"
	kustomizeManager = "kustomize-controller"
	fluxHelmManager  = "helm-controller"
)

// argoManagers are the names that Argo CD writes under: as it calls itself, and in old versions that of
// its program.
var argoManagers = []string{"argocd-controller", "argocd-application-controller"}

// Of returns the tool that an object belongs to, and what of that tool it is: a Helm release, an Argo CD
// application, a Flux object, a FalconContainer, or for want of better the field managers. The detail may
// be empty.
func Of(o metav1.Object) (Tool, string) {
	// What drives others comes first: whoever renders this tool's objects or a chart into a repository
	// has them put back from there, whatever else is written on them.
	for _, is := range []func(metav1.Object) (Tool, string){ofArgo, ofFlux, ofOurs, ofHelm, ofOperator, ofGuide} {
		if tool, detail := is(o); tool != "" {
			return tool, detail
		}
	}
	if byKubectl(o) {
		return Kubectl, managersDetail(o)
	}
	if by := o.GetLabels()[manifest.ManagedByLabel]; by != "" {
		return Unknown, "managed by " + by
	}
	return Unknown, managersDetail(o)
}

func ofArgo(o metav1.Object) (Tool, string) {
	// The tracking-id is application:group/kind:namespace/name.
	if id := o.GetAnnotations()[argoTracking]; id != "" {
		application, _, _ := strings.Cut(id, ":")
		return ArgoCD, "application " + application
	}
	if application := o.GetLabels()[argoInstance]; application != "" {
		return ArgoCD, "application " + application
	}
	if !written(o, argoManagers...) {
		return "", ""
	}
	// Without a trace of its own Argo CD tracks by this label, which it sets to the application's name.
	if application := o.GetLabels()[instanceLabel]; application != "" {
		return ArgoCD, "application " + application
	}
	return ArgoCD, ""
}

func ofFlux(o metav1.Object) (Tool, string) {
	labels := o.GetLabels()
	if name := labels[fluxHelm+"name"]; name != "" {
		return Flux, "HelmRelease " + labels[fluxHelm+"namespace"] + "/" + name
	}
	if name := labels[fluxKustomize+"name"]; name != "" {
		return Flux, "Kustomization " + labels[fluxKustomize+"namespace"] + "/" + name
	}
	if written(o, kustomizeManager, fluxHelmManager) {
		return Flux, ""
	}
	return "", ""
}

// ofOurs comes before Helm, because Helm puts its own label back whenever it writes: an object with ours
// was written by us since, and a release that it came from may be long gone.
func ofOurs(o metav1.Object) (Tool, string) {
	if o.GetLabels()[manifest.ManagedByLabel] == kube.FieldManager {
		return Ours, ""
	}
	return "", ""
}

func ofHelm(o metav1.Object) (Tool, string) {
	labels, annotations := o.GetLabels(), o.GetAnnotations()
	release := annotations[helmRelease]
	labelled := labels[manifest.ManagedByLabel] == managedByHelm
	switch {
	case release == "" && !labelled && !written(o, helmManager):
		return "", ""
	case release == "" && !written(o, helmManager) && byKubectl(o):
		// "helm template" piped to kubectl has the chart's labels, but no release that could be removed.
		return Kubectl, "a chart that helm rendered"
	case release == "":
		release = labels[instanceLabel]
	}
	if release == "" {
		return Helm, ""
	}
	if ns := annotations[helmNamespace]; ns != "" {
		return Helm, releasePrefix + release + inNamespace + ns
	}
	return Helm, releasePrefix + release
}

func ofOperator(o metav1.Object) (Tool, string) {
	for _, owner := range o.GetOwnerReferences() {
		if owner.Kind == operatorKind {
			return Operator, operatorKind + " " + owner.Name
		}
	}
	if o.GetLabels()[createdBy] == operatorCreator {
		return Operator, ""
	}
	return "", ""
}

// ofGuide goes by names alone, since the guide's installer leaves no trace; so anything that says it is
// somebody's is not the guide's.
func ofGuide(o metav1.Object) (Tool, string) {
	if o.GetLabels()[manifest.ManagedByLabel] != "" {
		return "", ""
	}
	injector := o.GetName() == manifest.Name && o.GetNamespace() == manifest.Namespace &&
		o.GetLabels()["app"] == manifest.Name
	if injector || o.GetName() == manifest.WebhookName && o.GetNamespace() == "" {
		return Guide, ""
	}
	return "", ""
}

// byKubectl says whether somebody made or changed an object with kubectl. Its restarts and scalings do
// not count, for they are done to everybody's objects.
func byKubectl(o metav1.Object) bool {
	return o.GetAnnotations()[lastApplied] != "" ||
		written(o, "kubectl", "kubectl-client-side-apply", "kubectl-create", "kubectl-replace")
}

func written(o metav1.Object, managers ...string) bool {
	return slices.ContainsFunc(o.GetManagedFields(), func(e metav1.ManagedFieldsEntry) bool {
		return slices.Contains(managers, e.Manager) && e.Subresource == ""
	})
}

// managersDetail names who wrote the object itself; its status is written by Kubernetes.
func managersDetail(o metav1.Object) string {
	var names []string
	for _, e := range o.GetManagedFields() {
		if e.Manager != "" && e.Subresource == "" && e.Manager != "kube-controller-manager" {
			names = append(names, e.Manager)
		}
	}
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return managersPrefix + strings.Join(slices.Compact(names), ", ")
}
