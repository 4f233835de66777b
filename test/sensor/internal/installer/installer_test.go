package installer

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const (
	cid   = "0123456789ABCDEF0123456789ABCDEF-1F"
	image = "registry.example/falcon:1"
)

// printed is the installer's output, parsed.
type printed struct {
	order    []string
	config   corev1.ConfigMap
	secrets  []corev1.Secret
	deploy   appsv1.Deployment
	service  corev1.Service
	webhook  admissionregistrationv1.MutatingWebhookConfiguration
	space    corev1.Namespace
	role     rbacv1.ClusterRole
	binding  rbacv1.ClusterRoleBinding
	verbatim string
}

func install(t *testing.T, args ...string) *printed {
	t.Helper()
	var out, errOut bytes.Buffer
	args = append([]string{"-cid", cid, "-image", image}, args...)
	if code := Run(t.Context(), standin.Process{Args: args, Out: &out, Err: &errOut}); code != 0 || errOut.Len() > 0 {
		t.Fatalf("exit code %d, stderr %s", code, &errOut)
	}
	p := &printed{verbatim: out.String()}
	for _, document := range strings.Split(p.verbatim, "---\n") {
		var kind struct {
			metav1.TypeMeta   `json:",inline"`
			metav1.ObjectMeta `json:"metadata"`
		}
		if err := yaml.Unmarshal([]byte(document), &kind); err != nil {
			t.Fatal(err)
		}
		p.order = append(p.order, kind.Kind+"/"+kind.Name)
		if err := yaml.UnmarshalStrict([]byte(document), p.target(kind.Kind)); err != nil {
			t.Fatalf("%s: %v", kind.Kind, err)
		}
	}
	return p
}

func (p *printed) target(kind string) any {
	switch kind {
	case "Namespace":
		return &p.space
	case "ConfigMap":
		return &p.config
	case "Secret":
		p.secrets = append(p.secrets, corev1.Secret{})
		return &p.secrets[len(p.secrets)-1]
	case "Deployment":
		return &p.deploy
	case "Service":
		return &p.service
	case "ClusterRole":
		return &p.role
	case "ClusterRoleBinding":
		return &p.binding
	default:
		return &p.webhook
	}
}

func TestSixObjects(t *testing.T) {
	p := install(t)
	want := []string{
		"Namespace/falcon-system", "ConfigMap/injector-config", "Secret/injector-tls", "Deployment/injector",
		"Service/injector", "MutatingWebhookConfiguration/injector.falcon-system.svc",
	}
	if !reflect.DeepEqual(p.order, want) {
		t.Errorf("prints %v, want %v", p.order, want)
	}
	if !strings.HasPrefix(p.verbatim, "# "+standin.Notice+"\n") || strings.Contains(p.verbatim, "status:") {
		t.Error("wants the notice first, and no status")
	}
	if p.space.Labels[standin.InjectionKey] != "disabled" {
		t.Errorf("namespace labels %v", p.space.Labels)
	}
	data := map[string]string{
		"CP_NAMESPACE": "falcon-system", "FALCON_IMAGE": image, "FALCON_IMAGE_PULL_POLICY": "IfNotPresent",
		"FALCON_INJECTOR_LISTEN_PORT": "4433", "FALCONCTL_OPT_CID": cid,
	}
	if !reflect.DeepEqual(p.config.Data, data) {
		t.Errorf("ConfigMap %v, want %v", p.config.Data, data)
	}
}

