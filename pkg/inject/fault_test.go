package inject

import "testing"

// Who looks at the status because pods do not start must find the reason there.
func TestFault(t *testing.T) {
	whole := State{Installed: true, Webhook: true, Image: "i", Ready: 2, Replicas: 2}
	with := func(change func(*State)) State {
		s := whole
		change(&s)
		return s
	}
	tests := map[string]struct {
		state State
		want  string
	}{
		"all is well":   {whole, ""},
		"not installed": {State{}, ""},
		"orphan":        {with(func(s *State) { s.Installed = false }), "there is a webhook but no injector, so pods are refused"},
		"scaled away":   {with(func(s *State) { s.Ready, s.Replicas = 0, 0 }), "no injector is ready, so pods are refused"},
		"half":          {with(func(s *State) { s.Ready = 1 }), "not all replicas are ready"},
		"no webhook":    {with(func(s *State) { s.Webhook = false }), "there is no webhook, so new pods get no sensor"},
		"no config":     {with(func(s *State) { s.Image = "" }), "configmap/injector-config is missing"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			fault, next := tt.state.Fault()
			if fault != tt.want || (fault == "") != (next == "") {
				t.Errorf("got %q, next %q; want %q", fault, next, tt.want)
			}
		})
	}
}
