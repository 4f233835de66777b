package verify

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
)

// Snapshot is everything that was seen of a cluster at one time, and all that a check may look at. Its JSON
// form is what a bundle holds, so it never contains a secret: no Secret's content, no environment values,
// no token, and of the customer id only its ends.
type Snapshot struct {
	// Client is the version of the program that collected it.
	Client string `json:"client"`
	// Taken is when, by the server's clock; Skew is how far the client's is ahead.
	Taken time.Time     `json:"taken"`
	Skew  time.Duration `json:"skew,omitempty"`
	// Context is the kubeconfig's, Host the API server's address, Server its version.
	Context string `json:"context,omitempty"`
	Host    string `json:"host,omitempty"`
	Server  string `json:"server,omitempty"`
	Scope   Scope  `json:"scope"`
	Asked   Parts  `json:"asked"`
	// AllowUncovered are namespaces that may opt out: nothing is said of them.
	AllowUncovered []string `json:"allowUncovered,omitempty"`
	// Denied is what this user was not permitted to read or try.
	Denied []Denial `json:"denied,omitempty"`
	// Failed is what could not be read for another reason, such as a part of the API that is down: the right
	// that was used, a colon, and the error, as in "list pods: the server was not able to answer".
	Failed []string `json:"failed,omitempty"`
	// Throttled counts the requests that the server asked to send again later; Relisted says that the list
	// of pods had to begin anew because its page had expired.
	Throttled int  `json:"throttled,omitempty"`
	Relisted  bool `json:"relisted,omitempty"`

	Namespaces []Namespace `json:"namespaces"`
	// Webhooks are all mutating webhook configurations: others are called for pods too.
	Webhooks  []admissionv1.MutatingWebhookConfiguration `json:"webhooks"`
	Injectors []Injector                                 `json:"injectors"`
	// NodeSensors are DaemonSets of the vendor's sensor for nodes.
	NodeSensors []NodeSensor `json:"nodeSensors,omitempty"`
	// Pods are those in scope of the question, injected or not.
	Pods []Pod `json:"pods"`
	// Blocked are workloads whose pods are refused now, Quotas and Limits those of namespaces where a pod was.
	Blocked []Blocked `json:"blocked,omitempty"`
	Quotas  []Quota   `json:"quotas,omitempty"`
	Limits  []Limit   `json:"limits,omitempty"`
	// Canaries are the answers to dry-run pods, one for each namespace that was asked.
	Canaries []Canary `json:"canaries,omitempty"`
	// Images are the trials of Deep, Architectures those of the cluster's nodes.
	Images        []ImageTrial `json:"images,omitempty"`
	Architectures []string     `json:"architectures,omitempty"`
	// Sensors are the answers of the sidecars that were asked for their agent id.
	Sensors   []Sensor   `json:"sensors,omitempty"`
	Leftovers *Leftovers `json:"leftovers,omitempty"`
	// Rehearsal is what the server said to the objects of an installation, for --pre.
	Rehearsal []Refusal `json:"rehearsal,omitempty"`
	// AWS is what was seen of the account.
	AWS *AWS `json:"aws,omitempty"`
}

// Parts are what a snapshot may have besides what always is in it.
type Parts struct {
	// Canary sends dry-run pods; without the right to create pods nothing is proved.
	Canary bool `json:"canary"`
	// Deep tries each distinct image and looks at what each injector pod serves.
	Deep bool `json:"deep,omitempty"`
	// AIDs asks the sensor in every pod.
	AIDs bool `json:"aids,omitempty"`
	// Leftovers looks for what an uninstalled injector has left.
	Leftovers bool `json:"leftovers,omitempty"`
	// Pre looks at a cluster before an installation.
	Pre bool `json:"pre,omitempty"`
	// AWS looks at the AWS account that the cluster is in.
	AWS bool `json:"aws,omitempty"`
}

// Scope is what the question is about.
type Scope struct {
	// Namespace is the one asked about; empty for all.
	Namespace string `json:"namespace,omitempty"`
	// Selector is a label selector on pods.
	Selector string   `json:"selector,omitempty"`
	Targets  []Target `json:"targets,omitempty"`
}

// Target is a workload or a pod, as TYPE/NAME.
type Target struct {
	// Kind is Pod, Deployment, ReplicaSet, StatefulSet, DaemonSet, Job or CronJob.
	Kind string `json:"kind"`
	Name string `json:"name"`
}

// Denial is a right that this user lacks.
type Denial struct {
	Verb string `json:"verb"`
	// Resource has its API group behind a dot, if it has one.
	Resource string `json:"resource"`
	// Namespace is empty where the question was about all of them.
	Namespace string `json:"namespace,omitempty"`
}