func TestDeploymentAndService(t *testing.T) {
	p := install(t)
	pod, app := p.deploy.Spec.Template, map[string]string{"app": "injector"}
	c := pod.Spec.Containers[0]
	if *p.deploy.Spec.Replicas != 1 || !reflect.DeepEqual(pod.Labels, app) ||
		!reflect.DeepEqual(p.deploy.Spec.Selector.MatchLabels, app) ||
		!*pod.Spec.SecurityContext.RunAsNonRoot || *pod.Spec.SecurityContext.RunAsUser != 1234 || pod.Spec.ImagePullSecrets != nil {
		t.Errorf("Deployment %+v", p.deploy.Spec)
	}
	if c.Name != "injector" || c.Image != image || !reflect.DeepEqual(c.Command, []string{"injector"}) ||
		c.EnvFrom[0].ConfigMapRef.Name != "injector-config" || c.Ports[0].Name != "https" || c.Ports[0].ContainerPort != 4433 ||
		c.VolumeMounts[0].MountPath != "/run/secrets/tls" || !c.VolumeMounts[0].ReadOnly ||
		pod.Spec.Volumes[0].Name != "tls-certs" || pod.Spec.Volumes[0].Secret.SecretName != "injector-tls" {
		t.Errorf("container %+v", c)
	}
	for _, probe := range []*corev1.Probe{c.ReadinessProbe, c.LivenessProbe} {
		get := probe.HTTPGet
		if get.Path != "/live" || get.Scheme != "HTTPS" || get.Port.String() != "https" ||
			probe.InitialDelaySeconds != 5 || probe.PeriodSeconds != 10 {
			t.Errorf("probe %+v", probe)
		}
	}
	port := p.service.Spec.Ports[0]
	if !reflect.DeepEqual(p.service.Spec.Selector, app) || port.Port != 443 || port.TargetPort.String() != "https" {
		t.Errorf("Service %+v", p.service.Spec)
	}
}

func TestWebhook(t *testing.T) {
	tests := []struct {
		args     []string
		operator metav1.LabelSelectorOperator
		value    string
	}{
		{nil, metav1.LabelSelectorOpNotIn, "disabled"},
		{[]string{"-disable-default-ns-injection"}, metav1.LabelSelectorOpIn, "enabled"},
	}
	for _, tt := range tests {
		p := install(t, tt.args...)
		w := p.webhook.Webhooks[0]
		rule, service := w.Rules[0], w.ClientConfig.Service
		if len(p.webhook.Webhooks) != 1 || w.Name != "injector.falcon-system.svc" || *w.FailurePolicy != "Fail" || *w.SideEffects != "None" ||
			*w.TimeoutSeconds != 30 || !reflect.DeepEqual(w.AdmissionReviewVersions, []string{"v1"}) {
			t.Errorf("webhook %+v", w)
		}
		if service.Name != "injector" || service.Namespace != "falcon-system" || *service.Path != "/mutate" ||
			rule.Operations[0] != "CREATE" || rule.APIGroups[0] != "" || rule.APIVersions[0] != "v1" || rule.Resources[0] != "pods" {
			t.Errorf("service %+v, rule %+v", service, rule)
		}
		want := []metav1.LabelSelectorRequirement{{Key: standin.InjectionKey, Operator: tt.operator, Values: []string{tt.value}}}
		if !reflect.DeepEqual(w.NamespaceSelector.MatchExpressions, want) {
			t.Errorf("selects %v, want %v", w.NamespaceSelector.MatchExpressions, want)
		}
	}
}

// TestHandshake serves with the Secret and trusts what the API server would.
func TestHandshake(t *testing.T) {
	p := install(t, "-days", "7")
	pair, err := tls.X509KeyPair(p.secrets[0].Data["tls.crt"], p.secrets[0].Data["tls.key"])
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(p.webhook.Webhooks[0].ClientConfig.CABundle) {
		t.Fatal("the caBundle is not PEM")
	}
	here, there := net.Pipe()
	server := tls.Server(here, &tls.Config{Certificates: []tls.Certificate{pair}})
	client := tls.Client(there, &tls.Config{RootCAs: roots, ServerName: "injector.falcon-system.svc"})
	go func() { _ = server.HandshakeContext(t.Context()) }()
	if err := client.HandshakeContext(t.Context()); err != nil {
		t.Fatal(err)
	}
	left := time.Until(client.ConnectionState().PeerCertificates[0].NotAfter)
	if left < 6*24*time.Hour || left > 8*24*time.Hour {
		t.Errorf("valid for another %s", left)
	}
	if issuer := client.ConnectionState().PeerCertificates[0].Issuer.CommonName; issuer != "falcon-system ca" {
		t.Errorf("issued by %q", issuer)
	}
	if again := install(t); bytes.Equal(again.secrets[0].Data["tls.key"], p.secrets[0].Data["tls.key"]) {
		t.Error("two runs made the same key")
	}
}

