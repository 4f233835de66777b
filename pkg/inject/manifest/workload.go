package manifest

import (
	"maps"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
)

const (
	portName = "https"
	// runAs is the user of the vendor's image for the injector.
	runAs      = 1234
	tlsVolume  = "tls-certs"
	certVolume = "registry-certs"
	// registryCertDir is the vendor's chart's: /etc/docker/certs.d/NAMESPACE-certs.
	registryCertDir = "/etc/docker/certs.d/" + Namespace + "-certs"
)

// selector finds the injector's pods. A Deployment's cannot change, so it is as small as the guide's.
func selector() *metav1.LabelSelector {
	return &metav1.LabelSelector{MatchLabels: map[string]string{"app": Name}}
}

// deployment runs the injector with the configuration of that name.
func deployment(o Options, given Given, config string, secret bool) *appsv1.Deployment {
	replicas, history := o.Replicas, int32(2)
	none, one := intstr.FromInt32(0), intstr.FromInt32(1)
	annotations := map[string]string{InjectionKey: Disabled}
	if given.CertHash != "" {
		annotations[CertificateHash] = given.CertHash
	}
	d := &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: appsv1.SchemeGroupVersion.String(), Kind: "Deployment"},
		ObjectMeta: meta(Name),
		Spec: appsv1.DeploymentSpec{
			Replicas: &replicas,
			Selector: selector(),
			// A roll never goes below what is there: pods are created meanwhile.
			Strategy: appsv1.DeploymentStrategy{
				Type:          appsv1.RollingUpdateDeploymentStrategyType,
				RollingUpdate: &appsv1.RollingUpdateDeployment{MaxUnavailable: &none, MaxSurge: &one},
			},
			// Each old ReplicaSet needs its own ConfigMap to be rolled back to.
			RevisionHistoryLimit: &history,
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labels(), Annotations: annotations},
				Spec:       podSpec(o, given, config, secret),
			},
		},
	}
	if given.KeepReplicas {
		d.Spec.Replicas = nil
	}
	return d
}

func podSpec(o Options, given Given, config string, secret bool) corev1.PodSpec {
	yes, user, group, grace := true, int64(runAs), int64(runAs), int64(30)
	spec := corev1.PodSpec{
		ServiceAccountName: Name,
		SecurityContext: &corev1.PodSecurityContext{
			RunAsNonRoot: &yes, RunAsUser: &user, RunAsGroup: &group,
			SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
		},
		TerminationGracePeriodSeconds: &grace,
		NodeSelector:                  maps.Clone(o.NodeSelector),
		PriorityClassName:             o.PriorityClass,
		Containers:                    []corev1.Container{container(o, given, config, secret)},
		Volumes:                       volumes(o),
	}
	for i := range o.Tolerations {
		spec.Tolerations = append(spec.Tolerations, *o.Tolerations[i].DeepCopy())
	}
	if o.PullSecret != "" {
		spec.ImagePullSecrets = []corev1.LocalObjectReference{{Name: o.PullSecret}}
	}
	// On Fargate each pod is its own node, so there is nothing to spread over.
	if !o.Fargate {
		spec.TopologySpreadConstraints = []corev1.TopologySpreadConstraint{{
			MaxSkew: 1, TopologyKey: corev1.LabelHostname, WhenUnsatisfiable: corev1.ScheduleAnyway,
			LabelSelector: selector(),
		}}
	}
	return spec
}

func volumes(o Options) []corev1.Volume {
	secretMode, configMode := corev1.SecretVolumeSourceDefaultMode, corev1.ConfigMapVolumeSourceDefaultMode
	name := SecretName
	if o.TLSSecret != "" {
		name = o.TLSSecret
	}
	all := []corev1.Volume{{Name: tlsVolume, VolumeSource: corev1.VolumeSource{
		Secret: &corev1.SecretVolumeSource{SecretName: name, DefaultMode: &secretMode}}}}
	if len(o.RegistryCA) > 0 {
		all = append(all, corev1.Volume{Name: certVolume, VolumeSource: corev1.VolumeSource{
			ConfigMap: &corev1.ConfigMapVolumeSource{
				LocalObjectReference: corev1.LocalObjectReference{Name: RegistryCAName},
				DefaultMode:          &configMode,
			}}})
	}
	return all
}