// Namespace is what counts of a namespace.
type Namespace struct {
	Name        string            `json:"name"`
	Labels      map[string]string `json:"labels,omitempty"`
	Annotations map[string]string `json:"annotations,omitempty"`
	// Marked is when whoever set its injection label last wrote it; zero if it has none.
	Marked time.Time `json:"marked,omitzero"`
	// Terminating says that it is being deleted, Blocking what keeps it, in Kubernetes' own words.
	Terminating bool   `json:"terminating,omitempty"`
	Blocking    string `json:"blocking,omitempty"`
}

// NodeSensor is a DaemonSet of the vendor's sensor for nodes.
type NodeSensor struct {
	Namespace    string            `json:"namespace"`
	Name         string            `json:"name"`
	NodeSelector map[string]string `json:"nodeSelector,omitempty"`
	Scheduled    int32             `json:"scheduled"`
}

// Quota is a ResourceQuota's state: what is left of each resource, as quantities.
type Quota struct {
	Namespace string              `json:"namespace"`
	Name      string              `json:"name"`
	Hard      corev1.ResourceList `json:"hard,omitempty"`
	Used      corev1.ResourceList `json:"used,omitempty"`
}

// Limit is a LimitRange's limits on containers.
type Limit struct {
	Namespace string                  `json:"namespace"`
	Name      string                  `json:"name"`
	Items     []corev1.LimitRangeItem `json:"items"`
}

// Blocked is a workload whose pods the API server refuses now.
type Blocked struct {
	Namespace string `json:"namespace"`
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	// Message is the server's refusal, Since when it first was refused.
	Message string    `json:"message"`
	Since   time.Time `json:"since,omitzero"`
}

// Canary is the answer to one dry-run pod.
type Canary struct {
	Namespace string `json:"namespace"`
	// Sidecar is the sensor's container in the pod as it would be made; empty if there is none.
	Sidecar string `json:"sidecar,omitempty"`
	// Class is what kept the pod from being made, empty if nothing did; Message is the server's answer.
	Class   Class  `json:"class,omitempty"`
	Message string `json:"message,omitempty"`
	// Took is how long the server needed.
	Took time.Duration `json:"took,omitempty"`
	// Warnings are the server's, such as PodSecurity's.
	Warnings []string `json:"warnings,omitempty"`
	// Answers are all of several trials over new connections, for Deep: a word each, injected or a class.
	Answers []string `json:"answers,omitempty"`
}

// ImageTrial is a dry-run pod of an image in use, without a command, so that the injector must look the
// image up at its registry.
type ImageTrial struct {
	Image string `json:"image"`
	// Namespace, ServiceAccount and PullSecrets are those of the pod that uses the image.
	Namespace      string   `json:"namespace"`
	ServiceAccount string   `json:"serviceAccount,omitempty"`
	PullSecrets    []string `json:"pullSecrets,omitempty"`
	// Pods counts those that use the image in this way.
	Pods int `json:"pods"`
	// bare says that a container has no command of its own, so that the injector reads the image's.
	bare bool
	// Class is empty if the pod would be made.
	Class   Class  `json:"class,omitempty"`
	Message string `json:"message,omitempty"`
	// Sensor says that it is the sensor's own image, which needs no trial of its own but its platforms, as
	// os/architecture. Absent says that its registry has no such image; Message then or else why nothing is
	// known of it.
	Sensor    bool     `json:"sensor,omitempty"`
	Platforms []string `json:"platforms,omitempty"`
	Absent    bool     `json:"absent,omitempty"`
}

// Sensor is one sidecar's answer.
type Sensor struct {
	Namespace string `json:"namespace"`
	Pod       string `json:"pod"`
	AID       string `json:"aid,omitempty"`
	Version   string `json:"version,omitempty"`
	// CIDFits says whether the sensor has the configured customer id, yes or no, or empty if it did not say.
	CIDFits string `json:"cidFits,omitempty"`
	// Error is why it could not be asked; Policy says that admission refused the exec.
	Error  string `json:"error,omitempty"`
	Policy bool   `json:"policy,omitempty"`
}

// Leftovers is what is left of injectors in the cluster besides webhooks, labels and pods, which every
// snapshot has.
type Leftovers struct {
	// Roles are clusterrole/NAME and clusterrolebinding/NAME.
	Roles []string `json:"roles,omitempty"`
	// PullSecrets are NAMESPACE/NAME.
	PullSecrets []string `json:"pullSecrets,omitempty"`
	// Stuck are custom resources that wait for a controller which is not there: KIND/NAME.
	Stuck []string `json:"stuck,omitempty"`
}

// Refusal is an object that the server would not take.
type Refusal struct {
	Object string `json:"object"`
	Error  string `json:"error"`
}
