package installer

import (
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/certs"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Names of the objects, and of what ties them together.
const (
	appName       = "injector"
	configMapName = "injector-config"
	tlsSecretName = "injector-tls"
	webhookName   = appName + "." + namespace + ".svc"
	roleName      = "secret-reader"
	bindingName   = "read-secrets-global"
	portName      = "https"
	listenPort    = 4433
)

// objects renders everything in the order the guide shows, with the pull
// secrets and the right to read them between.
func (o *options) objects(now time.Time) ([]any, error) {
	life := certs.Lifetime{From: now.Add(-time.Hour), Until: now.AddDate(0, 0, o.days)}
	authority, err := certs.NewAuthority(namespace+" ca", life)
	if err != nil {
		return nil, err
	}
	server, err := authority.Server(certs.ServiceNames(appName, namespace), life)
	if err != nil {
		return nil, err
	}
	objects := []any{o.namespace(), o.configMap(), tlsSecret(server)}
	if o.pullToken != nil {
		objects = append(objects, o.pullAccess()...)
	}
	return append(objects, o.deployment(), service(), o.webhook(authority.Cert)), nil
}

func meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: namespace, Labels: map[string]string{"app": appName}}
}

func typed(apiVersion, kind string) metav1.TypeMeta {
	return metav1.TypeMeta{APIVersion: apiVersion, Kind: kind}
}

// namespace opts out of injection: the injector must not wait for itself.
func (o *options) namespace() *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta: typed("v1", "Namespace"),
		ObjectMeta: metav1.ObjectMeta{
			Name:   namespace,
			Labels: map[string]string{standin.InjectionKey: "disabled"},
		},
	}
}

func (o *options) configMap() *corev1.ConfigMap {
	data := map[string]string{
		standin.EnvNamespace:  namespace,
		standin.EnvImage:      o.image,
		standin.EnvPullPolicy: o.pullPolicy,
		standin.EnvListenPort: "4433",
		standin.EnvCID:        o.cid,
	}
	if o.pullSecret != "" {
		data[standin.EnvPullSecret] = o.pullSecret
	}
	if o.resources != "" {
		data[standin.EnvResources] = o.resources
	}
	maps.Copy(data, o.env)
	return &corev1.ConfigMap{TypeMeta: typed("v1", "ConfigMap"), ObjectMeta: meta(configMapName), Data: data}
}

func tlsSecret(server certs.Pair) *corev1.Secret {
	return &corev1.Secret{
		TypeMeta:   typed("v1", "Secret"),
		ObjectMeta: meta(tlsSecretName),
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{corev1.TLSCertKey: server.Cert, corev1.TLSPrivateKeyKey: server.Key},
	}
}

// pullAccess is the pull secret in every namespace asked for and in the
// injector's own, and the right of the injector to read such secrets.
func (o *options) pullAccess() []any {
	var objects []any
	for _, name := range splitList(namespace + "," + o.namespaces) {
		secret := &corev1.Secret{
			TypeMeta:   typed("v1", "Secret"),
			ObjectMeta: meta(o.pullSecret),
			Type:       corev1.SecretTypeDockerConfigJson,
			Data:       map[string][]byte{corev1.DockerConfigJsonKey: o.pullToken},
		}
		secret.Namespace = name
		objects = append(objects, secret)
	}
	role := &rbacv1.ClusterRole{
		TypeMeta:   typed("rbac.authorization.k8s.io/v1", "ClusterRole"),
		ObjectMeta: metav1.ObjectMeta{Name: roleName},
		Rules:      []rbacv1.PolicyRule{{APIGroups: []string{""}, Resources: []string{"secrets"}, Verbs: []string{"get"}}},
	}
	binding := &rbacv1.ClusterRoleBinding{
		TypeMeta:   typed("rbac.authorization.k8s.io/v1", "ClusterRoleBinding"),
		ObjectMeta: metav1.ObjectMeta{Name: bindingName},
		Subjects:   []rbacv1.Subject{{Kind: "ServiceAccount", Name: "default", Namespace: namespace}},
		RoleRef:    rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: roleName},
	}
	return append(objects, role, binding)
}