func container(o Options, given Given, config string, secret bool) corev1.Container {
	no, reference := false, corev1.LocalObjectReference{Name: config}
	from := []corev1.EnvFromSource{{ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: reference}}}
	if secret {
		from = append(from, corev1.EnvFromSource{SecretRef: &corev1.SecretEnvSource{LocalObjectReference: reference}})
	}
	mounts := []corev1.VolumeMount{{Name: tlsVolume, MountPath: "/run/secrets/tls", ReadOnly: true}}
	if len(o.RegistryCA) > 0 {
		mounts = append(mounts, corev1.VolumeMount{Name: certVolume, MountPath: registryCertDir, ReadOnly: true})
	}
	return corev1.Container{
		Name:            Name,
		Image:           o.Image,
		ImagePullPolicy: o.PullPolicy,
		Command:         []string{"injector"},
		EnvFrom:         from,
		Ports: []corev1.ContainerPort{{
			Name: given.PortName, ContainerPort: o.Port, Protocol: corev1.ProtocolTCP}},
		ReadinessProbe: probe(given.PortName, 2, 5, 3),
		LivenessProbe:  probe(given.PortName, 10, 10, 6),
		// The pod answers on while the API servers learn that it goes; without it a roll refuses pods. This
		// form needs no shell in the image, and Kubernetes 1.30 or newer.
		Lifecycle: &corev1.Lifecycle{PreStop: &corev1.LifecycleHandler{Sleep: &corev1.SleepAction{Seconds: 3}}},
		Resources: injectorResources(o.InjectorResources),
		SecurityContext: &corev1.SecurityContext{
			AllowPrivilegeEscalation: &no,
			Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
		},
		VolumeMounts: mounts,
	}
}

// injectorResources asks for as much as the vendor's chart where nothing is set, but never for more than
// a limit: the API server would refuse that.
func injectorResources(set corev1.ResourceRequirements) corev1.ResourceRequirements {
	all := *set.DeepCopy()
	if all.Requests == nil {
		all.Requests = corev1.ResourceList{}
	}
	for name, amount := range map[corev1.ResourceName]string{corev1.ResourceCPU: "10m", corev1.ResourceMemory: "20Mi"} {
		if _, ok := all.Requests[name]; ok {
			continue
		}
		request := resource.MustParse(amount)
		if limit, ok := all.Limits[name]; ok && limit.Cmp(request) < 0 {
			request = limit.DeepCopy()
		}
		all.Requests[name] = request
	}
	return all
}

// probe asks the injector whether it answers, every period seconds. It waits longer for the answer than the
// default of a second, and longest before the injector is ended: on a node without a free processor a slow
// injector still answers the API server in time, and one that is taken away refuses every pod.
func probe(port string, period, timeout, failures int32) *corev1.Probe {
	return &corev1.Probe{
		ProbeHandler: corev1.ProbeHandler{HTTPGet: &corev1.HTTPGetAction{
			Path: "/live", Port: intstr.FromString(port), Scheme: corev1.URISchemeHTTPS}},
		InitialDelaySeconds: period / 2,
		PeriodSeconds:       period,
		TimeoutSeconds:      timeout,
		FailureThreshold:    failures,
	}
}

// service leads to the port by its name, so that pods before and after a change of the number both answer.
func service(port string) *corev1.Service {
	return &corev1.Service{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Service"},
		ObjectMeta: meta(Name),
		Spec: corev1.ServiceSpec{
			Selector: selector().MatchLabels,
			Ports: []corev1.ServicePort{{
				Name: portName, Port: servicePort, TargetPort: intstr.FromString(port), Protocol: corev1.ProtocolTCP,
			}},
		},
	}
}

// disruptionBudget keeps drains from taking all injectors at once. A pod that is not healthy protects
// nothing, so it never holds up a drain.
func disruptionBudget() *policyv1.PodDisruptionBudget {
	one, always := intstr.FromInt32(1), policyv1.AlwaysAllow
	return &policyv1.PodDisruptionBudget{
		TypeMeta:   metav1.TypeMeta{APIVersion: policyv1.SchemeGroupVersion.String(), Kind: "PodDisruptionBudget"},
		ObjectMeta: meta(Name),
		Spec: policyv1.PodDisruptionBudgetSpec{
			MaxUnavailable: &one, Selector: selector(), UnhealthyPodEvictionPolicy: &always,
		},
	}
}
