package verify

import "time"

// Pod is what counts of a pod. There may be ten thousand, so it is small, and everything in it that
// repeats (names of namespaces, workloads, images) is shared between them.
type Pod struct {
	Namespace string    `json:"namespace"`
	Name      string    `json:"name"`
	Workload  Workload  `json:"workload"`
	Created   time.Time `json:"created"`
	// Phase is Kubernetes' own; Deleting says that the pod is on its way out.
	Phase    string `json:"phase,omitempty"`
	Deleting bool   `json:"deleting,omitempty"`

	// Mark is the injection annotation, WrongMark the same key as a label, which no injector reads.
	Mark      string `json:"mark,omitempty"`
	WrongMark string `json:"wrongMark,omitempty"`
	// Labels are kept only where a webhook selects pods by them, or, for AWS, Fargate profiles do.
	Labels map[string]string `json:"labels,omitempty"`

	// Sidecar is the sensor's container; nil if there is none. Second names another one.
	Sidecar *Sidecar `json:"sidecar,omitempty"`
	Second  string   `json:"second,omitempty"`
	// Trouble is why the pod does not come up, in the kubelet's or the scheduler's words.
	Trouble string `json:"trouble,omitempty"`

	Traits Traits `json:"traits,omitzero"`
	Node   string `json:"node,omitempty"`
	// FargateProfile is the one that the pod runs by.
	FargateProfile string `json:"fargateProfile,omitempty"`

	// hash is the pod template's and others are the containers that may be a sensor of an unknown name, both
	// only until the whole cluster is seen.
	hash   string
	others []*Sidecar
}

// Traits are what makes a pod unlike others.
type Traits struct {
	// Static pods are made by a kubelet from a file.
	Static      bool `json:"static,omitempty"`
	HostNetwork bool `json:"hostNetwork,omitempty"`
	HostPID     bool `json:"hostPID,omitempty"`
	Privileged  bool `json:"privileged,omitempty"`
	Windows     bool `json:"windows,omitempty"`
	// Fargate pods are for EKS Fargate, or wait in vain for a profile of it.
	Fargate   bool `json:"fargate,omitempty"`
	NoProfile bool `json:"noProfile,omitempty"`
	// HeldOpen pods of a Job have nothing left that runs but the sensor.
	HeldOpen bool `json:"heldOpen,omitempty"`
	// homeless pods are tolerated by no node, or there is none; only until the whole cluster is seen.
	homeless bool
}

// Sidecar is the sensor in a pod.
type Sidecar struct {
	Name  string `json:"name"`
	Image string `json:"image"`
	// ImageID is what the image resolved to, once it was pulled.
	ImageID string `json:"imageID,omitempty"`
	Ready   bool   `json:"ready"`
	// Trouble is why it is not ready, as Kubernetes words it. InitTrouble is that of the sensor's init
	// container, PullTrouble says that either is about pulling the image.
	Trouble     string `json:"trouble,omitempty"`
	InitTrouble string `json:"initTrouble,omitempty"`
	PullTrouble bool   `json:"pullTrouble,omitempty"`
}

// Workload is what makes pods: their uppermost owner that is known, or the pod itself.
type Workload struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// PodVerdict is what is so about a pod, in one stable word.
type PodVerdict string

// The verdicts on pods.
const (
	// Injected pods carry the sensor that is configured, and it is ready.
	Injected PodVerdict = "injected"
	// Starting pods carry the sensor, and it is on its way.
	Starting PodVerdict = "starting"
	// NotReady pods carry the sensor, and it is not ready.
	NotReady PodVerdict = "not-ready"
	// Drifted pods carry another sensor image than is configured.
	Drifted PodVerdict = "drifted"
	// Stale pods are older than the webhook.
	Stale PodVerdict = "stale"
	// Missed pods are younger than the webhook and should carry the sensor, yet do not.
	Missed PodVerdict = "missed"
	// OptedOut pods do not carry the sensor because they, or nobody for them, asked for it.
	OptedOut PodVerdict = "opted-out"
	// OutOfScope pods are in a namespace that the webhook is not called for.
	OutOfScope PodVerdict = "out-of-scope"
	// Impossible pods can carry no sidecar: static ones, those on the host's network, those for Windows.
	Impossible PodVerdict = "impossible"
	// NoProfile pods wait for a Fargate profile that selects them.
	NoProfile PodVerdict = "no-profile"
	// Unprotected pods carry no sensor because there is no injector at all.
	Unprotected PodVerdict = "unprotected"
	// Ended pods have ended, or are being deleted: nothing about them is to be mended.
	Ended PodVerdict = "ended"
)

// PodVerdicts are all verdicts, the worst first.
var PodVerdicts = []PodVerdict{Missed, NotReady, NoProfile, Unprotected, Stale, Drifted, Starting, Impossible,
	OptedOut, OutOfScope, Injected, Ended}

// Fault says whether a verdict is something to mend.
func (v PodVerdict) Fault() bool {
	switch v {
	case Missed, NotReady, NoProfile, Unprotected, Stale, Drifted:
		return true
	}
	return false
}
