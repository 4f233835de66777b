package fargate

import (
	"testing"

	corev1 "k8s.io/api/core/v1"
)

func podWith(containers ...corev1.Container) *corev1.Pod {
	pod := &corev1.Pod{Spec: corev1.PodSpec{Containers: containers, SchedulerName: SchedulerName}}
	pod.Namespace, pod.Name, pod.UID = "default", "app", "the-uid"
	return pod
}

func privileged(on bool) corev1.Container {
	return corev1.Container{SecurityContext: &corev1.SecurityContext{Privileged: &on}}
}

func adding(capabilities ...corev1.Capability) corev1.Container {
	return corev1.Container{SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{Add: capabilities}}}
}

func escalating() corev1.Container {
	yes := true
	return corev1.Container{SecurityContext: &corev1.SecurityContext{AllowPrivilegeEscalation: &yes}}
}

func port(p corev1.ContainerPort) corev1.Container {
	return corev1.Container{Ports: []corev1.ContainerPort{p}}
}

func volume(name string, source corev1.VolumeSource) corev1.Volume {
	return corev1.Volume{Name: name, VolumeSource: source}
}

// The words are those of real clusters, as users quoted them (kubernetes-sigs/aws-efs-csi-driver#589 and #1329,
// kubernetes/ingress-nginx#4888, freegroup/kube-s3#14): what looks for them in events must find them here.
func TestRefusal(t *testing.T) {
	const prefix = "Pod not supported on Fargate: "
	onHostNetwork := func(pod *corev1.Pod) *corev1.Pod {
		pod.Spec.HostNetwork = true
		return pod
	}
	for what, c := range map[string]struct {
		pod  *corev1.Pod
		want string
	}{
		"privileged":              {podWith(corev1.Container{}, privileged(true)), prefix + "invalid SecurityContext fields: Privileged"},
		"a foreign capability":    {podWith(adding("NET_RAW", "CAP_SYS_PTRACE")), prefix + "invalid SecurityContext fields: Capabilities added: CAP_SYS_PTRACE"},
		"host network":            {onHostNetwork(podWith()), prefix + "fields not supported: HostNetwork"},
		"host port":               {podWith(port(corev1.ContainerPort{ContainerPort: 80, HostPort: 80})), prefix + "port contains HostIP or HostPort"},
		"host address":            {podWith(port(corev1.ContainerPort{ContainerPort: 80, HostIP: "127.0.0.1"})), prefix + "port contains HostIP or HostPort"},
		"host network and port":   {onHostNetwork(podWith(port(corev1.ContainerPort{HostPort: 80}))), prefix + "fields not supported: HostNetwork, port contains HostIP or HostPort"},
		"as it was spelled":       {podWith(adding("CAP_CHOWN")), prefix + "invalid SecurityContext fields: Capabilities added: CAP_CHOWN"},
		"escalation":              {podWith(escalating()), prefix + "invalid SecurityContext fields: AllowPrivilegeEscalation"},
		"each reason once":        {podWith(privileged(true), privileged(true)), prefix + "invalid SecurityContext fields: Privileged"},
		"in the alphabet's order": {podWith(port(corev1.ContainerPort{HostPort: 80}), privileged(true)), prefix + "invalid SecurityContext fields: Privileged, port contains HostIP or HostPort"},
		"host network, privilege": {onHostNetwork(podWith(privileged(true))), prefix + "fields not supported: HostNetwork, invalid SecurityContext fields: Privileged"},
	} {
		if got := Refusal(c.pod); got != c.want {
			t.Errorf("%s:\ngot  %s\nwant %s", what, got, c.want)
		}
	}
}

func TestRefusalLooksAtInitContainersAndVolumes(t *testing.T) {
	pod := podWith(corev1.Container{})
	pod.Spec.InitContainers = []corev1.Container{privileged(true)}
	if got, want := Refusal(pod), "Pod not supported on Fargate: invalid SecurityContext fields: Privileged"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	pod = podWith(corev1.Container{})
	pod.Spec.Volumes = []corev1.Volume{
		volume("scratch", corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}),
		volume("mntdatas3fs", corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/mnt"}}),
	}
	want := "Pod not supported on Fargate: volumes not supported: mntdatas3fs is of an unsupported volume Type"
	if got := Refusal(pod); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAccepted(t *testing.T) {
	plain := podWith(corev1.Container{}, privileged(false), port(corev1.ContainerPort{ContainerPort: 80}))
	plain.Spec.Volumes = []corev1.Volume{
		volume("config", corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{}}),
		volume("secret", corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{}}),
	}
	dropping := corev1.Container{SecurityContext: &corev1.SecurityContext{Capabilities: &corev1.Capabilities{
		Drop: []corev1.Capability{"SYS_ADMIN"}}}}
	every := podWith(adding("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
		"NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP"), dropping)
	for what, pod := range map[string]*corev1.Pod{"nothing special": plain, "every base capability": every} {
		if got := Refusal(pod); got != "" {
			t.Errorf("%s: %s", what, got)
		}
	}
}