func TestSensorSettings(t *testing.T) {
	const resources = `{"limits":{"memory":"128Mi"}}`
	for _, given := range []string{resources, base64.StdEncoding.EncodeToString([]byte(resources))} {
		p := install(t, "-falconctl-env", "FALCONCTL_OPT_TAGS=a,b", "-falconctl-env", "FALCONCTL_OPT_APD=true",
			"-sensor-resources", given, "-pullpolicy", "Always")
		data := p.config.Data
		if data["FALCONCTL_OPT_TAGS"] != "a,b" || data["FALCONCTL_OPT_APD"] != "true" || data["FALCON_IMAGE_PULL_POLICY"] != "Always" ||
			data["FALCON_RESOURCES"] != base64.StdEncoding.EncodeToString([]byte(resources)) ||
			p.deploy.Spec.Template.Spec.Containers[0].ImagePullPolicy != corev1.PullAlways {
			t.Errorf("ConfigMap %v", data)
		}
	}
}

func TestPullSecrets(t *testing.T) {
	const token = `{"auths":{"registry.example":{"auth":"dXNlcjpwYXNz"}}}`
	for _, given := range []string{token, base64.StdEncoding.EncodeToString([]byte(token))} {
		p := install(t, "-pulltoken", given, "-namespaces", "default, shop,default")
		var places []string
		for _, secret := range p.secrets[1:] {
			if secret.Name != "crowdstrike-falcon-pull-secret" || secret.Type != corev1.SecretTypeDockerConfigJson ||
				string(secret.Data[corev1.DockerConfigJsonKey]) != token {
				t.Errorf("secret %+v", secret)
			}
			places = append(places, secret.Namespace)
		}
		if !reflect.DeepEqual(places, []string{"falcon-system", "default", "shop"}) {
			t.Errorf("pull secrets in %v", places)
		}
		subject := p.binding.Subjects[0]
		if p.role.Name != "secret-reader" || !reflect.DeepEqual(p.role.Rules[0].Verbs, []string{"get"}) ||
			p.binding.RoleRef.Name != "secret-reader" || subject.Name != "default" || subject.Namespace != "falcon-system" {
			t.Errorf("role %+v, binding %+v", p.role, p.binding)
		}
		if p.config.Data["FALCON_IMAGE_PULL_SECRET"] != "crowdstrike-falcon-pull-secret" ||
			p.deploy.Spec.Template.Spec.ImagePullSecrets[0].Name != "crowdstrike-falcon-pull-secret" {
			t.Errorf("the pull secret is not referenced: %v", p.config.Data)
		}
	}
	p := install(t, "-pullsecret", "mine")
	if len(p.secrets) != 1 || p.config.Data["FALCON_IMAGE_PULL_SECRET"] != "mine" ||
		p.deploy.Spec.Template.Spec.ImagePullSecrets[0].Name != "mine" {
		t.Errorf("-pullsecret alone: %v, %v", p.order, p.config.Data)
	}
}

func TestUsageErrors(t *testing.T) {
	tests := []struct {
		name string
		args []string
		code int
		want string
	}{
		{"help", []string{"-h"}, 0, standin.Notice},
		{"unknown flag", []string{"-cid", cid, "-x"}, 2, "flag provided but not defined: -x"},
		{"no cid", nil, 2, "-cid is required"},
		{"bad cid", []string{"-cid", "123"}, 2, `-cid "123"`},
		{"argument", []string{"-cid", cid, "more"}, 2, `unexpected argument "more"`},
		{"no image", []string{"-cid", cid, "-image", ""}, 2, "-image"},
		{"no days", []string{"-cid", cid, "-days", "0"}, 2, "-days 0"},
		{"bad policy", []string{"-cid", cid, "-pullpolicy", "now"}, 2, `-pullpolicy "now"`},
		{"bad token", []string{"-cid", cid, "-pulltoken", "secret"}, 2, "-pulltoken: neither JSON"},
		{"bad resources", []string{"-cid", cid, "-sensor-resources", "{"}, 2, "-sensor-resources: neither JSON"},
		{"foreign variable", []string{"-cid", cid, "-falconctl-env", "PATH=/bin"}, 2, "want FALCONCTL_OPT_<NAME>"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out, errOut bytes.Buffer
			code := Run(t.Context(), standin.Process{Args: tt.args, Out: &out, Err: &errOut})
			if code != tt.code || out.Len() > 0 || !strings.Contains(errOut.String(), tt.want) ||
				!strings.Contains(errOut.String(), "installer -cid <cid> [other arguments]\n") {
				t.Errorf("exit code %d, stdout %q, stderr\n%s", code, out.String(), errOut.String())
			}
		})
	}
}
