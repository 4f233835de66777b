package demo

import (
	"strings"
	"time"

	"github.com/distribution/reference"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// What the demo's objects are known by, and what is written on them.
const (
	partOf    = "app.kubernetes.io/part-of"
	managedBy = "app.kubernetes.io/managed-by"
	// Selector finds all objects of the demo, wherever they are.
	Selector = partOf + "=falcon-demo," + managedBy + "=" + kube.FieldManager
	// scenarioLabel is the guide's.
	scenarioLabel = "run"
	expiresKey    = "kubectl-falcon.github.io/expires"
	// runKey makes the pod of each run a new one: a pod is detected once.
	runKey = "kubectl-falcon.github.io/run"
)

// mostPods bounds what runs in the demo's own namespace.
const mostPods = "20"

func labelsOf(name string) map[string]string {
	return map[string]string{scenarioLabel: name, "app.kubernetes.io/name": name, partOf: "falcon-demo", managedBy: kube.FieldManager}
}

func (o *Options) expiry() map[string]string {
	return map[string]string{expiresKey: o.Now.Add(Life).UTC().Format(time.RFC3339)}
}

// Objects are all that a run of the scenarios makes, in the order in which it is made.
func Objects(chosen []Scenario, o Options) ([]kube.Object, error) {
	var all []kube.Object
	if o.Own {
		all = append(all, ownNamespace(o), quota(o))
	}
	for n := range chosen {
		d, err := Deployment(&chosen[n], o)
		if err != nil {
			return nil, err
		}
		if chosen[n].ByHand() {
			all = append(all, closed(&chosen[n], o))
		}
		all = append(all, d)
	}
	return all, nil
}

// ownNamespace is the demo's: it asks for the sensor, and lets the sensor have what it needs off Fargate.
func ownNamespace(o Options) *corev1.Namespace {
	return &corev1.Namespace{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Namespace"},
		ObjectMeta: metav1.ObjectMeta{Name: o.Namespace, Annotations: o.expiry(), Labels: map[string]string{
			partOf: "falcon-demo", managedBy: kube.FieldManager, inject.InjectionKey: "enabled",
			"pod-security.kubernetes.io/enforce": "privileged"}},
	}
}

// quota keeps a forgotten demo small, and the vulnerable from being reached from outside.
func quota(o Options) *corev1.ResourceQuota {
	return &corev1.ResourceQuota{
		TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "ResourceQuota"},
		ObjectMeta: metav1.ObjectMeta{Name: Namespace, Namespace: o.Namespace,
			Labels: map[string]string{partOf: "falcon-demo", managedBy: kube.FieldManager}},
		Spec: corev1.ResourceQuotaSpec{Hard: corev1.ResourceList{
			corev1.ResourcePods:                   resource.MustParse(mostPods),
			corev1.ResourceServicesLoadBalancers:  resource.MustParse("0"),
			corev1.ResourceServicesNodePorts:      resource.MustParse("0"),
			corev1.ResourcePersistentVolumeClaims: resource.MustParse("0")}},
	}
}

// closed keeps everybody in the cluster from a scenario that listens. A port-forward does not come in by the
// pod's network, so it still works.
func closed(s *Scenario, o Options) *networkingv1.NetworkPolicy {
	return &networkingv1.NetworkPolicy{
		TypeMeta:   metav1.TypeMeta{APIVersion: "networking.k8s.io/v1", Kind: "NetworkPolicy"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: o.Namespace, Labels: labelsOf(s.Name), Annotations: o.expiry()},
		Spec: networkingv1.NetworkPolicySpec{
			PodSelector: metav1.LabelSelector{MatchLabels: map[string]string{scenarioLabel: s.Name}},
			PolicyTypes: []networkingv1.PolicyType{networkingv1.PolicyTypeIngress}},
	}
}

// Deployment is a scenario. It shares nothing with its node, and asks for the sensor.
func Deployment(s *Scenario, o Options) (*appsv1.Deployment, error) {
	image, err := s.imageFor(o)
	if err != nil {
		return nil, err
	}
	one, seconds := int32(1), int64(1)
	container := corev1.Container{Name: s.Name, Image: image, Command: []string{"/entrypoint.sh"}}
	if s.run != "" {
		container.Command = []string{"bash", "-xc", s.run}
	}
	if s.port > 0 {
		container.Ports = []corev1.ContainerPort{{Name: "http", ContainerPort: s.port}}
	}
	annotations := map[string]string{inject.InjectionKey: "enabled"}
	if !o.Now.IsZero() {
		annotations[runKey] = o.Now.UTC().Format(time.RFC3339)
	}
	return &appsv1.Deployment{
		TypeMeta:   metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: o.Namespace, Labels: labelsOf(s.Name), Annotations: o.expiry()},
		Spec: appsv1.DeploymentSpec{
			Replicas: &one,
			Selector: &metav1.LabelSelector{MatchLabels: map[string]string{scenarioLabel: s.Name}},
			Template: corev1.PodTemplateSpec{
				ObjectMeta: metav1.ObjectMeta{Labels: labelsOf(s.Name), Annotations: annotations},
				Spec: corev1.PodSpec{
					// The shell that is PID 1 does not heed TERM.
					TerminationGracePeriodSeconds: &seconds,
					Containers:                    []corev1.Container{container},
				},
			},
		},
	}, nil
}

// imageFor is the scenario's image, from where the options say it is.
func (s *Scenario) imageFor(o Options) (string, error) {
	image := s.Image
	if o.Image != "" {
		image = o.Image
	}
	named, err := reference.ParseNormalizedNamed(image)
	if err != nil {
		return "", problem.New(problem.BadInput, "write it as REGISTRY/NAME:TAG", "%q is not an image: %w", image, err)
	}
	if o.Registry == "" {
		return image, nil
	}
	// Docker Hub's own images have a folder there that nobody writes.
	path := strings.TrimPrefix(reference.Path(named), "library/")
	moved := strings.TrimSuffix(o.Registry, "/") + "/" + path
	if tagged, ok := named.(reference.Tagged); ok {
		moved += ":" + tagged.Tag()
	}
	if pinned, ok := named.(reference.Digested); ok {
		moved += "@" + pinned.Digest().String()
	}
	if _, err := reference.ParseNormalizedNamed(moved); err != nil || strings.Contains(o.Registry, "://") {
		return "", problem.New(problem.BadInput, "write --registry HOST[:PORT][/PATH]", "%q is no registry", o.Registry)
	}
	return moved, nil
}
