package manifest

import (
	"maps"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// TLS is what the injector serves with, in PEM.
type TLS struct{ Cert, Key, CA []byte }

// Given is what the cluster decides, not the user.
type Given struct {
	// TLS is what to serve with. It is zero when another Secret holds that: then none is rendered.
	TLS TLS
	// Bundle is what the webhook trusts, PEM; nil leaves the field to whoever fills it.
	Bundle []byte
	// CertHash is the value of the annotation CertificateHash on the pods; empty leaves it out.
	CertHash string
	// PortName is the name of the container's port, to which the Service leads; empty is "https".
	PortName string
	// NamespaceUID makes the namespace the owner of the webhook: when somebody deletes the namespace by
	// hand, the webhook goes too instead of refusing every pod. Empty leaves the webhook without owner.
	NamespaceUID types.UID
	// KeepReplicas leaves the number of injectors to the tool that has set it.
	KeepReplicas bool
	// ForeignNamespace says that somebody else made the namespace: it gets the label that leaves it out of
	// the injection, and is not marked as ours.
	ForeignNamespace bool
	// Version is this program's, for the record.
	Version string
}

// Plan is everything that an installation consists of.
type Plan struct {
	// Objects are in the order of their application: each comes after what it needs.
	Objects []kube.Object
	// Webhook is apart because its turn comes when the rest works.
	Webhook *admissionv1.MutatingWebhookConfiguration
	// Record says what was installed and is written last.
	Record *corev1.ConfigMap
}

// All are the objects of the plan in the order of their application.
func (p Plan) All() []kube.Object {
	all := make([]kube.Object, 0, len(p.Objects)+2)
	return append(append(all, p.Objects...), p.Webhook, p.Record)
}

// Render makes the plan. It is pure: equal input gives equal objects, and none shares memory with it.
func Render(o Options, given Given) Plan {
	if given.PortName == "" {
		given.PortName = portName
	}
	objects := []kube.Object{namespace(given.ForeignNamespace), serviceAccount(o)}
	if o.ReadPullSecrets {
		objects = append(objects, clusterRole(), clusterRoleBinding())
	}
	if o.PullSecret != "" && len(o.PullSecretConfig) > 0 {
		objects = append(objects, PullSecret(o, Namespace))
	}
	if o.TLSSecret == "" && len(given.TLS.Cert) > 0 {
		objects = append(objects, tlsSecret(given.TLS))
	}
	config, secret := configuration(o)
	if secret != nil {
		objects = append(objects, secret)
	}
	if len(o.RegistryCA) > 0 {
		objects = append(objects, registryCA(o))
	}
	objects = append(objects, config,
		deployment(o, given, config.Name, secret != nil), service(given.PortName), disruptionBudget())
	plan := Plan{Objects: objects, Webhook: webhook(o, given)}
	plan.Record = record(o, given, plan)
	return plan
}

// labels are on everything that this tool makes. The map is fresh, so that no two objects share it.
func labels() map[string]string {
	return map[string]string{
		"app":                         Name,
		"app.kubernetes.io/name":      "falcon-injector",
		"app.kubernetes.io/component": "admission-webhook",
		ManagedByLabel:                kube.FieldManager,
	}
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: Namespace, Labels: labels()}
}

func namespace(foreign bool) *corev1.Namespace {
	l := labels()
	if foreign {
		// Whoever made it keeps it: it is not marked as ours, and uninstall leaves it.
		l = map[string]string{}
	}
	// Belt and braces: the webhook leaves this namespace out by its name too.
	l[InjectionKey] = Disabled
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: l},
	}
}

// CanaryNamespaceObject is the namespace in which the webhook is proved before it covers anything else.
func CanaryNamespaceObject() *corev1.Namespace {
	l := labels()
	// Pods with the sidecar need it off Fargate, says the vendor's chart.
	l["pod-security.kubernetes.io/enforce"] = "privileged"
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: CanaryNamespace, Labels: l},
	}
}

func serviceAccount(o Options) *corev1.ServiceAccount {
	account := &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: meta(Name),
	}
	account.Annotations = maps.Clone(o.ServiceAccountAnnotations)
	return account
}

// clusterRole lets the injector read the pull secrets of any pod. Which those are, only the pods say, so
// it cannot be narrower.
func clusterRole() *rbacv1.ClusterRole {
	return &rbacv1.ClusterRole{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRole"},
		ObjectMeta: metav1.ObjectMeta{Name: RoleName, Labels: labels()},
		Rules: []rbacv1.PolicyRule{{
			APIGroups: []string{corev1.GroupName}, Resources: []string{"secrets"}, Verbs: []string{"get"},
		}},
	}
}

func clusterRoleBinding() *rbacv1.ClusterRoleBinding {
	return &rbacv1.ClusterRoleBinding{
		TypeMeta:   metav1.TypeMeta{APIVersion: rbacv1.SchemeGroupVersion.String(), Kind: "ClusterRoleBinding"},
		ObjectMeta: metav1.ObjectMeta{Name: RoleName, Labels: labels()},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: RoleName},
		Subjects:   []rbacv1.Subject{{Kind: rbacv1.ServiceAccountKind, Name: Name, Namespace: Namespace}},
	}
}
