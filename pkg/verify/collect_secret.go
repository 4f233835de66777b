package verify

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
)

// certificate reads the Secret that the injector mounts and keeps all but its key.
func (k *collector) certificate(ctx context.Context, i *Injector) error {
	name := mountedSecret(&i.Deployment.Spec.Template.Spec)
	if name == "" {
		return nil
	}
	s, err := k.c.Client.CoreV1().Secrets(i.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		if apierrors.IsNotFound(err) {
			i.TLS = &TLS{Secret: name, Absent: true}
		}
		return k.may(err, "get", "secrets", i.Namespace)
	}
	t := &TLS{Secret: name, Changed: changed(s), Rotator: rotator(s)}
	for _, key := range []string{corev1.TLSCertKey, corev1.TLSPrivateKeyKey} {
		if len(s.Data[key]) == 0 {
			t.Lacks = append(t.Lacks, key)
		}
	}
	t.Chain = string(certs.Join(s.Data[corev1.TLSCertKey]))
	t.CA = string(certs.Join(s.Data["ca.crt"]))
	_, err = tls.X509KeyPair(s.Data[corev1.TLSCertKey], s.Data[corev1.TLSPrivateKeyKey])
	t.KeyFits = err == nil
	i.TLS = t
	return nil
}

// mountedSecret is the Secret that the injector serves with: the one mounted where the vendor's injectors
// look for it, else the first that is mounted.
func mountedSecret(spec *corev1.PodSpec) (name string) {
	secrets := map[string]string{}
	for _, v := range spec.Volumes {
		if v.Secret != nil {
			secrets[v.Name] = v.Secret.SecretName
			name = cmp.Or(name, v.Secret.SecretName)
		}
	}
	for _, c := range spec.Containers {
		for _, m := range c.VolumeMounts {
			if strings.TrimSuffix(m.MountPath, "/") == "/run/secrets/tls" && secrets[m.Name] != "" {
				return secrets[m.Name]
			}
		}
	}
	return name
}

func rotator(s *corev1.Secret) string {
	if s.Annotations["cert-manager.io/certificate-name"] != "" {
		return "cert-manager"
	}
	return ""
}

// pullSecret looks for the Secret that injected pods name: of its content only the names of registries.
func (k *collector) pullSecret(ctx context.Context, i *Injector) error {
	if i.Config == nil || i.Config.PullSecret == "" {
		return nil
	}
	p := &PullSecret{Name: i.Config.PullSecret}
	kind := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	list, err := k.c.Metadata.Resource(kind).List(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + p.Name})
	if err != nil {
		return k.may(err, "list", "secrets", "")
	}
	for n := range list.Items {
		p.In = append(p.In, list.Items[n].Namespace)
	}
	slices.Sort(p.In)
	i.PullSecret = p
	s, err := k.c.Client.CoreV1().Secrets(i.Namespace).Get(ctx, p.Name, metav1.GetOptions{})
	if err != nil {
		return k.may(err, "get", "secrets", i.Namespace)
	}
	p.Type = string(s.Type)
	p.Hosts, p.Unreadable = registries(s)
	return nil
}

// registries are the hosts that a pull secret has credentials for.
func registries(s *corev1.Secret) (hosts []string, unreadable bool) {
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	content := s.Data[corev1.DockerConfigJsonKey]
	if s.Type == corev1.SecretTypeDockercfg {
		// The old form is the inner map alone.
		content = bytes.Join([][]byte{[]byte(`{"auths":`), s.Data[corev1.DockerConfigKey], []byte("}")}, nil)
	}
	if err := json.Unmarshal(content, &config); err != nil {
		return nil, true
	}
	return slices.Sorted(maps.Keys(config.Auths)), false
}

// operator reads what the vendor's operator says of its own work.
func (k *collector) operator(ctx context.Context, i *Injector) error {
	kind := schema.GroupVersionResource{Group: "falcon.crowdstrike.com", Version: "v1alpha1", Resource: "falconcontainers"}
	list, err := k.c.Dynamic.Resource(kind).List(ctx, metav1.ListOptions{})
	if err != nil {
		return k.may(err, "list", "falconcontainers.falcon.crowdstrike.com", "")
	}
	for _, item := range list.Items {
		status, _ := item.Object["status"].(map[string]any)
		conditions, _ := status["conditions"].([]any)
		for _, one := range conditions {
			c, _ := one.(map[string]any)
			text := func(key string) string { s, _ := c[key].(string); return s }
			i.Conditions = append(i.Conditions, Condition{Object: "falconcontainer/" + item.GetName(),
				Type: text("type"), Status: text("status"), Reason: text("reason"), Message: text("message")})
		}
	}
	return nil
}
