package inject

import (
	"fmt"
	"strings"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// Fault returns the worst of what is wrong with the injector and what to do about it, or nothing.
func (s *State) Fault() (fault, next string) {
	for _, f := range s.faults() {
		return f.What, f.Next
	}
	return "", ""
}

const (
	// installAgain brings back whatever is missing.
	installAgain = "kubectl falcon install --cid CID --image IMAGE"
	showPods     = "kubectl get pods -n " + Namespace
	// soon is how many days before its end a certificate is a warning.
	soon = 30
)

// faults are what is wrong, what keeps pods from starting first.
func (s *State) faults() []Fault {
	faults := []Fault{}
	add := func(is bool, next, format string, args ...any) {
		if is {
			faults = append(faults, Fault{What: fmt.Sprintf(format, args...), Next: next})
		}
	}
	warn := func(is bool, next, format string, args ...any) {
		if add(is, next, format, args...); is {
			faults[len(faults)-1].Warning = true
		}
	}
	refusing := s.Webhook && s.FailurePolicy != "Ignore"
	why := ""
	if s.Trouble != "" {
		why = ": " + s.Trouble
	}
	ended := s.CertificateDays == 0 && s.Webhook
	faults = append(faults, s.Orphans...)
	add(s.Ending, "kubectl falcon uninstall, which removes the webhook first", "namespace %s is being deleted", Namespace)
	add(refusing && !s.Installed, "kubectl falcon uninstall --break-glass", "there is a webhook but no injector, so pods are refused")
	add(refusing && s.Installed && s.Ready == 0, "kubectl falcon uninstall --break-glass, then "+showPods,
		"no injector is ready, so pods are refused%s", why)
	consequence := "so pods are refused"
	if !refusing {
		consequence = "so pods start without the sensor"
	}
	mine := s.Owner == "" || strings.HasPrefix(s.Owner, string(owner.Ours))
	missing := installAgain
	if !mine {
		missing = "mend it with what made it: " + s.Owner
	}
	reach := missing
	if refusing {
		reach = "kubectl falcon uninstall --break-glass, then " + missing
	}
	add(s.Webhook && s.Installed && s.Unreachable != "" && s.Ready > 0, reach, "%s, %s", s.Unreachable, consequence)
	renew := "kubectl falcon certs rotate"
	if s.ForeignCertificate {
		renew = "renew the certificate where it comes from, then install again"
	}
	add(ended, renew, "the certificate ends today or has ended")
	add(s.Webhook && s.CertificateDays >= 0 && !s.Trusted && !ended, "kubectl falcon certs",
		"the webhook does not trust the injector's certificate, %s", consequence)
	add(s.GlassBroken != "", installAgain, "pods start without the sensor while no injector answers: glass broken by %s", s.GlassBroken)
	again := missing
	if s.ForeignCertificate && mine {
		again = "make it again where the certificate comes from, then install again"
	}
	// More than a warning: the pods that run have it, and the next one that is moved cannot come up.
	add(s.NoCertificate != "", again, "secret/%s with the injector's certificate is missing, so no injector can start anew", s.NoCertificate)
	add(s.Installed && !s.Webhook, missing, "there is no webhook, so new pods get no sensor")
	add(s.Installed && mine && s.Image == "", installAgain, "the injector's configuration is missing")
	warn(s.Installed && s.Ready < s.Replicas && (s.Ready > 0 || !refusing), showPods, "%d of %d replicas are ready%s", s.Ready, s.Replicas, why)
	warn(s.Trouble != "" && s.Ready >= s.Replicas, showPods, "the injector's newest form does not come up, the one before serves on%s", why)
	warn(s.CertificateDays > 0 && s.CertificateDays < soon, renew, "the certificate ends in %d days", s.CertificateDays)
	warn(len(s.Others) > 0 && (s.Installed || s.Webhook), "remove one of the two", "there is another injector: %s", list(s.Others, 2))
	warn(s.Webhook && s.Ready > 0 && s.Protected < s.Pods, "kubectl falcon verify -A", "%d of %s in scope carry no ready sensor", s.Pods-s.Protected, count(s.Pods, "running pod"))
	return faults
}
