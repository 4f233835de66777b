package verify

import "time"

var brokenAccess = map[string]breaks{
	"FC101": {"a part of the API is down": func(s *Snapshot) {
		s.Failed = []string{"list pods: the server is currently unable to handle the request"}
	}},
	"FC102": {
		"older":      func(s *Snapshot) { s.Server = "v1.29.4-eks-036c24b" },
		"newer":      func(s *Snapshot) { s.Server = "v1.38.0" },
		"far older":  func(s *Snapshot) { s.Server = "v1.16.0" },
		"unreadable": func(s *Snapshot) { s.Server = "" },
	},
	"FC103": {
		"older":          func(s *Snapshot) { s.Client, s.Injectors[0].Record.Version = "v1.0.0", "v1.1.0" },
		"not comparable": func(s *Snapshot) { s.Client = "cac4cbc" },
		"no record":      func(s *Snapshot) { s.Injectors[0].Record = nil },
	},
	"FC104": {
		"a right": func(s *Snapshot) { s.Denied = []Denial{{Verb: "list", Resource: "pods"}} },
		"in some namespaces": func(s *Snapshot) {
			for _, ns := range []string{"a", "b", "c", "d"} {
				s.Denied = append(s.Denied, Denial{Verb: "create", Resource: "pods", Namespace: ns})
			}
			s.Denied = append(s.Denied, Denial{Verb: "create", Resource: "pods/exec"})
		},
	},
	"FC105": {"no exec": func(s *Snapshot) { s.Denied = []Denial{{Verb: "create", Resource: "pods/exec", Namespace: "team-a"}} }},
	"FC106": {
		"ahead":  func(s *Snapshot) { s.Skew = 3 * time.Minute },
		"behind": func(s *Snapshot) { s.Skew = -2 * time.Hour },
	},
	"FC107": {
		"throttled": func(s *Snapshot) { s.Throttled = 3 },
		"relisted":  func(s *Snapshot) { s.Relisted = true },
	},
	"FC108": {"refused": func(s *Snapshot) {
		s.Rehearsal = []Refusal{{"deployment/injector", `admission webhook "policy.example.com" denied the request: no.`}}
	}},
	"FC109": {
		"far older":  func(s *Snapshot) { s.Server = "v1.16.0" },
		"unreadable": func(s *Snapshot) { s.Server = "one" },
	},
}
