package verify

import (
	"slices"
	"strings"
	"testing"

	"github.com/distribution/reference"
)

// Without the right to send dry-run pods what they would prove is skipped with that reason: where the
// right is missing everywhere, and where each namespace denies it. In one namespace it takes away no more
// than that one.
func TestWithoutTheRightToCreatePods(t *testing.T) {
	everyNamespace := refusing(NotPermitted, `cannot create resource "pods"`)
	for _, id := range []string{"FC606", "FC607", "FC608", "FC609", "FC612"} {
		for name, damage := range map[string]func(s *Snapshot){"cluster": forbidden, "each namespace": everyNamespace} {
			s := healthy()
			damage(s)
			if r := result(t, id, s); r.Verdict != Skip || !strings.HasPrefix(r.Reason, "you may not create pods") {
				t.Errorf("%s, %s: %s because %q", id, name, r.Verdict, r.Reason)
			}
		}
		s := healthy()
		refusing(NotPermitted, `cannot create resource "pods"`, "team-a")(s)
		s.Denied = []Denial{{Verb: "create", Resource: "pods", Namespace: "team-a"}}
		if r := result(t, id, s); r.Verdict == Skip || r.Verdict == Fail {
			t.Errorf("%s, one namespace: %s because %q", id, r.Verdict, r.Reason)
		}
	}
}

// A pass of FC606 is a proof, so nothing may be missing from it.
func TestInjectedIsProvedEverywhereOrNotSaid(t *testing.T) {
	s := healthy()
	if r := result(t, "FC606", s); r.Verdict != Pass {
		t.Fatalf("%s: %s", r.Verdict, r.Reason)
	}
	s.Canaries = s.Canaries[:2]
	if r := result(t, "FC606", s); r.Verdict != Undecided {
		t.Errorf("with a namespace that was not asked: %s", r.Verdict)
	}
}

func TestCredentialsFor(t *testing.T) {
	tests := []struct {
		key, image string
		want       bool
	}{
		{"registry.example.com", "registry.example.com/team/app:1", true},
		{"https://registry.example.com", "registry.example.com/team/app:1", true},
		{"https://registry.example.com/v2/", "registry.example.com/team/app:1", true},
		{"registry.example.com/team", "registry.example.com/team/app:1", true},
		{"registry.example.com/other", "registry.example.com/team/app:1", false},
		{"*.example.com", "registry.example.com/app", true},
		{"*.com", "registry.example.com/app", false},
		{"*.dkr.ecr.*.amazonaws.com", "123456789123.dkr.ecr.eu-west-1.amazonaws.com/app", true},
		{"registry.example.com:5000", "registry.example.com:5000/app", true},
		{"registry.example.com", "registry.example.com:5000/app", false},
		{"https://index.docker.io/v1/", "nginx", true},
		{"docker.io", "team/app", true},
		{"ghcr.io", "nginx", false},
		{"", "nginx", false},
		{"[", "nginx", false},
	}
	for _, test := range tests {
		named, err := reference.ParseNormalizedNamed(test.image)
		if err != nil {
			t.Fatal(err)
		}
		if got := credentialsFor(test.key, named); got != test.want {
			t.Errorf("%q for %s: %v", test.key, test.image, got)
		}
	}
}

// Ten thousand pods with the same trouble are one finding with a few names.
func TestFindingsDoNotGrowWithPods(t *testing.T) {
	s := healthy()
	for range 10000 {
		s.Pods = append(s.Pods, plain("team-a", "api-x", api))
	}
	r := result(t, "FC701", s)
	if len(r.Findings) != 1 || r.Findings[0].Pods != 10000 || len(r.Findings[0].Examples) != exampleCount {
		t.Errorf("%+v", r.Findings)
	}
}

// A refusal of a class without a meaning would be reported by no check.
func TestEveryClassHasAMeaning(t *testing.T) {
	for _, class := range classes {
		if m, there := classMeanings[class]; class != None && (!there || m.why == "") {
			t.Errorf("%s means nothing", class)
		}
	}
	if len(classMeanings) != len(classes)-1 || !slices.Contains(classes, Unclassified) {
		t.Error("a class is not listed")
	}
}
