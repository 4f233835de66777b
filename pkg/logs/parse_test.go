package logs

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	plainBegin  = "2026/11/25 12:00:00 Handling webhook request with id 4b7c in namespace team-a ..."
	plainEnd    = "2026/11/25 12:00:00 Webhook request with id 4b7c in namespace team-a handled successfully!"
	plainDenied = `2026/11/25 12:00:00 Failed to handle webhook request: Failed to retrieve image details for "shop:1" in container "app" in pod "team-a/": no such host`
	pairBegin   = `time="2026-11-25T12:00:00Z" level=info msg="Handling webhook request with id 4b7c in namespace team-a ..."`
	pairFound   = `time="2026-11-25T12:00:00Z" level=info msg="Found registry" image="shop:1" namespace=team-a podName= registry=docker.io`
	pairNamed   = `time="2026-11-25T12:00:00Z" level=info msg="Found registry" image="shop:1" namespace=team-a podName=one registry=docker.io`
	pairDenied  = `time="2026-11-25T12:00:00Z" level=error msg="Failed to handle webhook request" error="Failed to retrieve image details for \"shop:1\" in container \"app\" in pod \"team-a/one\": timeout"`
)

func TestParse(t *testing.T) {
	tests := map[string]struct {
		line string
		want *Fields
	}{
		"plain, begin":  {plainBegin, &Fields{Text: "Handling webhook request with id 4b7c in namespace team-a ...", Request: "4b7c", Namespace: "team-a"}},
		"plain, end":    {plainEnd, &Fields{Text: "Webhook request with id 4b7c in namespace team-a handled successfully!", Request: "4b7c", Namespace: "team-a"}},
		"plain, first":  {"injector server starting ...", &Fields{Text: "injector server starting ..."}},
		"plain, dated":  {"2026/11/25 12:00:00 hello", &Fields{Text: "hello"}},
		"plain, denied": {plainDenied, &Fields{Level: "error", Text: plainDenied[20:], Namespace: "team-a", Image: "shop:1", Error: plainDenied[20+34:]}},
		"pairs, begin":  {pairBegin, &Fields{Level: "info", Text: "Handling webhook request with id 4b7c in namespace team-a ...", Request: "4b7c", Namespace: "team-a"}},
		"pairs, no pod": {pairFound, &Fields{Level: "info", Text: "Found registry", Namespace: "team-a", Image: "shop:1"}},
		"pairs, a pod":  {pairNamed, &Fields{Level: "info", Text: "Found registry", Namespace: "team-a", Pod: "one", Image: "shop:1"}},
		"pairs, denied": {pairDenied, &Fields{Level: "error", Text: "Failed to handle webhook request", Namespace: "team-a", Pod: "one", Image: "shop:1",
			Error: `Failed to retrieve image details for "shop:1" in container "app" in pod "team-a/one": timeout`}},
		"pairs, cut":        {`time="2026" level=info msg="half of`, &Fields{Level: "info", Text: "half of"}},
		"pairs, no message": {"time=1 level=info", nil},
		"something else":    {"panic: runtime error", nil},
		"nothing":           {"", nil},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := Parse(test.line)
			if (got == nil) != (test.want == nil) || got != nil && *got != *test.want {
				t.Errorf("got  %+v\nwant %+v", got, test.want)
			}
		})
	}
}

// FuzzParse holds that no line stops the reading.
func FuzzParse(f *testing.F) {
	for _, line := range []string{plainBegin, plainDenied, pairFound, pairDenied, `level="`, `time=a msg="\`} {
		f.Add(line)
	}
	f.Fuzz(func(_ *testing.T, line string) { Parse(line) })
}

func TestAbout(t *testing.T) {
	made := time.Date(2026, 11, 25, 12, 0, 1, 0, time.UTC)
	spec := corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "shop:1"},
		{Name: "crowdstrike-falcon-container", Image: "falcon:7"}}}
	one := AboutPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "one", CreationTimestamp: metav1.NewTime(made)}, Spec: spec})
	web := AboutPod(&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "team-a", Name: "web-5d4f-abcde", GenerateName: "web-5d4f-",
		CreationTimestamp: metav1.NewTime(made)}, Spec: spec})
	deployment := AboutOwner("Deployment", "team-a", "web", &spec)
	set := AboutOwner("StatefulSet", "team-a", "one", nil)
	denied := AboutName("team-a", "one")
	named := func(pod string) string {
		return `time=1 level=info msg="Found registry" image=shop:1 namespace=team-a podName=` + pod
	}
	tests := map[string]struct {
		s     Subject
		line  string
		after time.Duration
		want  About
	}{
		"the pod's name":                   {one, pairNamed, 0, ByPod},
		"the pod's name, at any time":      {one, pairNamed, -time.Hour, ByPod},
		"another pod's name":               {web, pairNamed, 0, NotAbout},
		"only the namespace":               {one, plainBegin, 0, ByNamespace},
		"the namespace, in the later form": {one, pairBegin, 0, ByNamespace},
		"the namespace, long before":       {one, plainBegin, -time.Minute, NotAbout},
		"the namespace, long after":        {one, plainBegin, time.Minute, NotAbout},
		"another namespace":                {AboutName("team-b", "one"), plainBegin, 0, NotAbout},
		"no name yet, its image":           {web, pairFound, 0, ByPod},
		"no name yet, another image":       {web, `time=1 level=info msg="Found registry" image=other:1 namespace=team-a podName=`, 0, NotAbout},
		"denied without a name":            {deployment, plainDenied, 0, ByPod},
		"denied by name":                   {denied, pairDenied, time.Hour, ByPod},
		"what it is made from":             {web, named("web-5d4f-"), 0, ByPod},
		"the owner's pod":                  {deployment, named("web-5d4f-abcde"), 0, ByPod},
		"the owner's, not named yet":       {deployment, named("web-5d4f-"), 0, ByPod},
		"a similar owner's pod":            {deployment, named("web-api-5d4f-abcde"), 0, NotAbout},
		"a set's pod":                      {set, named("one-0"), 0, ByPod},
		"a set's neighbour":                {set, named("one-more-0"), 0, NotAbout},
		"the start":                        {one, "injector server starting ...", 0, NotAbout},
		"something else":                   {one, "panic: team-a", 0, NotAbout},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			l := &Line{Time: made.Add(test.after), Message: test.line, Fields: Parse(test.line)}
			if got := test.s.Of(l); got != test.want {
				t.Errorf("it is %q, want %q: %+v", got, test.want, l.Fields)
			}
		})
	}
}
