package inject

import (
	"context"
	"fmt"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// pageSize keeps the memory of a large list near one page.
const pageSize = 500

// rolling is the wait for a Deployment to be all of what it should be.
type rolling struct {
	c      *kube.Cluster
	report Reporter
	// meant is the Deployment awaited; another form of it means that another run has changed it.
	meant *appsv1.Deployment
	// complete is an error if what the pods need was taken away, which is asked as often as the wait says that it
	// goes on; nil if there is nothing to ask.
	complete func(context.Context) error

	state, trouble string
	begin, said    time.Time
}

// deployment is the plan's.
func (i *installation) deployment() *appsv1.Deployment {
	for _, object := range i.plan.Objects {
		if d, ok := object.(*appsv1.Deployment); ok {
			return d
		}
	}
	return nil
}

// waitReady returns when every replica of the plan's Deployment is available and the Service has a ready
// address. Reasons why pods do not come up are reported when they are first seen.
func (i *installation) waitReady(ctx context.Context) error {
	r := &rolling{c: i.c, report: i.report, meant: i.deployment(), complete: i.complete}
	return r.wait(ctx, i.how.Timeout)
}

// complete is an error if an object of the plan that the injector's pods cannot start without is gone: an
// uninstall at the same time takes away what this run has made, and no pod would ever be Ready.
func (i *installation) complete(ctx context.Context) error {
	for _, object := range i.plan.Objects {
		switch object.GetObjectKind().GroupVersionKind().Kind {
		case "ServiceAccount", "Secret", "ConfigMap":
		default:
			continue
		}
		if object.GetNamespace() != Namespace {
			continue
		}
		known, err := i.c.Know(ctx, object)
		if err != nil {
			return err
		}
		if known.Object == nil {
			return overtaken(kube.Describe(object) + " was removed")
		}
	}
	return nil
}

func (r *rolling) wait(ctx context.Context, timeout time.Duration) error {
	r.begin, r.said = time.Now(), time.Now()
	meant := r.meant
	err := poll(ctx, pollEvery, timeout, r.look)
	if expired(ctx, err) {
		why := r.trouble
		if why == "" {
			why = kube.Describe(meant) + ": " + r.state
		}
		return problem.New(problem.TimedOut, "mend the cause and install again",
			"the injector is not Ready after %s: %s", timeout, why)
	}
	return err
}

func (r *rolling) look(ctx context.Context) (bool, error) {
	d, err := r.c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, metav1.GetOptions{})
	if err != nil {
		return false, fmt.Errorf("read deployment/%s: %w", Name, err)
	}
	if !sameForm(d, r.meant) {
		return false, overtaken("deployment/" + Name)
	}
	name := kube.Describe(r.meant)
	if now := rollout(d); now != r.state {
		r.state = now
		if now != unseen {
			r.report(Event{Object: name, State: now})
		}
	}
	seen, err := deploymentTrouble(ctx, r.c, d)
	if err != nil {
		return false, err
	}
	// Also that it is over: the end of the wait must not cite it then.
	if seen != r.trouble {
		r.report(Event{Object: name, Trouble: seen})
		r.trouble = seen
	}
	if time.Since(r.said) >= stillEvery {
		if r.complete != nil {
			if err := r.complete(ctx); err != nil {
				return false, err
			}
		}
		r.said = time.Now()
		r.report(Event{Object: name, State: fmt.Sprintf("%s, after %s", r.state, r.said.Sub(r.begin).Round(time.Second))})
	}
	if r.state != available {
		return false, nil
	}
	return hasEndpoint(ctx, r.c)
}

// sameForm says whether a Deployment's pods have the image, the configuration and the certificate of
// another's.
func sameForm(a, b *appsv1.Deployment) bool {
	x, y := a.Spec.Template, b.Spec.Template
	return x.Annotations[manifest.CertificateHash] == y.Annotations[manifest.CertificateHash] &&
		len(x.Spec.Containers) > 0 && len(y.Spec.Containers) > 0 &&
		x.Spec.Containers[0].Image == y.Spec.Containers[0].Image &&
		configName(&x.Spec) == configName(&y.Spec)
}

