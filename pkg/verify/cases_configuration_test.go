package verify

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// config breaks a cluster in its injector's configuration.
func config(damage func(c *Config)) func(s *Snapshot) {
	return func(s *Snapshot) { damage(s.Injectors[0].Config) }
}

// pullSecret breaks a cluster in its pull secret.
func pullSecret(damage func(p *PullSecret)) func(s *Snapshot) {
	return func(s *Snapshot) { damage(s.Injectors[0].PullSecret) }
}

// sensorTrial breaks a cluster in what its registry says of the sensor image.
func sensorTrial(damage func(t *ImageTrial)) func(s *Snapshot) {
	return func(s *Snapshot) { damage(&s.Images[1]) }
}

// sensorUses makes the configured resources of the sensor known.
func sensorUses(s *Snapshot) {
	s.Injectors[0].Config.Resources = &corev1.ResourceRequirements{
		Requests: corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("10m")},
		Limits:   corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("256Mi")}}
}

// limitOn puts a limit range on team-a's containers, which nobody has tried with a dry-run pod.
func limitOn(most, least corev1.ResourceList) func(s *Snapshot) {
	return func(s *Snapshot) {
		sensorUses(s)
		unasked(s)
		s.Limits = []Limit{{Namespace: "team-a", Name: "limits", Items: []corev1.LimitRangeItem{
			{Type: corev1.LimitTypeContainer, Max: most, Min: least}}}}
	}
}

// unasked takes away what dry-run pods have proved.
func unasked(s *Snapshot) { s.Canaries, s.Asked.Canary = nil, false }

// refusing makes the server refuse dry-run pods, in some namespaces or in all.
func refusing(class Class, message string, namespaces ...string) func(s *Snapshot) {
	return func(s *Snapshot) {
		for n := range s.Canaries {
			c := &s.Canaries[n]
			for _, name := range append(namespaces, c.Namespace)[:max(1, len(namespaces))] {
				if c.Namespace == name {
					c.Sidecar, c.Class, c.Message, c.Answers = "", class, message, nil
				}
			}
		}
	}
}

const overLimit = `pods "falcon-canary-x" is forbidden: maximum memory usage per Container is 100Mi, but limit is 256Mi`

var brokenConfiguration = map[string]breaks{
	"FC501": {
		"no ConfigMap":     config(func(c *Config) { c.Missing = true }),
		"no customer id":   config(func(c *Config) { c.CID, c.CIDForm = "", false }),
		"not its form":     config(func(c *Config) { c.CID, c.CIDForm = "0123…cdef", false }),
		"from a Secret":    config(func(c *Config) { c.CID, c.CIDForm, c.Elsewhere = "", false, true }),
		"not seen":         func(s *Snapshot) { s.Injectors[0].Config = nil },
		"without injector": func(s *Snapshot) { s.Injectors = nil },
	},
	"FC502": {
		"none":         config(func(c *Config) { c.Image = "" }),
		"no image":     config(func(c *Config) { c.Image = "Registry.example.com/Falcon Sensor" }),
		"no ConfigMap": config(func(c *Config) { c.Missing = true }),
	},
	"FC503": {
		"latest":   config(func(c *Config) { c.Image = "registry.example.com/falcon-sensor:latest" }),
		"no tag":   config(func(c *Config) { c.Image = "registry.example.com/falcon-sensor" }),
		"no image": config(func(c *Config) { c.Image = "" }),
	},
	"FC504": {
		"another tag":   config(func(c *Config) { c.Image = "registry.example.com/falcon-sensor:7.1.0" }),
		"no Deployment": func(s *Snapshot) { s.Injectors[0].Deployment = nil },
	},
	"FC505": {
		"another architecture": func(s *Snapshot) { s.Architectures = []string{"linux/amd64", "linux/s390x"} },
		"gone":                 sensorTrial(func(t *ImageTrial) { t.Absent, t.Message = true, "manifest unknown." }),
		"registry away":        sensorTrial(func(t *ImageTrial) { t.Message = "dial tcp: no such host" }),
		"platforms not said":   sensorTrial(func(t *ImageTrial) { t.Platforms = nil }),
	},
	"FC506": {
		"type":                pullSecret(func(p *PullSecret) { p.Type = "Opaque" }),
		"content":             pullSecret(func(p *PullSecret) { p.Unreadable, p.Hosts = true, nil }),
		"another registry":    pullSecret(func(p *PullSecret) { p.Hosts = []string{"ghcr.io", "*.example.net"} }),
		"empty":               pullSecret(func(p *PullSecret) { p.Hosts = nil }),
		"only in others":      pullSecret(func(p *PullSecret) { p.Type, p.In = "", []string{"team-a"} }),
		"nowhere, not needed": pullSecret(func(p *PullSecret) { p.Type, p.In = "", nil }),
		"nowhere, needed": func(s *Snapshot) {
			pullSecret(func(p *PullSecret) { p.Type, p.In = "", nil })(s)
			s.Pods = nil
		},
	},
	"FC507": {
		"one namespace": pullSecret(func(p *PullSecret) { p.In = []string{"default", "falcon-system", "team-a"} }),
		"all":           pullSecret(func(p *PullSecret) { p.In = []string{"falcon-system"} }),
		"nowhere":       pullSecret(func(p *PullSecret) { p.Type, p.In = "", nil }),
	},
	"FC508": {
		"changed since": config(func(c *Config) { c.Changed = installedAt.Add(time.Hour) }),
		"one restarted since": func(s *Snapshot) {
			s.Injectors[0].Config.Changed = installedAt.Add(time.Hour)
			s.Injectors[0].Pods[0].Status.ContainerStatuses[0].State.Running = &corev1.ContainerStateRunning{
				StartedAt: metav1.NewTime(installedAt.Add(2 * time.Hour))}
		},
	},
	"FC509": {
		"refused": refusing(LimitBroken, overLimit, "team-a"),
		"limit":   limitOn(corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")}, nil),
		"request": limitOn(nil, corev1.ResourceList{corev1.ResourceCPU: resource.MustParse("50m")}),
	},
	"FC510": {"debug": config(func(c *Config) { c.Trace = "debug" })},
}
