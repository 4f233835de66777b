package inject

import (
	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

func deployment(o Options, configuration string) *appsv1.Deployment {
	count, all, one := int32(replicas), intstr.FromInt32(0), intstr.FromInt32(1)
	podLabels := labels()
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: meta(Name),
		Spec: appsv1.DeploymentSpec{
			Replicas: &count,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": Name}},
			// A roll never goes below what is there: pods are created meanwhile.
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &all, MaxSurge: &one},
			},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{
					Labels:      podLabels,
					Annotations: map[string]string{configHash: configuration, InjectionKey: Disabled},
				},
				Spec: podSpec(o),
			},
		},
	}
}

func podSpec(o Options) corev1.PodSpec {
	yes, user, mode := true, int64(runAs), corev1.SecretVolumeSourceDefaultMode
	return corev1.PodSpec{
		ServiceAccountName: Name,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &user,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		TopologySpreadConstraints: []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
			LabelSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"app": Name}},
		}},
		Containers: []corev1.Container{container(o)},
		Volumes: []corev1.Volume{{
			Name: "tls-certs",
			VolumeSource: corev1.VolumeSource{
				Secret: &corev1.SecretVolumeSource{SecretName: SecretName, DefaultMode: &mode},
			},
		}},
	}
}

func container(o Options) corev1.Container {
	no := false
	return corev1.Container{
		Name:            Name,
		Image:           o.Image,
		ImagePullPolicy: corev1.PullIfNotPresent,
		Command:         []string{"injector"},
		EnvFrom: []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: ConfigMapName}}}},
		Ports:          []corev1.ContainerPort{{Name: portName, ContainerPort: listenPort, Protocol: corev1.ProtocolTCP}},
		ReadinessProbe: probe(2),
		LivenessProbe:  probe(10),
		// The vendor's chart asks for as much.
		Resources: corev1.ResourceRequirements{Requests: corev1.ResourceList{
			corev1.ResourceCPU: resource.MustParse("10m"), corev1.ResourceMemory: resource.MustParse("20Mi")}},
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		VolumeMounts: []corev1.VolumeMount{{Name: "tls-certs", MountPath: "/run/secrets/tls", ReadOnly: true}},
	}
}

func probe(period int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/live", Port: intstr.FromString(portName), Scheme: corev1.URISchemeHTTPS}},
		InitialDelaySeconds: period / 2,
		PeriodSeconds:       period,
	}
}

// webhook covers the creation of pods everywhere but in namespaces that opt out and in those without
// which a cluster cannot heal itself. Those are left out by the label that the API server sets to the
// namespace's name and that cannot be edited.
func webhook(ca []byte) *admissionv1.MutatingWebhookConfiguration {
	path, port, timeout := "/mutate", int32(443), int32(15)
	fail, none, equivalent := admissionv1.Fail, admissionv1.SideEffectClassNone, admissionv1.Equivalent
	never, scope := admissionv1.NeverReinvocationPolicy, admissionv1.NamespacedScope
	return &admissionv1.MutatingWebhookConfiguration{
		TypeMeta: metav1.TypeMeta{APIVersion: "admissionregistration.k8s.io/v1", Kind: "MutatingWebhookConfiguration"},
		// Cluster-wide, so it has no namespace.
		ObjectMeta: metav1.ObjectMeta{Name: WebhookName, Labels: labels()},
		Webhooks: []admissionv1.MutatingWebhook{{
			Name: WebhookName,
			ClientConfig: admissionv1.WebhookClientConfig{
				CABundle: ca,
				Service:  &admissionv1.ServiceReference{Namespace: Namespace, Name: Name, Path: &path, Port: &port},
			},
			Rules: []admissionv1.RuleWithOperations{{
				Operations: []admissionv1.OperationType{admissionv1.Create},
				Rule: admissionv1.Rule{APIGroups: []string{""}, APIVersions: []string{"v1"},
					Resources: []string{"pods"}, Scope: &scope},
			}},
			FailurePolicy: &fail,
			MatchPolicy:   &equivalent,
			NamespaceSelector: &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
				{Key: InjectionKey, Operator: metav1.LabelSelectorOpNotIn, Values: []string{Disabled}},
				{Key: corev1.LabelMetadataName, Operator: metav1.LabelSelectorOpNotIn, Values: []string{
					Namespace, metav1.NamespaceSystem, metav1.NamespacePublic, corev1.NamespaceNodeLease}},
			}},
			SideEffects:             &none,
			TimeoutSeconds:          &timeout,
			AdmissionReviewVersions: []string{"v1"},
			ReinvocationPolicy:      &never,
		}},
	}
}
