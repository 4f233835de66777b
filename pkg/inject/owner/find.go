package owner

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// What the vendor's chart and operator call their injectors, and what they write on them.
const (
	chartName       = "falcon-sensor-injector"
	operatorName    = "falcon-sidecar-injector"
	operatorWebhook = "mutatingwebhook.sidecar.falcon.crowdstrike.com"
	chartSelector   = "crowdstrike.com/provider=crowdstrike"
	chartComponent  = "app.kubernetes.io/component"
	operatorLabel   = "crowdstrike.com/component"
	component       = "container_sensor"
	mutatePath      = "/mutate"
)

// service names the Service, and so the Deployment, of an injector.
type service struct{ namespace, name string }

// Part is an injector with the objects that it was recognised by.
type Part struct {
	Injector
	// Hook is its webhook configuration, Entry the one in it that injects; both nil if it has none.
	Hook  *admissionv1.MutatingWebhookConfiguration
	Entry *admissionv1.MutatingWebhook
	// Deployment runs it; nil if there is none.
	Deployment *appsv1.Deployment
	// ServiceName is what the webhook calls in the injector's namespace; empty for one that is called by URL.
	ServiceName string
}

// Find returns all injectors of the cluster, ordered by namespace and name. A webhook and the Deployment
// behind its Service are one injector. It makes four requests at once, and then one or two for each webhook
// that it found.
func Find(ctx context.Context, c *kube.Cluster) ([]Injector, error) {
	var hooks *admissionv1.MutatingWebhookConfigurationList
	lists := make([][]appsv1.Deployment, 3)
	err := together(
		func() (err error) {
			hooks, err = c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().List(ctx, metav1.ListOptions{})
			return wrap(err, "list mutatingwebhookconfigurations")
		},
		func() (err error) { lists[0], err = labelled(ctx, c, chartSelector); return err },
		func() (err error) { lists[1], err = labelled(ctx, c, operatorLabel+"="+component); return err },
		func() (err error) {
			lists[2], err = named(ctx, c, service{manifest.Namespace, manifest.Name})
			return err
		})
	if err != nil {
		return nil, err
	}
	deployments := slices.Concat(lists...)
	behind, orphans, err := lookBehind(ctx, c, hooks.Items, deployments)
	if err != nil {
		return nil, err
	}
	var found []Injector
	for _, p := range Recognise(hooks.Items, append(deployments, behind...)) {
		p.Orphan = orphans[p.Webhook]
		found = append(found, p.Injector)
	}
	return found, nil
}

// lookBehind returns the Deployments behind webhooks that the others do not have, and by their names the
// webhooks whose Service is not there.
func lookBehind(ctx context.Context, c *kube.Cluster, hooks []admissionv1.MutatingWebhookConfiguration,
	known []appsv1.Deployment) (behind []appsv1.Deployment, orphans map[string]bool, err error) {
	orphans = map[string]bool{}
	var mu sync.Mutex
	var tasks []func() error
	for n := range hooks {
		_, at := serving(&hooks[n])
		if !isInjectorWebhook(&hooks[n]) || at.name == "" || at.namespace == "" {
			continue
		}
		tasks = append(tasks, func() error {
			gone, err := missing(ctx, c, at)
			mu.Lock()
			defer mu.Unlock()
			orphans[hooks[n].Name] = gone
			return err
		})
		if slices.ContainsFunc(known, func(d appsv1.Deployment) bool { return d.Name == at.name && d.Namespace == at.namespace }) {
			continue
		}
		tasks = append(tasks, func() error {
			// Charts of old wrote fewer labels; the Deployment always had the Service's name.
			list, err := named(ctx, c, at)
			mu.Lock()
			defer mu.Unlock()
			behind = append(behind, list...)
			return err
		})
	}
	return behind, orphans, together(tasks...)
}

// Recognise returns the injectors among webhooks and Deployments, which may be all of a cluster, ordered
// by namespace and name. Whether a webhook's Service is there it cannot know, so Orphan is never set.
func Recognise(hooks []admissionv1.MutatingWebhookConfiguration, deployments []appsv1.Deployment) []Part {
	by := map[service]*appsv1.Deployment{}
	for n := range deployments {
		d := &deployments[n]
		by[service{d.Namespace, d.Name}] = d
	}
	var found []Part
	taken := map[service]bool{}
	for n := range hooks {
		if !isInjectorWebhook(&hooks[n]) {
			continue
		}
		entry, at := serving(&hooks[n])
		p := Part{Hook: &hooks[n], Entry: entry, ServiceName: at.name}
		p.Injector = Injector{Webhook: hooks[n].Name, Namespace: at.namespace, ignored: ignored(entry)}
		p.Tool, p.Detail = Of(&hooks[n])
		if d := by[at]; d != nil {
			p.Deployment, p.Injector.Deployment = d, d.Name
			p.Tool, p.Detail = stronger(p.Tool, p.Detail, d)
			taken[at] = true
		}
		found = append(found, p)
	}
	for at, d := range by {
		if taken[at] || !IsInjector(d) {
			continue
		}
		p := Part{Deployment: d, Injector: Injector{Namespace: d.Namespace, Deployment: d.Name}}
		p.Tool, p.Detail = Of(d)
		found = append(found, p)
	}
	slices.SortFunc(found, func(a, b Part) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Injector.Deployment, b.Injector.Deployment),
			cmp.Compare(a.Webhook, b.Webhook))
	})
	return found
}

