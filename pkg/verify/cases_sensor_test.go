package verify

// sensors breaks some of the answers of sensors: of the first, or of as many as are given.
func sensors(damage ...func(s *Sensor)) func(s *Snapshot) {
	return func(s *Snapshot) {
		for n := range damage {
			damage[n](&s.Sensors[n])
		}
	}
}

func unreachable(s *Sensor) {
	s.AID, s.Version, s.CIDFits, s.Error = "", "", "", "container not found."
}

func forbiddenExec(s *Sensor) {
	s.AID, s.Version, s.CIDFits, s.Policy = "", "", "", true
	s.Error = `admission webhook "policy.example.com" denied the request: no exec`
}

var brokenSensor = map[string]breaks{
	"FC801": {
		"no answer": sensors(unreachable, unreachable),
		"nobody":    func(s *Snapshot) { s.Sensors = nil },
	},
	"FC802": {
		"none":  sensors(func(s *Sensor) { s.AID = "" }),
		"zeros": sensors(func(s *Sensor) { s.AID = "00000000000000000000000000000000" }),
	},
	"FC803": {"twice": func(s *Snapshot) { s.Sensors[3].AID = s.Sensors[0].AID }},
	"FC804": {"denied": sensors(forbiddenExec, forbiddenExec, forbiddenExec)},
	"FC805": {"another": sensors(func(s *Sensor) { s.CIDFits = "no" })},
	"FC806": {"two": sensors(func(s *Sensor) { s.Version = "7.31.0" })},
}
