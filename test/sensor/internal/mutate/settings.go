// Package mutate turns a pod into the JSON patch that puts the stand-in sensor
// into it. It is pure but for the image look-up handed to it, and knows nothing
// of HTTP or of the cluster.
//
// What it makes of a pod approximates CrowdStrike's injector from public facts;
// no full dump of a pod changed by the real one is public.
package mutate

import (
	"fmt"
	"maps"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

// Names of what is put into a pod.
const (
	SidecarName    = "crowdstrike-falcon-container"
	OldSidecarName = "falcon-container"
	InitName       = "crowdstrike-falcon-init-container"
	VolumeName     = "crowdstrike-falcon-volume"

	// PrivateVolumeName keeps the agent id for as long as the pod lives, where
	// only the sidecar can write. The name is the stand-in's own.
	PrivateVolumeName = "crowdstrike-falcon-private"
)

// Mount points of the sensor volume, of the two layouts, and of the log volume.
const (
	MountTmp    = "/tmp/CrowdStrike"
	MountFalcon = "/falcon"
	MountLog    = "/var/log/falcon"
)

// EnvAnnotation on a pod overrides FALCON_STANDIN_* variables for that pod
// alone, as "KEY=VALUE;KEY=VALUE". It is the stand-in's own.
const EnvAnnotation = "standin.kubectl-falcon/env"

// fargateScheduler is what AWS's own webhook, called earlier, makes of pods
// that will run on Fargate.
const fargateScheduler = "fargate-scheduler"

// Settings is what the injector's environment says about injection.
type Settings struct {
	Image           string
	PullPolicy      corev1.PullPolicy
	PullSecret      string
	Resources       corev1.ResourceRequirements
	LogVolume       *corev1.Volume
	Mount           string
	DefaultDisabled bool
	// Env is what sidecars inherit: FALCONCTL_OPT_*, FALCONCTL_OPTS and
	// FALCON_STANDIN_*.
	Env standin.Env
}

// Check reports a value in Env that would make every mutation fail.
func (s Settings) Check() error {
	name := s.Env.Get(standin.EnvSidecarName, SidecarName)
	if problems := validation.IsDNS1123Label(name); len(problems) > 0 {
		return fmt.Errorf("%s=%q: %s", standin.EnvSidecarName, name, problems[0])
	}
	switch position := s.Env[standin.EnvSidecarPosition]; position {
	case "", "first", "last":
		return nil
	default:
		return fmt.Errorf("%s=%q: want first or last", standin.EnvSidecarPosition, position)
	}
}

// forPod applies the pod's own annotation.
func (s Settings) forPod(pod *corev1.Pod) (Settings, error) {
	text := pod.Annotations[EnvAnnotation]
	if text == "" {
		return s, nil
	}
	s.Env = maps.Clone(s.Env)
	if s.Env == nil {
		s.Env = standin.Env{}
	}
	for _, entry := range strings.Split(text, ";") {
		entry = strings.TrimSpace(entry)
		if entry == "" {
			continue
		}
		key, value, ok := strings.Cut(entry, "=")
		if !ok || !strings.HasPrefix(key, standin.Prefix) {
			return s, fmt.Errorf("annotation %s: %q is not %s<NAME>=<value>", EnvAnnotation, entry, standin.Prefix)
		}
		s.Env[key] = value
	}
	if err := s.Check(); err != nil {
		return s, fmt.Errorf("annotation %s: %w", EnvAnnotation, err)
	}
	return s, nil
}

func (s Settings) sidecarName() string {
	return s.Env.Get(standin.EnvSidecarName, SidecarName)
}

func (s Settings) sidecarFirst() bool {
	return s.Env[standin.EnvSidecarPosition] == "first"
}
