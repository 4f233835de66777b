package installer

import (
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const (
	tlsVolume = "tls-certs"
	tlsDir    = "/run/secrets/tls"

	// injectorUser is the user the real injector runs as.
	injectorUser = 1234
	// reviewTimeout is the longest the API server allows.
	reviewTimeout = 30
)

func (o *options) deployment() *appsv1.Deployment {
	labels := map[string]string{"app": appName}
	spec := corev1.PodSpec{
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: new(true),
			RunAsUser:    new(int64(injectorUser)),
		},
		Containers: []corev1.Container{o.container()},
		Volumes: []corev1.Volume{{
			Name:         tlsVolume,
			VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: tlsSecretName}},
		}},
	}
	if o.pullSecret != "" {
		spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: o.pullSecret}}
	}
	return &appsv1.Deployment{
		TypeMeta:   typed("apps/v1", "Deployment"),
		ObjectMeta: meta(appName),
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(1)),
			Selector: &metav1.LabelSelector{MatchLabels: labels},
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}
}

func (o *options) container() corev1.Container {
	return corev1.Container{
		Name:            appName,
		Image:           o.image,
		ImagePullPolicy: corev1.PullPolicy(o.pullPolicy),
		Command:         []string{"injector"},
		EnvFrom: []corev1.EnvFromSource{{
			ConfigMapRef: &corev1.ConfigMapEnvSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: configMapName},
			},
		}},
		Ports:          []corev1.ContainerPort{{Name: portName, ContainerPort: listenPort}},
		ReadinessProbe: probe(),
		LivenessProbe:  probe(),
		VolumeMounts:   []corev1.VolumeMount{{Name: tlsVolume, MountPath: tlsDir, ReadOnly: true}},
	}
}

func probe() *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/live", Port: intstr.FromString(portName), Scheme: corev1.URISchemeHTTPS,
		}},
		InitialDelaySeconds: 5,
		PeriodSeconds:       10,
	}
}

func service() *corev1.Service {
	return &corev1.Service{
		TypeMeta:   typed("v1", "Service"),
		ObjectMeta: meta(appName),
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": appName},
			Ports:    []corev1.ServicePort{{Name: portName, Port: 443, TargetPort: intstr.FromString(portName)}},
		},
	}
}

func (o *options) webhook(ca []byte) *admissionregistrationv1.MutatingWebhookConfiguration {
	selector := metav1.LabelSelectorRequirement{
		Key: standin.InjectionKey, Operator: metav1.LabelSelectorOpNotIn, Values: []string{"disabled"},
	}
	if o.namespacesOptIn {
		selector.Operator, selector.Values = metav1.LabelSelectorOpIn, []string{"enabled"}
	}
	return &admissionregistrationv1.MutatingWebhookConfiguration{
		TypeMeta:   typed("admissionregistration.k8s.io/v1", "MutatingWebhookConfiguration"),
		ObjectMeta: metav1.ObjectMeta{Name: webhookName, Labels: map[string]string{"app": appName}},
		Webhooks: []admissionregistrationv1.MutatingWebhook{{
			Name: webhookName,
			ClientConfig: admissionregistrationv1.WebhookClientConfig{
				Service: &admissionregistrationv1.ServiceReference{
					Name: appName, Namespace: namespace, Path: new("/mutate"),
				},
				CABundle: ca,
			},
			Rules: []admissionregistrationv1.RuleWithOperations{{
				Operations: []admissionregistrationv1.OperationType{admissionregistrationv1.Create},
				Rule: admissionregistrationv1.Rule{
					APIGroups: []string{""}, APIVersions: []string{"v1"}, Resources: []string{"pods"},
				},
			}},
			FailurePolicy:           new(admissionregistrationv1.Fail),
			SideEffects:             new(admissionregistrationv1.SideEffectClassNone),
			TimeoutSeconds:          new(int32(reviewTimeout)),
			NamespaceSelector:       &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{selector}},
			AdmissionReviewVersions: []string{"v1"},
		}},
	}
}