// configName is the ConfigMap that an injector's pod reads its settings from, by whatever tool.
func configName(spec *corev1.PodSpec) string {
	for i := range spec.Containers {
		for _, from := range spec.Containers[i].EnvFrom {
			if from.ConfigMapRef != nil {
				return from.ConfigMapRef.Name
			}
		}
	}
	return ""
}

const (
	available = "available"
	unseen    = "not looked at yet"
)

// rollout puts a Deployment's state in words; available means all of it, in its newest form,
// and unseen that the controller has not come to it.
func rollout(d *appsv1.Deployment) string {
	want := int32(1)
	if d.Spec.Replicas != nil {
		want = *d.Spec.Replicas
	}
	s := d.Status
	switch {
	case s.ObservedGeneration < d.Generation:
		return unseen
	case s.UpdatedReplicas < want || s.AvailableReplicas < want:
		return fmt.Sprintf("%d of %d replicas available", min(s.UpdatedReplicas, s.AvailableReplicas), want)
	case s.Replicas > s.UpdatedReplicas:
		return fmt.Sprintf("%d old replicas are going", s.Replicas-s.UpdatedReplicas)
	}
	return available
}

// hasEndpoint says whether the API server would find a pod behind the Service.
func hasEndpoint(ctx context.Context, c *kube.Cluster) (bool, error) {
	slices, err := c.Client.DiscoveryV1().EndpointSlices(Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: discoveryv1.LabelServiceName + "=" + Name})
	if err != nil {
		return false, fmt.Errorf("list the injector's endpoints: %w", err)
	}
	for _, slice := range slices.Items {
		for _, endpoint := range slice.Endpoints {
			if endpoint.Conditions.Ready != nil && *endpoint.Conditions.Ready {
				return true, nil
			}
		}
	}
	return false, nil
}

// checkServed asks every ready pod of the injector for its certificate, and holds it against the bundle
// about to be published.
func (i *installation) checkServed(ctx context.Context) error {
	if len(i.given.Bundle) == 0 {
		// cert-manager publishes; the canary proves it.
		return nil
	}
	return served(ctx, i.c, i.given.Bundle)
}

// served is an error if a ready pod serves a certificate that the bundle does not trust. A pod may go while it
// is asked, so one that does not answer is looked for again.
func served(ctx context.Context, c *kube.Cluster, bundle []byte) error {
	asked, silent := map[types.UID]bool{}, error(nil)
	err := poll(ctx, pollEvery, 2*learnWithin, func(ctx context.Context) (bool, error) {
		pods, err := injectorPods(ctx, c)
		if err != nil {
			return false, err
		}
		silent = nil
		for p := range pods {
			pod := &pods[p]
			if pod.DeletionTimestamp != nil || !ready(pod) || asked[pod.UID] {
				continue
			}
			chain, err := certs.Served(ctx, c, pod.Name, listenPort(pod))
			if err != nil {
				silent = err
				continue
			}
			if err := certs.Trusts(bundle, chain, time.Now()); err != nil {
				return false, problem.New(problem.Failed, "kubectl rollout restart deployment/"+Name+" -n "+Namespace+", then run this again",
					"pod/%s serves a certificate that the webhook would not trust: %w", pod.Name, err)
			}
			asked[pod.UID] = true
		}
		return silent == nil, nil
	})
	if expired(ctx, err) && silent != nil {
		return silent
	}
	return err
}

func injectorPods(ctx context.Context, c *kube.Cluster) ([]corev1.Pod, error) {
	pods, err := c.Client.CoreV1().Pods(Namespace).List(ctx, metav1.ListOptions{LabelSelector: "app=" + Name})
	if err != nil {
		return nil, fmt.Errorf("list the injector's pods: %w", err)
	}
	return pods.Items, nil
}

func ready(pod *corev1.Pod) bool {
	for _, c := range pod.Status.Conditions {
		if c.Type == corev1.PodReady {
			return c.Status == corev1.ConditionTrue
		}
	}
	return false
}

// listenPort is where a pod of the injector says that it listens.
func listenPort(pod *corev1.Pod) int32 {
	for i := range pod.Spec.Containers {
		for _, p := range pod.Spec.Containers[i].Ports {
			return p.ContainerPort
		}
	}
	return manifest.Defaults().Port
}
