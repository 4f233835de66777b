package manifest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// caKey is the key of the authority's certificate in the TLS Secret.
const caKey = "ca.crt"

// PullSecret is the pull secret of one namespace, made from o.PullSecretConfig: kubelets look for it only
// in the namespace of the pod, so each namespace in scope needs its own.
func PullSecret(o Options, namespace string) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: metav1.ObjectMeta{Name: o.PullSecret, Namespace: namespace, Labels: labels()},
		Type:       corev1.SecretTypeDockerConfigJson,
		Data:       map[string][]byte{corev1.DockerConfigJsonKey: bytes.Clone(o.PullSecretConfig)},
	}
}

// tlsSecret keeps its one name, so that pods of any age find the certificate that is valid now.
func tlsSecret(tls TLS) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: meta(SecretName),
		Type:       corev1.SecretTypeOpaque,
		Data: map[string][]byte{
			corev1.TLSCertKey:       bytes.Clone(tls.Cert),
			corev1.TLSPrivateKeyKey: bytes.Clone(tls.Key),
			caKey:                   bytes.Clone(tls.CA),
		},
	}
}

// CertHash names the certificate that the injector serves: 16 hexadecimal digits, or nothing without one.
func CertHash(tls TLS) string {
	if len(tls.Cert) == 0 {
		return ""
	}
	sum := sha256.Sum256(tls.Cert)
	return hex.EncodeToString(sum[:])[:16]
}
