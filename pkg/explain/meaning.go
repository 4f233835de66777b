package explain

import (
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// noNamespace is a class of refusal that a canary never has: verify asks only in namespaces that are there.
const noNamespace verify.Class = "namespace-missing"

// meanings are what each class of refusal means and what to do about it. NAMESPACE is the pod's.
var meanings = map[verify.Class][2]string{
	verify.UnknownCA:    {"the webhook does not trust the injector's certificate", "kubectl falcon certs rotate"},
	verify.Expired:      {"the injector's certificate is not valid now", "kubectl falcon certs rotate"},
	verify.WrongName:    {"the injector's certificate is for another name", "kubectl falcon certs shows the names"},
	verify.Refused:      {"nothing listens where the webhook points", "kubectl falcon status; is the injector running, and is the service's port right?"},
	verify.TimedOut:     {"the injector did not answer in time", "look for a NetworkPolicy or security group between the API server and the injector"},
	verify.NoService:    {"the webhook's service is not there", "kubectl falcon uninstall --break-glass lets pods start; then install again"},
	verify.NoEndpoints:  {"no injector pod is ready behind the webhook's service", "kubectl falcon status"},
	verify.HostAddress:  {"the injector's address is one that the API server does not call", "do not run the injector on the host's network"},
	verify.ServerError:  {"the injector had an error of its own", "kubectl logs of the injector's pods"},
	verify.NotInjector:  {"something that is not the injector answers in its place", "look at the service that the webhook names, and at proxies before it"},
	verify.BadPatch:     {"what the injector wants to change does not fit this pod", "keep the pod out with the annotation, and report it to the vendor"},
	verify.Denies:       {"the injector itself refuses the pod", "the message says why; for an image that it cannot read, give the pod a command or the injector the right to pull"},
	verify.PodSecurity:  {"the namespace's PodSecurity level does not admit the pod as it would be", "see which container is named: if the sensor, kubectl label namespace NAMESPACE pod-security.kubernetes.io/enforce=privileged --overwrite"},
	verify.QuotaFull:    {"the namespace's quota does not admit the pod as it would be", "raise the quota by what the sensor asks for, or give the sensor requests and limits"},
	verify.LimitBroken:  {"the namespace's LimitRange does not admit the pod as it would be", "kubectl describe limitrange -n NAMESPACE"},
	verify.NotPermitted: {"you may not create pods here", "kubectl falcon rbac explain"},
	verify.Ending:       {"the namespace is being deleted", "wait until it is gone"},
	verify.OtherWebhook: {"a webhook that is not the injector's refuses the pod", "ask whoever runs that webhook; the message names it"},
	noNamespace:         {"there is no such namespace", "kubectl create namespace NAMESPACE"},
	verify.Unclassified: {"the API server refuses the pod", "the message is the server's own; the sensor may have nothing to do with it"},
}

// meaning says in a sentence what a refusal means, and what to do.
func meaning(c verify.Class, namespace string) (why, next string) {
	m, known := meanings[c]
	if !known {
		m = meanings[verify.Unclassified]
	}
	return m[0], strings.ReplaceAll(m[1], "NAMESPACE", namespace)
}
