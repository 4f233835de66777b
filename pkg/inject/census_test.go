package inject

import (
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// Whoever left a pod out on purpose is not to be warned of it for ever.
func TestCensus(t *testing.T) {
	says := func(p *corev1.Pod, word string) *corev1.Pod {
		p.Annotations = map[string]string{InjectionKey: word}
		return p
	}
	plain := func() *corev1.Pod { return podIn("shop", "p", true, "app", "proxy") }
	tests := map[string]struct {
		pods  []*corev1.Pod
		optIn bool
		image string
		// pods in scope, protected, opted out
		want [3]int
	}{
		"silent":                        {[]*corev1.Pod{plain()}, false, goodImage, [3]int{1, 0, 0}},
		"silent, but pods opt in":       {[]*corev1.Pod{plain()}, true, goodImage, [3]int{0, 0, 1}},
		"opts out":                      {[]*corev1.Pod{says(plain(), manifest.Disabled)}, false, goodImage, [3]int{0, 0, 1}},
		"opts out where pods opt in":    {[]*corev1.Pod{says(plain(), manifest.Disabled)}, true, goodImage, [3]int{0, 0, 1}},
		"opts in":                       {[]*corev1.Pod{says(plain(), manifest.Enabled)}, true, goodImage, [3]int{1, 0, 0}},
		"a word that is none":           {[]*corev1.Pod{says(plain(), "no")}, false, goodImage, [3]int{1, 0, 0}},
		"by name":                       {[]*corev1.Pod{podIn("shop", "p", true, "app", "falcon-container")}, true, goodImage, [3]int{1, 1, 0}},
		"by image, though silent":       {[]*corev1.Pod{podIn("shop", "p", true, "app", "sensor-of-tomorrow")}, true, goodImage, [3]int{1, 1, 0}},
		"by image, not ready":           {[]*corev1.Pod{podIn("shop", "p", false, "app", "sensor-of-tomorrow")}, false, goodImage, [3]int{1, 0, 0}},
		"by image, but opted out since": {[]*corev1.Pod{says(podIn("shop", "p", true, "app", "sensor-of-tomorrow"), manifest.Disabled)}, false, goodImage, [3]int{1, 1, 0}},
		"by an image that is unknown":   {[]*corev1.Pod{podIn("shop", "p", true, "app", "sensor-of-tomorrow")}, false, "", [3]int{1, 0, 0}},
		"of another namespace":          {[]*corev1.Pod{podIn("bar", "p", true, "app")}, false, goodImage, [3]int{0, 0, 0}},
		"several": {[]*corev1.Pod{plain(), says(plain(), manifest.Disabled), podIn("shop", "p", true, "app", "falcon-container"),
			podIn("shop", "p", true, "sensor-of-tomorrow", "app")}, false, goodImage, [3]int{3, 2, 1}},
	}
	for name, tt := range tests {
		all := census{}
		for _, p := range tt.pods {
			all.add(p)
		}
		s := State{Covered: []string{"default", "shop"}, Image: tt.image, podsOptIn: tt.optIn}
		s.count(all)
		if got := [3]int{s.Pods, s.Protected, s.OptedOut}; got != tt.want {
			t.Errorf("%s: in scope, protected, opted out are %v, want %v", name, got, tt.want)
		}
	}
}

// The setting is the one that the installation writes.
func TestStatusKnowsThatPodsOptIn(t *testing.T) {
	c, client := newCluster(t)
	c.put(secretOf(pairs()[0]))
	o := goodOptions()
	o.PodInjection = manifest.OptIn
	mustInstall(t, client, o)
	c.put(podIn("shop", "silent", true, "app"))
	s, err := Status(t.Context(), client)
	if err != nil || s.OptedOut != 1 || s.Pods != 0 || len(s.Faults) > 0 {
		t.Errorf("%d opted out, %d in scope, faults %v, %v", s.OptedOut, s.Pods, s.Faults, err)
	}
}

// Each of these leaves the Deployment as healthy as ever, and refuses pods sooner or later.
func TestStatusOfAnInjectorThatCannotBeReached(t *testing.T) {
	tests := map[string]struct {
		harm func(*cluster)
		want string
	}{
		"without its Service": {func(c *cluster) { delete(c.objects, serviceKey) }, "the injector's Service is missing, so pods are refused"},
		"without an endpoint": {func(c *cluster) { c.unreached = true }, "no ready pod is behind the injector's Service, so pods are refused"},
		"without its Secret":  {func(c *cluster) { delete(c.objects, secretKey) }, "secret/injector-tls with the injector's certificate is missing, so no injector can start anew"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			c.installed(t, client)
			tt.harm(c)
			s, err := Status(t.Context(), client)
			if err != nil || len(s.Faults) != 1 || s.Faults[0].Warning || s.Faults[0].What != tt.want {
				t.Errorf("faults %+v, %v", s.Faults, err)
			}
		})
	}
}
