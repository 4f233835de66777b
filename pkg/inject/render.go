package inject

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

const (
	// listenPort is where the injector listens; the ConfigMap tells it, the Deployment names it.
	listenPort     = 4433
	listenPortText = "4433"
	portName       = "https"
	// runAs is the user of the vendor's image for the injector.
	runAs = 1234
	// configHash on the pods makes a changed configuration roll them: they read it only at start.
	configHash = "kubectl-falcon.github.io/config-hash"
	// replicas lets the injector survive the loss of a node; the guide's installer makes one.
	replicas = 2
)

// Plan is everything an installation consists of. Webhook is apart because its turn comes when the rest
// works.
type Plan struct {
	Objects []kube.Object
	Webhook kube.Object
}

// Render makes the plan. It is pure: equal input gives equal objects.
func Render(o Options, certs Certificates) Plan {
	config := configMap(o)
	return Plan{
		Objects: []kube.Object{namespace(), serviceAccount(), config, secret(certs),
			deployment(o, hash(config.Data, certs)), service()},
		Webhook: webhook(certs.CA),
	}
}

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

func namespace() *corev1.Namespace {
	l := labels()
	// Belt and braces: the webhook leaves this namespace out by its name too.
	l[InjectionKey] = Disabled
	return &corev1.Namespace{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Labels: l},
	}
}

func serviceAccount() *corev1.ServiceAccount {
	return &corev1.ServiceAccount{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ServiceAccount"},
		ObjectMeta: meta(Name),
	}
}

// configMap is the injector's whole configuration; the keys are the vendor's.
func configMap(o Options) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(ConfigMapName),
		Data: map[string]string{
			"CP_NAMESPACE":                Namespace,
			"FALCON_IMAGE":                o.Image,
			"FALCON_IMAGE_PULL_POLICY":    string(corev1.PullIfNotPresent),
			"FALCON_INJECTOR_LISTEN_PORT": listenPortText,
			"FALCONCTL_OPT_CID":           o.CID,
		},
	}
}

func secret(certs Certificates) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: meta(SecretName),
		Type:       corev1.SecretTypeOpaque,
		Data: map[string][]byte{
			corev1.TLSCertKey: certs.Cert, corev1.TLSPrivateKeyKey: certs.Key, "ca.crt": certs.CA,
		},
	}
}

func service() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta(Name),
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": Name},
			Ports: []corev1.ServicePort{{
				Name: portName, Port: 443, TargetPort: intstr.FromString(portName), Protocol: corev1.ProtocolTCP,
			}},
		},
	}
}

// hash names the configuration that a pod started with.
func hash(config map[string]string, certs Certificates) string {
	// A map of strings always marshals, with its keys in order.
	content, _ := json.Marshal(config)
	h := sha256.New()
	h.Write(content)
	h.Write(certs.Cert)
	return hex.EncodeToString(h.Sum(nil))[:16]
}
