package inject

import (
	"strings"
	"testing"
)

// Who looks at the status because pods do not start must find the reason first.
func TestFaults(t *testing.T) {
	whole := State{Installed: true, Webhook: true, Image: "i", Ready: 2, Replicas: 2, FailurePolicy: "Fail",
		CertificateDays: 1000, Trusted: true, Pods: 3, Protected: 3}
	tests := map[string]struct {
		change func(*State)
		// want are the faults in their order, warnings with a question mark.
		want []string
	}{
		"all is well":            {func(*State) {}, nil},
		"not installed":          {func(s *State) { *s = State{CertificateDays: -1} }, nil},
		"an orphan":              {func(s *State) { s.Installed = false }, []string{"there is a webhook but no injector, so pods are refused"}},
		"a mild orphan":          {func(s *State) { s.Installed, s.FailurePolicy = false, "Ignore" }, nil},
		"none ready":             {func(s *State) { s.Ready, s.Trouble = 0, "pod/x: Y" }, []string{"no injector is ready, so pods are refused: pod/x: Y"}},
		"scaled to none":         {func(s *State) { s.Ready, s.Replicas = 0, 0 }, []string{"no injector is ready, so pods are refused"}},
		"none, but mild":         {func(s *State) { s.Ready, s.FailurePolicy = 0, "Ignore" }, []string{"?0 of 2 replicas are ready"}},
		"half":                   {func(s *State) { s.Ready = 1 }, []string{"?1 of 2 replicas are ready"}},
		"ended":                  {func(s *State) { s.CertificateDays, s.Trusted = 0, false }, []string{"the certificate ends today or has ended"}},
		"not trusted":            {func(s *State) { s.Trusted = false }, []string{"the webhook does not trust the injector's certificate, so pods are refused"}},
		"broken glass":           {func(s *State) { s.GlassBroken = "eve" }, []string{"pods start without the sensor while no injector answers: glass broken by eve"}},
		"ending":                 {func(s *State) { s.Ending = true }, []string{"namespace falcon-system is being deleted"}},
		"no Service":             {func(s *State) { s.Unreachable = "X" }, []string{"X, so pods are refused"}},
		"no Service, mild":       {func(s *State) { s.Unreachable, s.FailurePolicy = "X", "Ignore" }, []string{"X, so pods start without the sensor"}},
		"nor a ready pod":        {func(s *State) { s.Unreachable, s.Ready = "X", 0 }, []string{"no injector is ready, so pods are refused"}},
		"no Secret":              {func(s *State) { s.NoCertificate, s.CertificateDays, s.Trusted = "n", -1, false }, []string{"secret/n with the injector's certificate is missing, so no injector can start anew"}},
		"no Secret of one's own": {func(s *State) { s.NoCertificate, s.ForeignCertificate, s.CertificateDays = "n", true, -1 }, []string{"secret/n with the injector's certificate is missing, so no injector can start anew"}},
		"opted out":              {func(s *State) { s.OptedOut = 7 }, nil},
		"no webhook":             {func(s *State) { s.Webhook, s.Trusted = false, false }, []string{"there is no webhook, so new pods get no sensor"}},
		"no config":              {func(s *State) { s.Image = "" }, []string{"the injector's configuration is missing"}},
		"30 days":                {func(s *State) { s.CertificateDays = 30 }, nil},
		"29 days":                {func(s *State) { s.CertificateDays = 29 }, []string{"?the certificate ends in 29 days"}},
		"another":                {func(s *State) { s.Others = []string{"a", "b", "c"} }, []string{"?there is another injector: a, b and 1 more"}},
		"some have none":         {func(s *State) { s.Protected = 1 }, []string{"?2 of 3 running pods in scope carry no ready sensor"}},
		"one has none":           {func(s *State) { s.Pods, s.Protected = 1, 0 }, []string{"?1 of 1 running pod in scope carry no ready sensor"}},
		"the worst first":        {func(s *State) { s.Ready, s.Image, s.CertificateDays, s.Others = 0, "", 5, []string{"a"} }, []string{"no injector is ready, so pods are refused", "the injector's configuration is missing", "?the certificate ends in 5 days", "?there is another injector: a"}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := whole
			tt.change(&s)
			var got []string
			for _, f := range s.faults() {
				what := f.What
				if f.Warning {
					what = "?" + what
				}
				got = append(got, what)
				if f.Next == "" {
					t.Errorf("no advice for %q", f.What)
				}
			}
			wantLines(t, "the faults are", got, tt.want...)
			first, _ := s.Fault()
			if len(tt.want) > 0 && first != strings.TrimPrefix(tt.want[0], "?") || len(tt.want) == 0 && first != "" {
				t.Errorf("the worst is %q", first)
			}
		})
	}
}