// strength orders the tools by how much an injector is theirs if only one of its parts is.
var strength = []Tool{Ours, Guide, Kubectl, Unknown, Operator, Helm, Flux, ArgoCD}

func stronger(tool Tool, detail string, d *appsv1.Deployment) (Tool, string) {
	other, more := Of(d)
	if slices.Index(strength, other) > slices.Index(strength, tool) || other == tool && detail == "" {
		return other, more
	}
	return tool, detail
}

// IsInjector knows a Deployment by the names and labels that installers give.
func IsInjector(d *appsv1.Deployment) bool {
	switch {
	case d.Name == chartName, d.Name == operatorName:
		return true
	case d.Name == manifest.Name && d.Namespace == manifest.Namespace:
		return true
	}
	return d.Labels[chartComponent] == component || d.Labels[operatorLabel] == component
}

// isInjectorWebhook knows the names that installers give, and else asks for the injector's path and the
// vendor's or the product's name: either alone is shared with webhooks that inject something else.
func isInjectorWebhook(h *admissionv1.MutatingWebhookConfiguration) bool {
	if slices.Contains([]string{chartName, operatorWebhook, manifest.WebhookName}, h.Name) {
		return true
	}
	words := slices.Concat([]string{h.Name}, slices.Collect(maps.Keys(h.Labels)), slices.Collect(maps.Values(h.Labels)))
	mutates := false
	for _, w := range h.Webhooks {
		if at, path := target(w.ClientConfig); path == mutatePath {
			mutates = true
			words = append(words, w.Name, at.name)
		}
	}
	return mutates && slices.ContainsFunc(words, func(word string) bool {
		word = strings.ToLower(word)
		return strings.Contains(word, "falcon") || strings.Contains(word, "crowdstrike")
	})
}

// serving returns the entry of a webhook that injects, and the Service that answers it.
func serving(h *admissionv1.MutatingWebhookConfiguration) (*admissionv1.MutatingWebhook, service) {
	var entry *admissionv1.MutatingWebhook
	var where service
	for n := range h.Webhooks {
		at, path := target(h.Webhooks[n].ClientConfig)
		if entry == nil || path == mutatePath {
			entry, where = &h.Webhooks[n], at
		}
		if path == mutatePath {
			break
		}
	}
	return entry, where
}

// target returns where a webhook's requests go. The chart can name the Service by a URL instead, which is
// https://name.namespace.svc.domain:443/mutate.
func target(c admissionv1.WebhookClientConfig) (at service, path string) {
	if s := c.Service; s != nil {
		if s.Path != nil {
			path = *s.Path
		}
		return service{s.Namespace, s.Name}, path
	}
	if c.URL == nil {
		return service{}, ""
	}
	u, err := url.Parse(*c.URL)
	if err != nil {
		return service{}, ""
	}
	if parts := strings.Split(u.Hostname(), "."); len(parts) >= 3 && parts[2] == "svc" {
		at = service{parts[1], parts[0]}
	}
	return at, u.Path
}

// ignored says whether pods start without the sensor when nobody answers. Not said means Fail.
func ignored(w *admissionv1.MutatingWebhook) bool {
	return w == nil || w.FailurePolicy != nil && *w.FailurePolicy == admissionv1.Ignore
}

func labelled(ctx context.Context, c *kube.Cluster, selector string) ([]appsv1.Deployment, error) {
	list, err := c.Client.AppsV1().Deployments(metav1.NamespaceAll).List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil, fmt.Errorf("list deployments with %s: %w", selector, err)
	}
	return list.Items, nil
}

// named returns the one Deployment, or none.
func named(ctx context.Context, c *kube.Cluster, at service) ([]appsv1.Deployment, error) {
	d, err := c.Client.AppsV1().Deployments(at.namespace).Get(ctx, at.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read deployment %s in namespace %s: %w", at.name, at.namespace, err)
	}
	return []appsv1.Deployment{*d}, nil
}

// missing says whether the Service is not there; without its namespace it is not there either.
func missing(ctx context.Context, c *kube.Cluster, at service) (bool, error) {
	_, err := c.Client.CoreV1().Services(at.namespace).Get(ctx, at.name, metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	return false, wrap(err, "read service %s in namespace %s", at.name, at.namespace)
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), err)
}

// together runs the tasks at once and returns the first of their errors, in the order of the tasks so that
// the same trouble reads the same each time.
func together(tasks ...func() error) error {
	errs := make([]error, len(tasks))
	var group sync.WaitGroup
	for n, task := range tasks {
		group.Go(func() { errs[n] = task() })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
