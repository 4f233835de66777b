package demo

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

var noon = time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)

// names are those of all scenarios.
func names() (all []string) {
	for _, s := range Scenarios() {
		all = append(all, s.Name)
	}
	return all
}

// The guide's scenario is the guide's to the letter: its command line is what the sensor detects.
func TestObjectsGolden(t *testing.T) {
	for file, test := range map[string]struct {
		names []string
		o     Options
	}{
		"guide.yaml":   {[]string{Default}, Options{Namespace: "team-a", Now: noon}},
		"own.yaml":     {[]string{"rootkit"}, Options{Namespace: Namespace, Own: true, Now: noon, Registry: "registry.example.com:5000/mirror"}},
		"vulnapp.yaml": {[]string{"vulnapp"}, Options{Namespace: "team-a", Now: noon}},
	} {
		chosen, err := Chosen(test.names, true)
		if err != nil {
			t.Fatal(err)
		}
		objects, err := Objects(chosen, test.o)
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for _, o := range objects {
			u, err := kube.ToUnstructured(o)
			if err != nil {
				t.Fatal(err)
			}
			text, err := yaml.Marshal(u.Object)
			if err != nil {
				t.Fatal(err)
			}
			all = append(append(all, "---\n"...), text...)
		}
		golden.Check(t, file, all)
	}
}

// What a scenario does must not leave its container, and nobody must get to it.
func TestScenariosStayInTheirContainer(t *testing.T) {
	for _, scenario := range Scenarios() {
		d, err := Deployment(&scenario, Options{Namespace: "team-a"})
		if err != nil {
			t.Fatal(err)
		}
		s := d.Spec.Template.Spec
		if s.HostNetwork || s.HostPID || s.HostIPC || len(s.Volumes) > 0 || len(s.Containers) != 1 || len(s.InitContainers) > 0 {
			t.Errorf("%s is %+v", scenario.Name, s)
		}
		if c := s.Containers[0]; c.SecurityContext != nil || len(c.Command) == 0 || slices.ContainsFunc(c.Ports, func(p corev1.ContainerPort) bool { return p.HostPort != 0 }) {
			t.Errorf("%s: its container is %+v", scenario.Name, c)
		}
		objects, err := Objects([]Scenario{scenario}, Options{Namespace: "team-a", Own: true})
		if err != nil {
			t.Fatal(err)
		}
		policies := 0
		for _, o := range objects {
			kind := o.GetObjectKind().GroupVersionKind().Kind
			if kind == "Service" || kind == "Ingress" {
				t.Errorf("%s has a %s", scenario.Name, kind)
			}
			if kind == "NetworkPolicy" {
				policies++
			}
		}
		if listens := len(s.Containers[0].Ports) > 0; listens != (policies == 1) {
			t.Errorf("%s listens: %v, and has %d policies against it", scenario.Name, listens, policies)
		}
		if scenario.Detection == "" || scenario.Does == "" || scenario.Severity == "" || !scenario.ByHand() && len(scenario.signs) == 0 {
			t.Errorf("%s is not described: %+v", scenario.Name, scenario)
		}
	}
}

func TestChosen(t *testing.T) {
	for name, test := range map[string]struct {
		names   []string
		network bool
		says    string
	}{
		"all":               {names(), true, ""},
		"a network":         {[]string{"rootkit", "dns-exfiltration"}, false, "reaches out of its pod (DNS)"},
		"one that is not":   {[]string{"root-kit"}, true, `there is no scenario "root-kit"`},
		"one that is twice": {[]string{"rootkit", "rootkit"}, true, "named twice"},
	} {
		t.Run(name, func(t *testing.T) {
			chosen, err := Chosen(test.names, test.network)
			p, bad := errors.AsType[*problem.Error](err)
			if bad != (test.says != "") || bad && (p.Kind() != problem.BadInput || !strings.Contains(p.Error(), test.says)) || !bad && len(chosen) != len(test.names) {
				t.Errorf("got %v, %v", chosen, err)
			}
		})
	}
}

func TestImages(t *testing.T) {
	const digest = "@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, test := range map[string]struct {
		image string
		o     Options
		want  string
		says  string
	}{
		"as it is":           {"ubuntu:latest", Options{}, "ubuntu:latest", ""},
		"another":            {"ubuntu:latest", Options{Image: "shell:1"}, "shell:1", ""},
		"no image":           {"ubuntu:latest", Options{Image: "A B"}, "", `"A B" is not an image`},
		"a mirror":           {"ubuntu:latest", Options{Registry: "registry.example.com"}, "registry.example.com/ubuntu:latest", ""},
		"a mirror's folder":  {"quay.io/crowdstrike/vulnapp:latest", Options{Registry: "registry.example.com:5000/q/"}, "registry.example.com:5000/q/crowdstrike/vulnapp:latest", ""},
		"a digest":           {"quay.io/a/b:1" + digest, Options{Registry: "r.example.com"}, "r.example.com/a/b:1" + digest, ""},
		"an address":         {"ubuntu:latest", Options{Registry: "https://registry.example.com"}, "", "is no registry"},
		"no registry at all": {"ubuntu:latest", Options{Registry: "A B"}, "", "is no registry"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Scenario{Image: test.image}
			got, err := s.imageFor(test.o)
			if got != test.want || (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestExpectedAlerts(t *testing.T) {
	guide, _ := Chosen([]string{Default}, false)
	for name, test := range map[string]struct {
		alert falcon.Alert
		want  bool
	}{
		"by its name":      {falcon.Alert{DisplayName: "RootkitInstall"}, true},
		"by its technique": {falcon.Alert{Technique: "Rootkit"}, true},
		"by its command":   {falcon.Alert{CommandLine: "chgrp 0 /etc/ld.so.preload"}, true},
		"another":          {falcon.Alert{DisplayName: "CollectionLin", Technique: "Automated Collection"}, false},
		"an empty one":     {falcon.Alert{}, false},
	} {
		if got := guide[0].Expects(&test.alert); got != test.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
