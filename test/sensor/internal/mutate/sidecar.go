package mutate

import (
	"maps"
	"slices"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// sidecar is the container that runs the sensor beside the application.
func sidecar(s Settings, fargate bool) corev1.Container {
	mounts := []corev1.VolumeMount{
		{Name: VolumeName, MountPath: s.Mount},
		{Name: PrivateVolumeName, MountPath: s.Env.Get(standin.EnvStateDir, standin.DefaultStateDir)},
	}
	if s.LogVolume != nil {
		mounts = append(mounts, corev1.VolumeMount{Name: s.LogVolume.Name, MountPath: MountLog})
	}
	return corev1.Container{
		Name:            s.sidecarName(),
		Image:           s.Image,
		ImagePullPolicy: s.PullPolicy,
		Command:         []string{"sensor"},
		Env:             sidecarEnv(s),
		Resources:       s.Resources,
		SecurityContext: sidecarSecurity(fargate),
		VolumeMounts:    mounts,
	}
}

// sidecarSecurity asks for what tracing other processes needs, except on
// Fargate, which refuses to schedule pods with added capabilities.
func sidecarSecurity(fargate bool) *corev1.SecurityContext {
	security := &corev1.SecurityContext{Privileged: new(false)}
	if !fargate {
		security.Capabilities = &corev1.Capabilities{Add: []corev1.Capability{"SYS_PTRACE"}}
		security.SeccompProfile = &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeUnconfined}
	}
	return security
}

// sidecarEnv is sorted so that the same settings always give the same patch.
func sidecarEnv(s Settings) []corev1.EnvVar {
	env := maps.Clone(s.Env)
	if env == nil {
		env = standin.Env{}
	}
	env[standin.EnvMount] = s.Mount
	vars := make([]corev1.EnvVar, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		vars = append(vars, corev1.EnvVar{Name: key, Value: env[key]})
	}
	return vars
}

// initContainer copies the loader into the sensor volume before anything else
// in the pod starts.
func initContainer(s Settings) corev1.Container {
	return corev1.Container{
		Name:            InitName,
		Image:           s.Image,
		ImagePullPolicy: s.PullPolicy,
		Command:         []string{"falcon-init"},
		Env:             []corev1.EnvVar{{Name: standin.EnvMount, Value: s.Mount}},
		Resources:       s.Resources,
		SecurityContext: &corev1.SecurityContext{Privileged: new(false)},
		VolumeMounts:    []corev1.VolumeMount{{Name: VolumeName, MountPath: s.Mount}},
	}
}
