// Package manifest is the injector as Kubernetes objects: what an installation can be told, and what it
// then consists of.
//
// It is pure: equal options give equal objects, and it talks to nobody. It must know no cobra, no terminal
// and no environment variables.
package manifest

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Names of what the injector is made of. They are those of the vendor's guide (facts of its installer),
// so that whoever followed it finds things where they were.
const (
	Namespace   = "falcon-system"
	Name        = "injector"
	SecretName  = "injector-tls"
	WebhookName = Name + "." + Namespace + ".svc"
	// ConfigMapName is the guide's name of the configuration. Here it is followed by a dash and a hash of
	// the content, because each configuration is an object of its own: pods from before an upgrade keep
	// theirs, whatever becomes of the upgrade. The Secret with the secret settings has the same name.
	ConfigMapName = "injector-config"
	// RoleName is the cluster role and its binding.
	RoleName = "falcon-injector"
	// RegistryCAName is the ConfigMap with the registry's certificate authority.
	RegistryCAName = "injector-registry-ca"
	// RecordName is the ConfigMap that says what was installed, written last.
	RecordName = "injector-record"
	// DefaultPullSecret is the vendor's name of the pull secret.
	DefaultPullSecret = "crowdstrike-falcon-pull-secret"

	// CanaryNamespace is where the webhook is proved before it covers anything else.
	CanaryNamespace = "falcon-canary"
	// CanaryLabel marks pods that are only ever made in dry run.
	CanaryLabel = "kubectl-falcon.github.io/canary"

	// InjectionKey is the label (on namespaces) and annotation (on pods) that opts in or out.
	InjectionKey = "sensor.falcon-system.crowdstrike.com/injection"
	// Disabled is the value that opts out, Enabled the one that opts in.
	Disabled = "disabled"
	Enabled  = "enabled"

	// ManagedByLabel marks what this tool made.
	ManagedByLabel = "app.kubernetes.io/managed-by"
	// CertificateHash on the pods names the certificate they were made for: a new one rolls them.
	CertificateHash = "kubectl-falcon.github.io/certificate"
)

// Ours says whether this tool made an object.
func Ours(o metav1.Object) bool { return o.GetLabels()[ManagedByLabel] == kube.FieldManager }
