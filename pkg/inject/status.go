package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// State is what the cluster has of the injector. Its JSON form is stable.
type State struct {
	// Installed says whether there is a Deployment, Webhook whether pods are sent to it.
	Installed bool `json:"installed"`
	Webhook   bool `json:"webhook"`
	// Owner is the tool that made the injector, Version that of this tool which installed it last.
	Owner   string `json:"owner,omitempty"`
	Version string `json:"version,omitempty"`
	// Image is the sensor image that sidecars get.
	Image string `json:"image,omitempty"`
	// Ready and Replicas count the injector's pods.
	Ready    int32 `json:"ready"`
	Replicas int32 `json:"replicas"`
	// FailurePolicy is what happens to pods while the injector does not answer: Fail refuses them.
	FailurePolicy string `json:"failurePolicy,omitempty"`
	// GlassBroken is who has let pods start without the injector, and when.
	GlassBroken string `json:"glassBroken,omitempty"`
	// Covered are the namespaces that the webhook is called for, Left those that it is not.
	Covered []string `json:"covered"`
	Left    []string `json:"left"`
	// CertificateDays are left until the first of certificate and authority ends; -1 if there is none.
	CertificateDays int `json:"certificateDays"`
	// ForeignCertificate says that it is not one made here.
	ForeignCertificate bool `json:"foreignCertificate,omitempty"`
	// Trusted says whether the webhook trusts the injector's certificate.
	Trusted bool `json:"trusted"`
	// Pods counts the running pods of the covered namespaces, Protected those with a ready sensor.
	Pods      int `json:"pods"`
	Protected int `json:"protected"`
	// Others are injectors beside this one, in words.
	Others []string `json:"others,omitempty"`
	// Orphans are webhooks of other injectors that lead nowhere, with what to do about each.
	Orphans []Fault `json:"orphans,omitempty"`
	// Ending says that the injector's namespace is being deleted.
	Ending bool `json:"ending,omitempty"`
	// Trouble is why the injector does not come up.
	Trouble string `json:"trouble,omitempty"`
	// Faults are what is wrong, the worst first.
	Faults []Fault `json:"faults"`

	// Config is the webhook as it stands, for whoever judges what it covers; nil if there is none.
	Config *admissionv1.MutatingWebhookConfiguration `json:"-"`
}

// Fault is something wrong and the command to run next.
type Fault struct {
	What string `json:"what"`
	Next string `json:"next"`
	// Warning says that nothing fails because of it yet.
	Warning bool `json:"warning,omitempty"`
}

// Status returns the whole state: everything is asked at once.
func Status(ctx context.Context, c *kube.Cluster) (*State, error) {
	var f *found
	var pods podCount
	all, inner := errgroup.WithContext(ctx)
	all.Go(func() (err error) {
		f, err = lookMounted(inner, c)
		return err
	})
	all.Go(func() (err error) {
		pods, err = countPods(inner, c)
		return err
	})
	var record *corev1.ConfigMap
	all.Go(func() (err error) {
		record, err = one(c.Client.CoreV1().ConfigMaps(Namespace).Get(inner, manifest.RecordName, metav1.GetOptions{}))("configmap/" + manifest.RecordName)
		return err
	})
	if err := all.Wait(); err != nil {
		return nil, err
	}
	s := f.state(time.Now())
	if record != nil {
		s.Version = record.Data[manifest.RecordVersion]
	}
	if f.deployment != nil {
		if err := s.configured(ctx, c, f.deployment); err != nil {
			return nil, err
		}
		if rollout(f.deployment) != available {
			var err error
			if s.Trouble, err = deploymentTrouble(ctx, c, f.deployment); err != nil {
				return nil, err
			}
		}
	}
	for _, ns := range s.Covered {
		s.Pods += pods.running[ns]
		s.Protected += pods.protected(ns, s.Image)
	}
	s.Faults = s.faults()
	return s, nil
}

// Read returns the state of the injector without what only status shows: certificates, owner and counts.
func Read(ctx context.Context, c *kube.Cluster) (State, error) {
	var s State
	d, err := one(c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, metav1.GetOptions{}))("deployment/" + Name)
	if err != nil {
		return s, err
	}
	if d != nil {
		s.deployed(d)
		if err := s.configured(ctx, c, d); err != nil {
			return s, err
		}
	}
	w, err := readWebhook(ctx, c)
	s.hooked(w)
	return s, err
}

