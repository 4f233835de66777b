package inject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Removal says how an uninstallation goes about it.
type Removal struct {
	// Timeout bounds the wait for the namespace to be gone.
	Timeout time.Duration
	// KeepNamespace leaves the namespace.
	KeepNamespace bool
	// DryRun only reports what would be removed.
	DryRun bool
}

// Uninstall removes the injector, the webhook first, and reports each step. What is not there is not
// missed, so it can be repeated; what another tool made is left and named. The namespace goes only when
// nothing else is in it. Pods that carry the sensor keep it until they are restarted: the leftovers name
// what made them.
func Uninstall(ctx context.Context, c *kube.Cluster, how Removal, report Reporter) (*Leftovers, error) {
	if err := Permitted(ctx, c, UninstallRules(), "uninstall"); err != nil {
		return nil, err
	}
	things, images, err := removable(ctx, c)
	if err != nil {
		return nil, err
	}
	if how.DryRun {
		return rehearseRemoval(ctx, c, things, how, report)
	}
	hook := things[0]
	namespaces, err := probes(ctx, c)
	if err != nil {
		return nil, err
	}
	// Also when it is gone already: a run that was killed did not wait.
	if err := removeWebhook(ctx, c, hook, report); err != nil {
		return nil, err
	}
	if err := waitUncalled(ctx, c, namespaces, report); err != nil {
		return nil, err
	}
	for _, object := range things[1:] {
		if err := remove(ctx, c, object, report); err != nil {
			return nil, err
		}
	}
	// An installation at the same time may have made a webhook for what is gone now.
	if err := removeWebhook(ctx, c, hook, report); err != nil {
		return nil, err
	}
	if err := unmark(ctx, c, false, report); err != nil {
		return nil, err
	}
	if !how.KeepNamespace {
		if err := removeNamespace(ctx, c, how.Timeout, report); err != nil {
			return nil, err
		}
	}
	return Left(ctx, c, images...)
}

// removable is everything that an installation of whatever version and options may have made, in the order
// of its removal: the webhook first, then the reverse of the order of making. The namespace is apart. images
// are the sensor images of its configurations.
func removable(ctx context.Context, c *kube.Cluster) (things []kube.Object, images []string, err error) {
	o := manifest.Defaults()
	o.RegistryCA = []byte("any")
	plan := manifest.Render(o, manifest.Given{TLS: manifest.TLS{Cert: []byte("any")}})
	things = []kube.Object{plan.Webhook, manifest.Beside(plan.Webhook), manifest.CanaryNamespaceObject(), plan.Record}
	var rest []kube.Object
	for n := len(plan.Objects) - 1; n > 0; n-- {
		// Which configurations there are is looked up.
		if !strings.HasPrefix(plan.Objects[n].GetName(), manifest.ConfigMapName) {
			rest = append(rest, plan.Objects[n])
		}
	}
	configs, err := c.Client.CoreV1().ConfigMaps(Namespace).List(ctx, metav1.ListOptions{
		LabelSelector: manifest.ManagedByLabel + "=" + kube.FieldManager})
	if err != nil {
		return nil, nil, fmt.Errorf("list the injector's configurations: %w", err)
	}
	for n := range configs.Items {
		if image := configs.Items[n].Data["FALCON_IMAGE"]; image != "" {
			images = append(images, image)
		}
		if strings.HasPrefix(configs.Items[n].Name, manifest.ConfigMapName) {
			rest = append(rest, configurationNamed(configs.Items[n].Name)...)
		}
	}
	err = eachMetadata(ctx, c, secretKind, metav1.ListOptions{LabelSelector: manifest.ManagedByLabel + "=" + kube.FieldManager},
		func(s *metav1.PartialObjectMetadata) {
			known := slices.ContainsFunc(rest, func(o kube.Object) bool {
				return o.GetName() == s.Name && o.GetNamespace() == s.Namespace && o.GetObjectKind().GroupVersionKind().Kind == "Secret"
			})
			if !known {
				rest = append(rest, &corev1.Secret{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
					ObjectMeta: metav1.ObjectMeta{Name: s.Name, Namespace: s.Namespace}})
			}
		})
	return append(things, rest...), images, err
}

// madeByOthers is why an object is left.
const madeByOthers = "it was not made by kubectl falcon"

