package verify

// remaining takes the injector away and leaves something.
func remaining(what func(s *Snapshot)) func(s *Snapshot) {
	return func(s *Snapshot) {
		s.Injectors, s.Webhooks = nil, nil
		s.Pods, s.Sensors = nil, nil
		what(s)
	}
}

// orphaned leaves nothing of the injector but its webhook.
func orphaned(s *Snapshot) {
	i := &s.Injectors[0]
	i.Deployment, i.Service, i.Pods, i.Slices, i.Reference.Missing = nil, nil, nil, nil, true
}

var brokenLeftover = map[string]breaks{
	"FC951": {"orphan": orphaned},
	"FC952": {
		"role and binding": remaining(func(s *Snapshot) {
			s.Leftovers.Roles = []string{"clusterrole/falcon-injector", "clusterrolebinding/falcon-injector"}
		}),
		"not looked for": remaining(func(s *Snapshot) { s.Leftovers = nil }),
	},
	"FC953": {"secret": remaining(func(s *Snapshot) { s.Leftovers.PullSecrets = []string{"team-a/crowdstrike-falcon-pull-secret"} })},
	"FC954": {
		"label":      remaining(labelled("team-a", map[string]string{InjectionKey: "disabled"})),
		"annotation": remaining(func(s *Snapshot) { s.Namespaces[5].Annotations = map[string]string{InjectionKey: "enabled"} }),
		"pods":       remaining(added(with(plain("team-a", "api-1", api), func(p *Pod) { p.Mark = "enabled" }))),
	},
	"FC955": {
		"carriers":    remaining(added(carrier("team-a", "api-1", api), carrier("team-a", "api-2", api))),
		"an orphan's": orphaned,
	},
	"FC956": {"waits": remaining(func(s *Snapshot) { s.Leftovers.Stuck = []string{"FalconContainer/falcon-sidecar-sensor"} })},
}