// state is what can be said from what was found alone.
func (f *found) state(now time.Time) *State {
	s := &State{CertificateDays: -1, Covered: []string{}, Left: []string{}, Ending: f.ending()}
	if f.deployment != nil {
		s.deployed(f.deployment)
	}
	s.hooked(f.webhook)
	if f.webhook != nil && wide(f.webhook) {
		s.Covered, s.Left = covered(f.webhook, f.namespaces)
	} else {
		s.Webhook = false
	}
	for _, i := range f.injectors {
		if i.Namespace == Namespace && (i.Webhook == WebhookName || i.Deployment == Name) {
			s.Owner = strings.TrimSpace(string(i.Tool) + " " + i.Detail)
			continue
		}
		s.Others = append(s.Others, i.String())
		if p, ok := errors.AsType[*problem.Error](owner.Refuse([]owner.Injector{i}, false)); ok && i.Orphan {
			s.Orphans = append(s.Orphans, Fault{What: p.Error(), Next: p.Next()})
		}
	}
	if f.secret != nil {
		t := tlsOf(f.secret)
		s.ForeignCertificate = f.secret.Name != manifest.SecretName
		s.CertificateDays = daysLeft(now, t.Cert, bundle(f.webhook))
		s.Trusted = f.webhook != nil && certs.Trusts(bundle(f.webhook), t.Cert, now) == nil
	}
	return s
}

// daysLeft until the first of all certificates ends.
func daysLeft(now time.Time, texts ...[]byte) int {
	days := -1
	for _, text := range texts {
		for _, c := range certs.Parse(text) {
			if left := int(c.NotAfter.Sub(now).Hours() / 24); days < 0 || left < days {
				days = max(0, left)
			}
		}
	}
	return days
}

func (s *State) deployed(d *appsv1.Deployment) {
	s.Installed, s.Ready, s.Replicas = true, d.Status.ReadyReplicas, 1
	if d.Spec.Replicas != nil {
		s.Replicas = *d.Spec.Replicas
	}
}

// configured reads the sensor image from the configuration that the Deployment names.
func (s *State) configured(ctx context.Context, c *kube.Cluster, d *appsv1.Deployment) error {
	name := configName(&d.Spec.Template.Spec)
	if name == "" {
		return nil
	}
	config, err := one(c.Client.CoreV1().ConfigMaps(d.Namespace).Get(ctx, name, metav1.GetOptions{}))("configmap/" + name)
	if config != nil {
		s.Image = config.Data["FALCON_IMAGE"]
	}
	return err
}

func (s *State) hooked(w *admissionv1.MutatingWebhookConfiguration) {
	if w == nil {
		return
	}
	s.Webhook, s.Config = true, w
	s.GlassBroken = w.Annotations[BrokenGlass]
	if len(w.Webhooks) > 0 && w.Webhooks[0].FailurePolicy != nil {
		s.FailurePolicy = string(*w.Webhooks[0].FailurePolicy)
	}
}

// podCount is how many running pods each namespace has, and which carry a ready sensor by its name or
// image.
type podCount struct {
	running map[string]int
	ready   map[string]map[string]int
}

func (p podCount) protected(namespace, image string) int {
	protected := p.ready[namespace][""]
	if image != "" {
		protected += p.ready[namespace][image]
	}
	return protected
}

func countPods(ctx context.Context, c *kube.Cluster) (podCount, error) {
	p := podCount{running: map[string]int{}, ready: map[string]map[string]int{}}
	options := metav1.ListOptions{Limit: pageSize, FieldSelector: "status.phase=" + string(corev1.PodRunning)}
	for {
		list, err := c.Client.CoreV1().Pods(metav1.NamespaceAll).List(ctx, options)
		if err != nil {
			return p, fmt.Errorf("list pods: %w", err)
		}
		for i := range list.Items {
			p.add(&list.Items[i])
		}
		if options.Continue = list.Continue; options.Continue == "" {
			return p, nil
		}
	}
}

// add counts a pod. The sensor's image is not known yet, so a sidecar that has no known name is counted
// under its image.
func (p *podCount) add(pod *corev1.Pod) {
	ns := pod.Namespace
	p.running[ns]++
	if p.ready[ns] == nil {
		p.ready[ns] = map[string]int{}
	}
	if name, ok := sidecar.In(&pod.Spec, ""); ok {
		if sidecar.Ready(pod, name) {
			p.ready[ns][""]++
		}
		return
	}
	for i := range pod.Spec.Containers {
		image := pod.Spec.Containers[i].Image
		if name, ok := sidecar.In(&pod.Spec, image); ok && sidecar.Ready(pod, name) {
			p.ready[ns][image]++
		}
	}
}
