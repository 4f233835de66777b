package inject

import (
	"context"
	"errors"
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
	// NoCertificate is the name of the Secret that the injector mounts, if that is not there.
	NoCertificate string `json:"noCertificate,omitempty"`
	// Trusted says whether the webhook trusts the injector's certificate.
	Trusted bool `json:"trusted"`
	// Unreachable is why the API server finds no injector although there is a Deployment: its Service is
	// missing, or no ready pod is behind it.
	Unreachable string `json:"unreachable,omitempty"`
	// Pods counts the running pods of the covered namespaces that are to get the sensor, Protected those with
	// a ready one, and OptedOut the running pods there that are to get none.
	Pods      int `json:"pods"`
	Protected int `json:"protected"`
	OptedOut  int `json:"optedOut"`
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

	// podsOptIn says that only pods which ask for the sensor get it.
	podsOptIn bool
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
	var pods census
	var reachable bool
	all, inner := errgroup.WithContext(ctx)
	all.Go(func() (err error) {
		f, err = lookMounted(inner, c)
		return err
	})
	all.Go(func() (err error) {
		pods, err = takeCensus(inner, c)
		return err
	})
	all.Go(func() (err error) {
		reachable, err = hasEndpoint(inner, c)
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
	if s.Installed && !reachable && s.Unreachable == "" {
		s.Unreachable = "no ready pod is behind the injector's Service"
	}
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
	s.count(pods)
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
	if f.deployment != nil && f.service == nil {
		s.Unreachable = "the injector's Service is missing"
	}
	if f.deployment != nil {
		name := mounted(f.deployment)
		s.ForeignCertificate = name != "" && name != manifest.SecretName
		if f.secret == nil {
			s.NoCertificate = name
		}
	}
	if f.secret != nil {
		t := tlsOf(f.secret)
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

// configured reads the sensor image, and which pods get the sensor, from the configuration that the
// Deployment names.
func (s *State) configured(ctx context.Context, c *kube.Cluster, d *appsv1.Deployment) error {
	name := configName(&d.Spec.Template.Spec)
	if name == "" {
		return nil
	}
	config, err := one(c.Client.CoreV1().ConfigMaps(d.Namespace).Get(ctx, name, metav1.GetOptions{}))("configmap/" + name)
	if config != nil {
		s.Image = config.Data["FALCON_IMAGE"]
		s.podsOptIn = config.Data[manifest.PodsOptInKey] == manifest.PodsOptInValue
	}
	return err
}

func (s *State) hooked(w *admissionv1.MutatingWebhookConfiguration) {
	// A configuration without entries calls nobody.
	if w == nil || len(w.Webhooks) == 0 {
		return
	}
	s.Webhook, s.Config = true, w
	s.GlassBroken = w.Annotations[BrokenGlass]
	if w.Webhooks[0].FailurePolicy != nil {
		s.FailurePolicy = string(*w.Webhooks[0].FailurePolicy)
	}
}
