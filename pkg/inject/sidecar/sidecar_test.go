package sidecar

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// spec makes a pod of containers written as NAME or NAME=IMAGE.
func spec(containers ...string) *corev1.PodSpec {
	var s corev1.PodSpec
	for _, c := range containers {
		name, image, _ := strings.Cut(c, "=")
		s.Containers = append(s.Containers, corev1.Container{Name: name, Image: image})
	}
	return &s
}

func TestIn(t *testing.T) {
	const image = "registry.example.com/falcon:7"
	tests := map[string]struct {
		spec  *corev1.PodSpec
		image string
		want  string // empty: not found
	}{
		"no containers":       {spec(), image, ""},
		"a plain pod":         {spec("app=nginx"), image, ""},
		"two plain ones":      {spec("app=nginx", "proxy=envoy"), image, ""},
		"last":                {spec("app", "crowdstrike-falcon-container"), "", "crowdstrike-falcon-container"},
		"first":               {spec("crowdstrike-falcon-container", "app"), "", "crowdstrike-falcon-container"},
		"between":             {spec("app", "crowdstrike-falcon-container", "proxy"), "", "crowdstrike-falcon-container"},
		"the guide's name":    {spec("app", "falcon-container"), "", "falcon-container"},
		"both names":          {spec("falcon-container", "app", "crowdstrike-falcon-container"), "", "crowdstrike-falcon-container"},
		"a similar name":      {spec("app", "falcon-container-2"), "", ""},
		"alone, by its name":  {spec("falcon-container"), "", "falcon-container"},
		"by image, last":      {spec("app=nginx", "sensor="+image), image, "sensor"},
		"by image, first":     {spec("sensor="+image, "app=nginx"), image, "sensor"},
		"another image":       {spec("app=nginx", "sensor="+image+"1"), image, ""},
		"no image known":      {spec("app=", "sensor="), "", ""},
		"name before image":   {spec("app="+image, "falcon-container=other"), image, "falcon-container"},
		"the injector itself": {spec("injector=" + image), image, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, found := In(test.spec, test.image)
			if got != test.want || found != (test.want != "") {
				t.Errorf("got %q, %v; want %q", got, found, test.want)
			}
		})
	}
}

// The init container only brings files: a pod whose sensor container is missing is not protected.
func TestInDoesNotTakeTheInitContainer(t *testing.T) {
	s := spec("app")
	s.InitContainers = []corev1.Container{{Name: InitContainer}}
	if name, found := In(s, ""); found {
		t.Errorf("found %s", name)
	}
}

func TestReady(t *testing.T) {
	pod := &corev1.Pod{Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{
		{Name: "app", Ready: true}, {Name: "falcon-container", Ready: false}, {Name: "sensor", Ready: true}}}}
	for container, want := range map[string]bool{"app": true, "falcon-container": false, "sensor": true, "absent": false} {
		if got := Ready(pod, container); got != want {
			t.Errorf("%s: ready is %v, want %v", container, got, want)
		}
	}
	if Ready(&corev1.Pod{}, "app") {
		t.Error("a pod without statuses has a ready container")
	}
}
