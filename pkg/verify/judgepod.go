package verify

import (
	"strings"
	"time"

	"github.com/distribution/reference"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/match"
)

// InjectionKey is the label (on namespaces) and annotation (on pods) that opts in or out.
const InjectionKey = manifest.InjectionKey

// starting is how long a sidecar may take to become ready before that is a fault; on Fargate a pod takes
// one to two minutes to start.
const starting = 2 * time.Minute

// Judged is the verdict on one pod.
type Judged struct {
	Verdict PodVerdict
	// Why says what decided, in a sentence without a full stop; empty where nothing needs to be said.
	Why string
	// Cause is a further part of why that differs from pod to pod, such as the kubelet's words.
	Cause string
}

func (v *View) judgePod(p *Pod) Judged {
	switch {
	case p.Phase == "Succeeded" || p.Phase == "Failed":
		return Judged{Verdict: Ended}
	case p.Deleting:
		return Judged{Verdict: Ended, Why: "it is being deleted"}
	case p.Sidecar != nil:
		return v.judgeCarrier(p)
	}
	return v.judgePlain(p)
}

// judgeCarrier judges a pod that has the sensor.
func (v *View) judgeCarrier(p *Pod) Judged {
	s := p.Sidecar
	switch {
	case s.InitTrouble != "":
		return Judged{NotReady, "the sensor's init container does not come through", s.InitTrouble}
	case !s.Ready && s.Trouble != "":
		return Judged{NotReady, "the sensor does not come up", s.Trouble}
	case !s.Ready && p.Traits.NoProfile:
		// The webhook injects a pod whether or not any profile selects it.
		return Judged{NoProfile, "no Fargate profile selects it", p.Trouble}
	case !s.Ready && p.Trouble != "":
		return Judged{NotReady, "the pod does not come up", p.Trouble}
	case !s.Ready && v.Taken.Sub(p.Created) < starting:
		return Judged{Starting, "it is starting", ""}
	case !s.Ready:
		return Judged{NotReady, "the sensor is not ready", ""}
	}
	if want := v.wantedImage(p); want != "" && !sameImage(s.Image, want) {
		return Judged{Drifted, "its sensor image is not the configured " + shortImage(want), "it has " + shortImage(s.Image)}
	}
	return Judged{Verdict: Injected}
}

// judgePlain judges a pod without the sensor.
func (v *View) judgePlain(p *Pod) Judged {
	scope := v.ScopeOf(p.Namespace)
	switch {
	case p.Traits.Static:
		return Judged{Impossible, "a static pod: the kubelet runs it from a file, whatever a webhook says", ""}
	case p.Traits.Windows:
		return Judged{Impossible, "a pod for Windows, for which there is no container sensor", ""}
	case len(v.Hooks) == 0:
		return Judged{Unprotected, "there is no webhook in the cluster", ""}
	case !scope.Covered && scope.Marked:
		return Judged{OptedOut, scope.Why, ""}
	case !scope.Covered:
		return Judged{OutOfScope, scope.Why, ""}
	}
	if d := match.Injector(p.annotations(), v.optIn(scope.By)); d.Answer == match.No {
		return Judged{OptedOut, d.Why(), ""}
	}
	if d := match.Webhook(scope.By.MutatingWebhook, v.Spaces[p.Namespace].Labels, p.Labels); d.Answer == match.No {
		return Judged{OptedOut, d.Why(), ""}
	}
	switch {
	case p.Traits.HostNetwork:
		return Judged{Impossible, "it is on the node's network, which a sensor in a sidecar does not cover", ""}
	case p.Traits.NoProfile:
		return Judged{NoProfile, "no Fargate profile selects it", p.Trouble}
	case p.Created.Before(scope.By.Configuration.CreationTimestamp.Time):
		return Judged{Stale, "older than the webhook", ""}
	case p.Created.Before(v.Spaces[p.Namespace].Marked):
		return Judged{Stale, "older than the namespace's injection label", ""}
	}
	return Judged{Missed, "younger than the webhook, yet was not injected", ""}
}

// optIn says whether pods must ask for the sensor at the injector behind a webhook.
func (v *View) optIn(h *Hook) bool {
	return h != nil && h.Injector != nil && h.Injector.Config != nil && h.Injector.Config.OptIn
}

// wantedImage is the sensor image that is configured where the pod is, or nothing if it is not known.
func (v *View) wantedImage(p *Pod) string {
	i := v.Main
	if by := v.ScopeOf(p.Namespace).By; by != nil {
		i = by.Injector
	}
	if i == nil || i.Config == nil {
		return ""
	}
	return i.Config.Image
}

// sameImage compares two references by what they mean: docker.io is where an image without a host is from.
func sameImage(a, b string) bool { return a == b || normalized(a) == normalized(b) }

func normalized(image string) string {
	ref, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return image
	}
	return reference.TagNameOnly(ref).String()
}

// shortImage leaves out the path of a reference and shortens a digest.
func shortImage(image string) string {
	name := image[strings.LastIndexByte(image, '/')+1:]
	if repository, digest, found := strings.Cut(name, "@sha256:"); found {
		return repository + "@sha256:" + digest[:min(12, len(digest))]
	}
	return name
}

// annotations are those that an injector reads.
func (p *Pod) annotations() map[string]string {
	if p.Mark == "" {
		return nil
	}
	return map[string]string{InjectionKey: p.Mark}
}
