package verify

import (
	"context"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/aid"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// deep tries the images in use, and asks each injector pod what it serves.
func (k *collector) deep(ctx context.Context) error {
	all, ctx := errgroup.WithContext(ctx)
	all.Go(func() error { return k.lookUp(ctx) })
	if k.ask.Parts.Canary {
		all.Go(func() error { return k.imageTrials(ctx) })
	}
	for n := range k.s.Injectors {
		all.Go(func() error { return k.served(ctx, &k.s.Injectors[n]) })
	}
	return all.Wait()
}

// served makes a TLS handshake with each pod of an injector, through the API server.
func (k *collector) served(ctx context.Context, i *Injector) error {
	for n := range i.Pods {
		p := &i.Pods[n]
		if p.DeletionTimestamp != nil || p.Status.Phase != corev1.PodRunning {
			continue
		}
		chain, err := certs.ServedAs(ctx, k.c, i.Namespace, p.Name, portOf(p), i.Reference.Name+"."+i.Namespace+".svc")
		if apierrors.IsForbidden(err) {
			return k.may(err, "create", "pods/portforward", i.Namespace)
		}
		one := Served{Pod: p.Name, Chain: string(chain)}
		if err != nil {
			one.Error = err.Error()
		}
		i.Served = append(i.Served, one)
	}
	return ctx.Err()
}

// portOf is where an injector pod listens: the vendor's port unless its container names another.
func portOf(p *corev1.Pod) int32 {
	for _, c := range p.Spec.Containers {
		for _, port := range c.Ports {
			return port.ContainerPort
		}
	}
	return manifest.Defaults().Port
}

// answerWithin is how long one sensor may take.
const answerWithin = 30 * time.Second

// sensors asks the sensor of every pod that has a ready one for its agent id and what it was told.
func (k *collector) sensors(ctx context.Context) error {
	whole := ""
	for n := range k.s.Injectors {
		if c := k.s.Injectors[n].Config; c != nil && c.whole != "" {
			whole = c.whole
		}
	}
	var ready []aid.Pod
	for n := range k.s.Pods {
		if p := &k.s.Pods[n]; p.Sidecar != nil && p.Sidecar.Ready && !p.Deleting {
			ready = append(ready, aid.Ready(p.Namespace, p.Name, p.Node, p.Sidecar.Name))
		}
	}
	report := aid.Run(ctx, k.c, ready, aid.Options{Details: true, CID: whole, PodTimeout: answerWithin})
	for n := range report.Pods {
		s := sensorOf(&report.Pods[n])
		if report.Pods[n].Reason == aid.Forbidden && !s.Policy {
			return k.may(report.Pods[n].Cause(), "create", "pods/exec", "")
		}
		k.s.Sensors = append(k.s.Sensors, s)
	}
	return ctx.Err()
}

// sensorOf is what counts here of a sensor's answer.
func sensorOf(r *aid.Result) Sensor {
	s := Sensor{Namespace: r.Namespace, Pod: r.Pod, AID: r.AID}
	if r.Details != nil {
		s.Version = r.Details.Version
		s.CIDFits = map[aid.Match]string{aid.Matches: "yes", aid.Differs: "no"}[r.Details.CIDMatch]
	}
	if r.Reason == "" || r.Reason == aid.NotRegistered {
		return s
	}
	s.Error = r.Message
	if cause := r.Cause(); cause != nil {
		s.Error = cause.Error()
		// A role that lacks the right says "cannot"; anything else that forbids is a policy.
		s.Policy = r.Reason == aid.Forbidden && !strings.Contains(s.Error, "cannot")
	}
	return s
}

// leftovers looks for what an injector leaves that no webhook, label or pod shows.
func (k *collector) leftovers(ctx context.Context) error {
	l := &Leftovers{}
	for _, kind := range []string{"clusterroles", "clusterrolebindings"} {
		gvr := schema.GroupVersionResource{Group: "rbac.authorization.k8s.io", Version: "v1", Resource: kind}
		err := k.metadata(ctx, gvr, metav1.ListOptions{}, func(o *metav1.PartialObjectMetadata) {
			if inject.Ours(o) || o.Labels["crowdstrike.com/provider"] != "" || o.Name == "read-secrets-global" {
				l.Roles = append(l.Roles, strings.TrimSuffix(kind, "s")+"/"+o.Name)
			}
		})
		if err = k.may(err, "list", kind+".rbac.authorization.k8s.io", ""); err != nil {
			return err
		}
	}
	secrets := schema.GroupVersionResource{Version: "v1", Resource: "secrets"}
	err := k.metadata(ctx, secrets, metav1.ListOptions{}, func(o *metav1.PartialObjectMetadata) {
		if o.DeletionTimestamp == nil && (inject.Ours(o) || o.Name == manifest.DefaultPullSecret) {
			l.PullSecrets = append(l.PullSecrets, o.Namespace+"/"+o.Name)
		}
	})
	if err = k.may(err, "list", "secrets", ""); err != nil {
		return err
	}
	k.s.Leftovers = l
	return k.stuck(ctx, l)
}

// stuck are the operator's custom resources that are being deleted and wait for a finalizer.
func (k *collector) stuck(ctx context.Context, l *Leftovers) error {
	gvr := schema.GroupVersionResource{Group: "falcon.crowdstrike.com", Version: "v1alpha1", Resource: "falconcontainers"}
	err := k.metadata(ctx, gvr, metav1.ListOptions{}, func(o *metav1.PartialObjectMetadata) {
		if o.DeletionTimestamp != nil && len(o.Finalizers) > 0 {
			l.Stuck = append(l.Stuck, "falconcontainer/"+o.Name)
		}
	})
	return k.may(err, "list", "falconcontainers.falcon.crowdstrike.com", "")
}

// metadata calls do for the metadata of each object of a kind.
func (k *collector) metadata(ctx context.Context, kind schema.GroupVersionResource, options metav1.ListOptions,
	do func(*metav1.PartialObjectMetadata)) error {
	return eachPage(ctx, func(o metav1.ListOptions) (string, error) {
		o.LabelSelector, o.FieldSelector = options.LabelSelector, options.FieldSelector
		list, err := k.c.Metadata.Resource(kind).List(ctx, o)
		if err != nil {
			return "", err
		}
		for n := range list.Items {
			do(&list.Items[n])
		}
		return list.Continue, nil
	})
}

// placeholder is what stands for the user's own in a rehearsal: the form is right, and nothing is pulled.
const placeholder = "00000000000000000000000000000000-00"

// rehearse has the server judge all objects of an installation with the defaults, and notes its refusals.
func (k *collector) rehearse(ctx context.Context) error {
	if len(k.s.Injectors) > 0 {
		return nil
	}
	o := manifest.Defaults()
	o.CID, o.Image = placeholder, "registry.invalid/falcon-sensor:7"
	_, err := inject.Preview(ctx, k.c, o, inject.How{Timeout: time.Minute, RenewBefore: 30 * 24 * time.Hour}, func(inject.Event) {})
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	k.s.Rehearsal = append(k.s.Rehearsal, Refusal{Object: "the installation", Error: err.Error()})
	return nil
}