// rehearseRemoval reports what would go, and what would stop it.
func rehearseRemoval(ctx context.Context, c *kube.Cluster, things []kube.Object, how Removal, report Reporter) (*Leftovers, error) {
	var going []string
	for n, object := range things {
		known, err := c.Know(ctx, object)
		switch now := known.Object; {
		case err != nil:
			return nil, err
		case now == nil:
		case !Ours(now) && n == 0:
			return nil, notOurs(ctx, c, object)
		case !Ours(now):
			report.kept(describe(object), "would be kept", madeByOthers)
		default:
			report.change(object, kube.Deleted)
			going = append(going, strings.ToLower(now.GetKind())+"s/"+now.GetName())
		}
	}
	if err := unmark(ctx, c, true, report); err != nil {
		return nil, err
	}
	if how.KeepNamespace {
		return &Leftovers{}, nil
	}
	ns := manifest.Render(manifest.Defaults(), manifest.Given{}).Objects[0]
	known, err := c.Know(ctx, ns)
	if err != nil || known.Object == nil {
		return &Leftovers{}, err
	}
	why := madeByOthers
	if Ours(known.Object) {
		if why, err = keptFor(ctx, c, going...); err != nil {
			return nil, err
		}
	}
	if why != "" {
		report.kept("namespace/"+Namespace, "would be kept", why)
		return &Leftovers{}, nil
	}
	report.change(ns, kube.Deleted)
	return &Leftovers{}, nil
}

// removeWebhook takes the webhook away. One that somebody else made is an error, since what it points to
// must stay as well then.
func removeWebhook(ctx context.Context, c *kube.Cluster, hook kube.Object, report Reporter) error {
	change, err := c.Delete(ctx, hook, foreign)
	if errors.Is(err, errForeign) {
		return notOurs(ctx, c, hook)
	}
	if change == kube.Deleted {
		report.change(hook, change)
	}
	return err
}

// notOurs is the error of a webhook that another tool made: what it points to must stay as well then.
func notOurs(ctx context.Context, c *kube.Cluster, hook kube.Object) error {
	found, err := owner.Find(ctx, c)
	if err != nil {
		return err
	}
	if err := owner.Refuse(found, false); err != nil {
		return err
	}
	return problem.New(problem.Failed, "nothing was changed; remove it with the tool that made it",
		"%s was not made by kubectl falcon", kube.Describe(hook))
}

// removeNamespace deletes the namespace and waits for its end, unless somebody else made it or something
// foreign is in it.
func removeNamespace(ctx context.Context, c *kube.Cluster, timeout time.Duration, report Reporter) error {
	ns := manifest.Render(manifest.Defaults(), manifest.Given{}).Objects[0]
	now, err := one(c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{}))("namespace/" + Namespace)
	switch {
	case err != nil || now == nil:
		return err
	case !Ours(now):
		report.kept("namespace/"+Namespace, "kept", madeByOthers)
		return nil
	}
	why, err := keptFor(ctx, c)
	if err != nil {
		return err
	}
	if why != "" {
		report.kept("namespace/"+Namespace, "kept", why)
		return nil
	}
	change, err := c.Delete(ctx, ns, foreign)
	if err != nil {
		return err
	}
	report(Event{Object: kube.Describe(ns), State: "waiting for it to be gone"})
	if err := waitGone(ctx, c, timeout); err != nil {
		return err
	}
	report.change(ns, change)
	return nil
}

// keptFor says why the namespace must be kept: what is in it, or that this user cannot see what is.
func keptFor(ctx context.Context, c *kube.Cluster, but ...string) (string, error) {
	held, hidden, err := c.Contents(ctx, Namespace)
	held = slices.DeleteFunc(held, func(name string) bool { return slices.Contains(but, name) })
	switch {
	case err != nil:
		return "", err
	case len(held) > 0:
		return "it holds " + list(held, 5), nil
	case len(hidden) > 0:
		return "you may not list all that could be in it: " + list(hidden, 4) +
			"; if it is empty, have it deleted: kubectl delete namespace " + Namespace, nil
	}
	return "", nil
}

// waitGone returns when the namespace's end is through.
func waitGone(ctx context.Context, c *kube.Cluster, timeout time.Duration) error {
	err := poll(ctx, pollEvery, timeout, func(ctx context.Context) (bool, error) {
		_, err := c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if expired(ctx, err) {
		return problem.New(problem.TimedOut, "kubectl get namespace "+Namespace+" -o yaml says what holds it",
			"namespace %s is being deleted but not gone after %s", Namespace, timeout)
	}
	return err
}
