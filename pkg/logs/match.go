package logs

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// About is how a line is about the pod that was asked for.
type About string

// The ways. ByPod lines name the pod, or a pod without a name yet that has its image; ByNamespace lines name
// only its namespace, so they may be about another pod in it.
const (
	NotAbout    About = ""
	ByPod       About = "pod"
	ByNamespace About = "namespace"
)

const (
	// longest is how long an API server waits for a webhook at most, so how long before a pod was made the
	// injector may have begun with it.
	longest = 30 * time.Second
	// drift is how much the clocks of a node and of the API server may differ.
	drift = 2 * time.Second
)

// Subject is a pod, or what makes pods, that lines are looked for about.
type Subject struct {
	namespace string
	// name is an expression for the names of its pods, and for what they are made from.
	name *regexp.Regexp
	// images are those of its containers, to tell pods without a name apart; empty if they are not known.
	images []string
	// made is when the pod was; zero of what makes pods, and of a pod that is not there.
	made time.Time
}

// Find finds what lines are looked for about. found is false of a pod that is not there, whose lines are
// found by its name; any other object must be there.
func Find(ctx context.Context, c *kube.Cluster, kind, namespace, name string) (s Subject, found bool, err error) {
	object, err := c.Maker(ctx, kind, name, namespace)
	pod, is := object.(*corev1.Pod)
	switch {
	case apierrors.IsNotFound(err) && kind == "Pod":
		return AboutName(namespace, name), false, nil
	case apierrors.IsNotFound(err):
		return Subject{}, false, problem.New(problem.BadInput, "kubectl get "+strings.ToLower(kind)+"s -n "+namespace+" shows which there are",
			"there is no %s", kube.Called(kind, name, namespace))
	case err != nil:
		return Subject{}, false, fmt.Errorf("read %s: %w", kube.Called(kind, name, namespace), err)
	case is:
		return AboutPod(pod), true, nil
	}
	return AboutOwner(kind, namespace, name, &kube.Template(object).Spec), true, nil
}

// AboutPod is a pod that is there.
func AboutPod(pod *corev1.Pod) Subject {
	s := AboutName(pod.Namespace, pod.Name)
	if pod.GenerateName != "" {
		s.name = regexp.MustCompile("^(" + regexp.QuoteMeta(pod.Name) + "|" + regexp.QuoteMeta(pod.GenerateName) + ")$")
	}
	s.images, s.made = imagesOf(&pod.Spec), pod.CreationTimestamp.Time
	return s
}

// AboutName is a pod that is not there, by its name: one that was denied never was.
func AboutName(namespace, name string) Subject {
	return Subject{namespace: namespace, name: regexp.MustCompile("^" + regexp.QuoteMeta(name) + "$")}
}

// suffixes are what controllers put behind their own name to name their pods.
var suffixes = map[string]string{
	"Deployment": `-[a-z0-9]+-[a-z0-9]{5}`, "ReplicaSet": `-[a-z0-9]{5}`, "DaemonSet": `-[a-z0-9]{5}`,
	"StatefulSet": `-[0-9]+`, "Job": `(-[0-9]+)?-[a-z0-9]{5}`, "CronJob": `-[0-9]+(-[0-9]+)?-[a-z0-9]{5}`,
}

// AboutOwner is all pods of what makes pods. spec is that of its template; nil if it cannot be known.
func AboutOwner(kind, namespace, name string, spec *corev1.PodSpec) Subject {
	full := suffixes[kind]
	// The name that a pod is made from lacks the random end.
	base := strings.TrimSuffix(full, "[a-z0-9]{5}")
	return Subject{namespace: namespace, images: imagesOf(spec),
		name: regexp.MustCompile("^" + regexp.QuoteMeta(name) + "(" + full + "|" + base + ")$")}
}

func imagesOf(spec *corev1.PodSpec) (images []string) {
	if spec == nil {
		return nil
	}
	for _, list := range [][]corev1.Container{spec.InitContainers, spec.Containers} {
		for n := range list {
			if c := &list[n]; !sidecar.Known(c.Name) && c.Name != sidecar.InitContainer {
				images = append(images, c.Image)
			}
		}
	}
	return images
}

// Of says how a line is about the subject.
func (s *Subject) Of(l *Line) About {
	f := l.Fields
	if f == nil || f.Namespace != s.namespace {
		return NotAbout
	}
	image := len(s.images) == 0 || f.Image == "" || slices.Contains(s.images, f.Image)
	switch {
	case f.Pod != "" && s.name.MatchString(f.Pod):
		return ByPod
	case f.Pod != "" || !image || !s.inTime(l.Time):
		return NotAbout
	case f.Image != "" && len(s.images) > 0:
		return ByPod
	}
	return ByNamespace
}

// inTime says whether a line that names no pod is from when the subject's pod was made.
func (s *Subject) inTime(at time.Time) bool {
	if s.made.IsZero() || at.IsZero() {
		return true
	}
	// The pod's own time has whole seconds.
	return !at.Before(s.made.Add(-longest-drift)) && !at.After(s.made.Add(time.Second+drift))
}
