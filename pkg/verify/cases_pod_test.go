package verify

import (
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
)

const pullBackOff = `Back-off pulling image "registry.example.com/falcon-sensor@sha256:01". `

// added adds pods to the cluster.
func added(pods ...Pod) func(s *Snapshot) {
	return func(s *Snapshot) { s.Pods = append(s.Pods, pods...) }
}

// with changes a pod.
func with(p Pod, change func(p *Pod)) Pod {
	change(&p)
	return p
}

// notUp is a pod whose sensor does not come up.
func notUp(namespace, name string, of Workload, change func(p *Pod)) Pod {
	return with(carrier(namespace, name, of), func(p *Pod) {
		p.Sidecar.Ready, p.Sidecar.ImageID, p.Phase = false, "", "Pending"
		change(p)
	})
}

// unpulled is a pod whose sensor image cannot be pulled.
func unpulled(namespace, name string) Pod {
	return notUp(namespace, name, Workload{"Deployment", "api"}, func(p *Pod) {
		p.Sidecar.PullTrouble, p.Sidecar.Trouble = true, "ImagePullBackOff: "+pullBackOff
	})
}

// blocked is a workload whose pods are refused.
func blocked(message string) func(s *Snapshot) {
	return func(s *Snapshot) {
		s.Blocked = append(s.Blocked, Blocked{Namespace: "team-a", Kind: "Deployment", Name: "api", Message: message, Since: takenAt.Add(-time.Hour)})
	}
}

// without makes the pull secret missing in a namespace.
func without(s *Snapshot) {
	s.Injectors[0].PullSecret.In = []string{"default", "falcon-system", "team-b"}
}

// old is a pod from before the webhook.
func old(p *Pod) { p.Created = installedAt.Add(-time.Hour) }

var (
	api   = Workload{"Deployment", "api"}
	batch = Workload{"Job", "batch"}
)

var brokenPod = map[string]breaks{
	"FC701": {
		"missed":  added(plain("team-a", "api-1", api), plain("team-a", "api-2", api), plain("team-b", "alone", Workload{"Pod", "alone"})),
		"unknown": allOf(added(plain("team-a", "api-1", api)), func(s *Snapshot) { s.Injectors[0].Config = nil }),
		"conditions": allOf(added(plain("team-a", "api-1", api)), changedHook(func(h *admissionv1.MutatingWebhook) {
			h.MatchConditions = []admissionv1.MatchCondition{{Name: "c", Expression: "true"}}
		})),
	},
	"FC702": {
		"a Deployment": added(with(plain("team-a", "api-1", api), old), with(plain("team-a", "api-2", api), old)),
		"others": added(with(plain("team-a", "batch-1", batch), old), with(plain("team-a", "alone", Workload{"Pod", "alone"}), old),
			with(plain("team-a", "nightly-1", Workload{"CronJob", "nightly"}), old), with(plain("team-b", "rs-1", Workload{"ReplicaSet", "rs"}), old)),
	},
	"FC703": {
		"crashes": added(notUp("team-a", "api-1", api, func(p *Pod) { p.Sidecar.Trouble = "CrashLoopBackOff: exit code 1." })),
		"no node": added(notUp("team-a", "api-1", api, func(p *Pod) {
			p.Trouble = "Unschedulable: 0/1 nodes are available: 1 node(s) were unschedulable."
		})),
		"silent":             added(notUp("team-a", "api-1", api, func(*Pod) {})),
		"an image of no one": added(with(unpulled("team-a", "api-1"), func(p *Pod) { p.Sidecar.Image = "registry.example.com/falcon-sensor:gone" })),
	},
	"FC704": {"crashes": added(notUp("team-a", "api-1", api, func(p *Pod) { p.Sidecar.InitTrouble = "CrashLoopBackOff: exit code 1" }))},
	"FC705": {"another image": added(with(carrier("team-a", "api-1", api), func(p *Pod) { p.Sidecar.Image = "registry.example.com/falcon-sensor:7.1.0" }))},
	"FC706": {"two": added(with(carrier("team-a", "api-1", api), func(p *Pod) { p.Second = "falcon-container" }))},
	"FC707": {
		"annotated": added(with(plain("team-a", "api-1", api), func(p *Pod) { p.Mark = "disabled" })),
		"opt-in":    allOf(added(plain("team-a", "api-1", api)), config(func(c *Config) { c.OptIn = true })),
	},
	"FC708": {
		"with the sensor": added(with(carrier("team-a", "api-1", api), func(p *Pod) { p.Traits = Traits{HostPID: true, Privileged: true} })),
		"without":         added(with(plain("team-a", "api-1", api), func(p *Pod) { p.Traits.HostNetwork = true })),
	},
	"FC709": {
		"webhook":           allOf(blocked(unknownCA), refusing(UnknownCA, unknownCA)),
		"admitted by now":   blocked(unknownCA),
		"image":             allOf(blocked(imageRefusal), refusing(Denies, imageRefusal)),
		"image of its own":  blocked(imageRefusal),
		"pod security":      allOf(blocked(psaRefusal), refusing(PodSecurity, psaRefusal)),
		"quota":             allOf(blocked(quotaAnswer), refusing(QuotaFull, quotaAnswer)),
		"and one of others": allOf(blocked(unknownCA), blocked(`pods "x" is forbidden: exceeded quota: q, requested: cpu=1`), blocked(policyRefusal+"no")),
	},
	"FC710": {"held open": added(with(carrier("team-a", "batch-1", batch), func(p *Pod) { p.Traits.HeldOpen = true }))},
	"FC711": {"static": added(with(plain("team-a", "etcd-node-1", Workload{"Pod", "etcd-node-1"}), func(p *Pod) { p.Traits.Static = true }))},
	"FC712": {
		"plain":    added(with(plain("team-a", "iis-1", Workload{"Deployment", "iis"}), func(p *Pod) { p.Traits.Windows = true })),
		"injected": added(notUp("team-a", "iis-1", Workload{"Deployment", "iis"}, func(p *Pod) { p.Traits.Windows, p.Sidecar.Trouble = true, "no match for platform" })),
	},
	"FC713": {"here only": added(unpulled("team-a", "api-1"))},
	"FC714": {
		"injected": added(notUp("team-a", "api-1", api, func(p *Pod) {
			p.Traits.Fargate, p.Traits.NoProfile, p.Trouble = true, true, "Unschedulable: 0/0 nodes are available."
		})),
		"plain": added(with(plain("team-a", "api-1", api), func(p *Pod) { p.Traits.Fargate, p.Traits.NoProfile = true, true })),
	},
}
