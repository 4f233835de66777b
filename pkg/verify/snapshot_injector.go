package verify

import (
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// Injector is one injector of the cluster: this tool's, the guide's, the chart's or the operator's.
type Injector struct {
	// Tool made it and will change it; Detail is what of that tool it is.
	Tool   owner.Tool `json:"tool"`
	Detail string     `json:"detail,omitempty"`
	// Namespace is where its Service and Deployment are, or should be.
	Namespace string `json:"namespace"`
	// Webhook is the name of its MutatingWebhookConfiguration; empty if there is none.
	Webhook string `json:"webhook,omitempty"`
	// Reference is the Service that the webhook names.
	Reference Reference `json:"reference"`

	Deployment *appsv1.Deployment             `json:"deployment,omitempty"`
	Service    *corev1.Service                `json:"service,omitempty"`
	Slices     []discoveryv1.EndpointSlice    `json:"slices,omitempty"`
	Pods       []corev1.Pod                   `json:"pods,omitempty"`
	Budgets    []policyv1.PodDisruptionBudget `json:"budgets,omitempty"`
	Policies   []networkingv1.NetworkPolicy   `json:"policies,omitempty"`
	Config     *Config                        `json:"config,omitempty"`
	TLS        *TLS                           `json:"tls,omitempty"`
	Record     *Record                        `json:"record,omitempty"`
	PullSecret *PullSecret                    `json:"pullSecret,omitempty"`
	// Conditions are those of the operator's FalconContainer.
	Conditions []Condition `json:"conditions,omitempty"`
	// Edits are fields of its objects that somebody else has written since.
	Edits []Edit `json:"edits,omitempty"`
	// Served is what each of its pods answers TLS handshakes with, for Deep.
	Served []Served `json:"served,omitempty"`
}

// Reference is where a webhook's requests go.
type Reference struct {
	Namespace string `json:"namespace,omitempty"`
	Name      string `json:"name,omitempty"`
	Port      int32  `json:"port,omitempty"`
	Path      string `json:"path,omitempty"`
	// URL is set where the webhook names no Service.
	URL string `json:"url,omitempty"`
	// Missing says that there is no such Service.
	Missing bool `json:"missing,omitempty"`
}

// Config is the injector's configuration, without what is secret.
type Config struct {
	// Name is the ConfigMap's; Missing says that it is not there.
	Name    string `json:"name"`
	Missing bool   `json:"missing,omitempty"`
	// Changed is when anybody last wrote it.
	Changed time.Time `json:"changed,omitzero"`

	Image      string `json:"image,omitempty"`
	PullPolicy string `json:"pullPolicy,omitempty"`
	PullSecret string `json:"pullSecret,omitempty"`
	Port       string `json:"port,omitempty"`
	// CID is the customer id, of which only the ends are kept; CIDForm says whether it had the right form.
	// Elsewhere says that it may come from a Secret, which is not read.
	CID       string `json:"cid,omitempty"`
	CIDForm   bool   `json:"cidForm,omitempty"`
	Elsewhere bool   `json:"elsewhere,omitempty"`
	// whole is the customer id without its checksum, for comparing it while collecting; it is never kept.
	whole string
	// OptIn says that pods must ask for the sensor.
	OptIn bool   `json:"optIn,omitempty"`
	Trace string `json:"trace,omitempty"`
	// Resources are those of the sidecar, as the injector was told.
	Resources *corev1.ResourceRequirements `json:"resources,omitempty"`
}

// TLS is the injector's certificate, without its key.
type TLS struct {
	// Secret is its name; Absent says that there is none.
	Secret string `json:"secret"`
	Absent bool   `json:"absent,omitempty"`
	// Lacks names the keys that the Secret should have.
	Lacks []string `json:"lacks,omitempty"`
	// Chain and CA are PEM.
	Chain string `json:"chain,omitempty"`
	CA    string `json:"ca,omitempty"`
	// KeyFits says whether the key belongs to the certificate.
	KeyFits bool `json:"keyFits"`
	// Changed is when anybody last wrote the Secret.
	Changed time.Time `json:"changed,omitzero"`
	// Rotator is who renews it, if a mark on the Secret says so, such as cert-manager.
	Rotator string `json:"rotator,omitempty"`
}

// Record is what this tool wrote down when it installed.
type Record struct {
	Version string `json:"version,omitempty"`
	// Objects are kind/name each; Missing those that are not there any more.
	Objects []string `json:"objects,omitempty"`
	Missing []string `json:"missing,omitempty"`
}

// PullSecret is the secret that injected pods name, without its credentials.
type PullSecret struct {
	Name string `json:"name"`
	// Type is the Secret's in the injector's namespace, empty where it is not there.
	Type string `json:"type,omitempty"`
	// Hosts are the registries that it has credentials for.
	Hosts []string `json:"hosts,omitempty"`
	// Unreadable says that its content is no docker config.
	Unreadable bool `json:"unreadable,omitempty"`
	// In are the namespaces that have a Secret of this name.
	In []string `json:"in,omitempty"`
}

// Condition is one of a custom resource.
type Condition struct {
	Object  string `json:"object"`
	Type    string `json:"type"`
	Status  string `json:"status"`
	Reason  string `json:"reason,omitempty"`
	Message string `json:"message,omitempty"`
}

// Edit is what another manager has written into an object of this tool.
type Edit struct {
	Object  string    `json:"object"`
	Manager string    `json:"manager"`
	Time    time.Time `json:"time,omitzero"`
	// Fields are paths such as .spec.replicas.
	Fields []string `json:"fields"`
}

// Served is what one injector pod serves.
type Served struct {
	Pod   string `json:"pod"`
	Chain string `json:"chain,omitempty"`
	Error string `json:"error,omitempty"`
}
