// Package canary asks the API server what would become of a pod, without making one.
//
// A server-side dry run goes through every webhook and admission plugin and stores nothing, so its answer
// is a proof, where reading configurations would be a guess.
package canary

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube/clientset"
)

// Answer is what the API server made of the canary.
type Answer struct {
	// Refused is the server's answer when it would not create the pod, else nil.
	Refused error
	// Sidecar is the sensor's container in the pod as it would be created, or empty.
	Sidecar string

	// image is the canary's own.
	image string
}

// Why are the words of a refusal without the canary's own image, whose name may be that of the sensor.
func (a Answer) Why() string {
	if a.Refused == nil {
		return ""
	}
	if a.image == "" {
		return a.Refused.Error()
	}
	return strings.ReplaceAll(a.Refused.Error(), a.image, "the image")
}

// policy is how the API server names what refuses a pod beside its own admission plugins.
var policy = regexp.MustCompile(`webhook "([^"]+)"|ValidatingAdmissionPolicy '([^']+)'|(image policy webhook)`)

// Policy is the webhook or policy that the refusal names, or nothing. The injector's own webhooks are none.
func (a Answer) Policy() string {
	for _, words := range policy.FindAllStringSubmatch(a.Why(), -1) {
		if name := words[1] + words[2] + words[3]; !strings.HasSuffix(name, manifest.WebhookName) {
			return name
		}
	}
	return ""
}

// Forbidden says whether this user may not create pods in the namespace, so that nothing was learned. An
// admission plugin that refuses the pod answers with the same code, but not in these words.
func (a Answer) Forbidden() bool {
	return apierrors.IsForbidden(a.Refused) && strings.Contains(a.Refused.Error(), `cannot create resource "pods"`)
}

// Injected says whether the pod would carry the sensor.
func (a Answer) Injected() bool { return a.Refused == nil && a.Sidecar != "" }

// Probe asks for one pod in the namespace. image is the injector's sensor image, if known. The error is
// that of a server which could not be asked.
func Probe(ctx context.Context, client clientset.Interface, namespace, image string) (Answer, error) {
	return Ask(ctx, client, namespace, image, Pod())
}

// Ask is Probe with a pod of the caller's choice, such as the canary with a label more.
func Ask(ctx context.Context, client clientset.Interface, namespace, image string, want *corev1.Pod) (Answer, error) {
	own := ""
	if len(want.Spec.Containers) > 0 {
		own = want.Spec.Containers[0].Image
	}
	pod, err := client.CoreV1().Pods(namespace).Create(ctx, want, metav1.CreateOptions{
		DryRun: []string{metav1.DryRunAll},
	})
	if _, answered := errors.AsType[*apierrors.StatusError](err); answered {
		return Answer{Refused: err, image: own}, nil
	}
	if err != nil {
		return Answer{}, fmt.Errorf("dry-run a pod in namespace %s: %w", namespace, err)
	}
	// The canary may have the sensor's image itself.
	for n := range pod.Spec.Containers {
		if pod.Spec.Containers[n].Name == container {
			pod.Spec.Containers[n].Image = ""
		}
	}
	name, _ := sidecar.In(&pod.Spec, image)
	return Answer{Sidecar: name, image: own}, nil
}

// Prober asks for canaries again and again, with an image that the cluster's policies admit: the usual one,
// or the sensor's, which the cluster has to admit for the injector anyway.
type Prober struct {
	// Client is the cluster's, Sensor the injector's sensor image, if known.
	Client clientset.Interface
	Sensor string

	// second says that the sensor's image is the one to begin with.
	second atomic.Bool
}

// Ask asks for the pod in the namespace. Where a policy refuses it, it asks with the other image as well, and
// returns that answer if no policy refuses that one. The error is that of Probe.
func (p *Prober) Ask(ctx context.Context, namespace string, want *corev1.Pod) (Answer, error) {
	second := p.second.Load()
	first, err := p.ask(ctx, namespace, want, second)
	if err != nil || first.Policy() == "" || p.Sensor == "" {
		return first, err
	}
	other, err := p.ask(ctx, namespace, want, !second)
	if err != nil || other.Policy() != "" {
		return first, err
	}
	p.second.Store(!second)
	return other, nil
}

func (p *Prober) ask(ctx context.Context, namespace string, want *corev1.Pod, second bool) (Answer, error) {
	if second {
		want = want.DeepCopy()
		want.Spec.Containers[0].Image = p.Sensor
	}
	return Ask(ctx, p.Client, namespace, p.Sensor, want)
}

// container is the name of the canary's one container.
const container = "canary"

// Pod is the canary: beyond reproach by itself, so that whatever is refused is refused because of what
// the injector added. It has a command, so the injector need not read the image's configuration.
func Pod() *corev1.Pod {
	yes, no, user := true, false, int64(65532)
	small := corev1.ResourceList{
		corev1.ResourceCPU: resource.MustParse("1m"), corev1.ResourceMemory: resource.MustParse("8Mi")}
	return &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			GenerateName: "falcon-canary-",
			Labels:       map[string]string{"app.kubernetes.io/managed-by": "kubectl-falcon"},
		},
		Spec: corev1.PodSpec{
			AutomountServiceAccountToken: &no,
			SecurityContext: &corev1.PodSecurityContext{
				RunAsNonRoot: &yes, RunAsUser: &user,
				SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault},
			},
			Containers: []corev1.Container{{
				Name: container, Image: "registry.k8s.io/pause:3.10", Command: []string{"/pause"},
				Resources: corev1.ResourceRequirements{Requests: small, Limits: small},
				SecurityContext: &corev1.SecurityContext{
					AllowPrivilegeEscalation: &no,
					Capabilities:             &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
				},
			}},
		},
	}
}
