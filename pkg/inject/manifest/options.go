package manifest

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
)

// Scope says which namespaces or pods get the sensor when they do not say themselves.
type Scope string

// The scopes.
const (
	// All but those that opt out.
	All Scope = "all"
	// OptIn is only those that opt in.
	OptIn Scope = "opt-in"
)

// Options are what an installation can be told. Its zero value is not one: begin with Defaults.
type Options struct {
	// CID is the customer id with its checksum: 32 hexadecimal digits, a dash, 2 more.
	CID string
	// Image is the sensor image by tag or digest, for the injector and for the sidecars.
	Image      string
	PullPolicy corev1.PullPolicy
	// PullSecret is the name of the pull secret in the injector's namespace and in each one in scope; empty
	// for none. PullSecretConfig is the docker config to make it from; without one it must exist.
	PullSecret       string
	PullSecretConfig []byte
	// RegistryCA is the certificate authority of the images' registry, PEM; empty for public ones.
	RegistryCA []byte
	// ReadPullSecrets lets the injector read the pull secrets of pods, which it needs to look up images
	// whose pod does not name a command.
	ReadPullSecrets bool

	// The settings of the sensor; empty ones are left to it.
	ProvisioningToken string
	Tags              []string
	Trace             string
	Billing           string
	ProxyHost         string
	ProxyPort         int32
	// ProxyDisable is true, false, or empty to leave it to the sensor.
	ProxyDisable string
	// Falconctl are further options of falconctl: FEATURE, CLOUD ...
	Falconctl map[string]string
	// SensorResources are those of each sidecar.
	SensorResources corev1.ResourceRequirements
	// MountPath is where pods find the sensor's files: /tmp or /falcon.
	MountPath string

	// NamespaceInjection and PodInjection say what is injected that does not say itself.
	NamespaceInjection Scope
	PodInjection       Scope
	// ExcludeNamespaces are left out by name, besides those that always are.
	ExcludeNamespaces []string
	// FailurePolicy is what becomes of pods while no injector answers within TimeoutSeconds.
	FailurePolicy  admissionv1.FailurePolicyType
	TimeoutSeconds int32

	// The injector's own pods.
	Replicas                  int32
	Port                      int32
	InjectorResources         corev1.ResourceRequirements
	ServiceAccountAnnotations map[string]string
	NodeSelector              map[string]string
	Tolerations               []corev1.Toleration
	PriorityClass             string
	// Fargate renders nothing that AWS EKS Fargate refuses.
	Fargate bool

	// CertValidity is how long certificates made here last.
	CertValidity time.Duration
	// TLSSecret is a Secret in the injector's namespace with tls.crt, tls.key and ca.crt to use instead of
	// certificates made here.
	TLSSecret string
	// CertManager is NAMESPACE/NAME of a cert-manager Certificate whose CA its cainjector puts into the
	// webhook; TLSSecret is the Secret that it writes.
	CertManager string

	// Inputs is what the user set, by the name of the flag and without secrets: for the record, and for what
	// is left to other tools unless it was set.
	Inputs map[string]string
}

// AlwaysOut are the namespaces that are never in scope: without them a cluster cannot heal itself.
var AlwaysOut = []string{Namespace, "kube-system", "kube-public", "kube-node-lease"}

// Defaults are the options of an installation that was told nothing but its image and customer id.
func Defaults() Options {
	return Options{
		PullPolicy:      corev1.PullIfNotPresent,
		ReadPullSecrets: true,
		MountPath:       "/tmp",

		NamespaceInjection: All,
		PodInjection:       All,
		FailurePolicy:      admissionv1.Fail,
		// Half the API server's longest, so that a slow injector is not an outage of half a minute a pod.
		TimeoutSeconds: 15,

		// Two survive the loss of a node; the guide's installer makes one.
		Replicas: 2,
		Port:     4433,
		// The vendor's default of 3650 days.
		CertValidity: 3650 * 24 * time.Hour,
	}
}
