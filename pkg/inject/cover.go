package inject

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/util/wait"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	// learnWithin is how long the API servers may take to act on a changed webhook; each watches them.
	learnWithin = 30 * time.Second
	// probesAtOnce bounds the load of proving many namespaces.
	probesAtOnce = 8
)

// cover brings the webhook to what it should cover. What it does not cover yet is proved first: a new
// webhook in a namespace of its own, and then canaries in each namespace that it is to cover.
func (i *installation) cover(ctx context.Context) error {
	before, err := readWebhook(ctx, i.c)
	if err != nil {
		return err
	}
	if err := i.current(ctx); err != nil {
		return err
	}
	known, _ := covered(before, i.found.namespaces)
	if !wide(before) {
		known = nil
	}
	in, out := covered(i.plan.Webhook, i.found.namespaces)
	fresh := slices.DeleteFunc(slices.Clone(in), func(ns string) bool { return slices.Contains(known, ns) })
	if wide(before) {
		err = i.proveBeside(ctx, fresh)
	} else {
		err = i.introduce(ctx, fresh)
	}
	if err != nil {
		return err
	}
	if !wide(before) || len(fresh) > 0 {
		if err := i.announce(ctx, in, out); err != nil {
			return err
		}
	}
	return i.widen(ctx, before, in)
}

// widen applies the webhook as it should be, and looks whether pods can be created under it.
func (i *installation) widen(ctx context.Context, before *admissionv1.MutatingWebhookConfiguration, in []string) error {
	how := kube.ApplyOptions{Force: i.how.ForceConflicts}
	if wide(before) && i.o.CertManager == "" {
		// Only over what was looked at: another run may have added an authority that its pods serve with.
		how.Version = before.ResourceVersion
	}
	err := i.applyWith(ctx, i.plan.Webhook, how)
	if _, theirs := errors.AsType[*owner.Conflict](err); apierrors.IsConflict(err) && !theirs {
		return overtaken("the webhook " + WebhookName)
	}
	if err != nil {
		return err
	}
	i.covering = !wide(before)
	if err := mendGlass(ctx, i.c); err != nil {
		return err
	}
	if wide(before) {
		if err := i.proveWide(ctx, in); err != nil {
			return err
		}
	}
	i.covering = true
	// The proof's namespace may be left from a run that was cut short.
	if _, err := i.c.Delete(ctx, manifest.CanaryNamespaceObject(), foreign); err != nil && !errors.Is(err, errForeign) {
		return err
	}
	return i.stands(ctx)
}

// stands looks once more after the webhook has widened: if the injector was removed meanwhile, by an
// uninstall at the same time, the webhook must not outlive it.
func (i *installation) stands(ctx context.Context) error {
	for _, object := range i.plan.Objects {
		switch object.GetObjectKind().GroupVersionKind().Kind {
		case "Deployment", "Service":
		default:
			continue
		}
		known, err := i.c.Know(ctx, object)
		if err != nil {
			return err
		}
		if known.Object != nil && known.Object.GetDeletionTimestamp() == nil {
			continue
		}
		if _, err := i.c.Delete(ctx, i.plan.Webhook, foreign); err != nil {
			return err
		}
		return overtaken(kube.Describe(object) + " was removed, and the webhook with it")
	}
	return nil
}

// proveBeside proves namespaces that the webhook in use does not cover yet, by a second one that is only
// called for canaries.
func (i *installation) proveBeside(ctx context.Context, namespaces []string) error {
	if len(namespaces) == 0 {
		return nil
	}
	beside := manifest.Beside(i.plan.Webhook)
	if err := i.applyQuietly(ctx, beside); err != nil {
		return err
	}
	if err := i.proveAll(ctx, namespaces); err != nil {
		return err
	}
	_, err := i.c.Delete(ctx, beside, foreign)
	return err
}

// introduce proves a new webhook: limited to a namespace of its own, then to canaries everywhere.
func (i *installation) introduce(ctx context.Context, namespaces []string) error {
	if err := i.apply(ctx, manifest.CanaryNamespaceObject()); err != nil {
		return err
	}
	if err := i.applyQuietly(ctx, manifest.LimitToCanaryNamespace(i.plan.Webhook)); err != nil {
		return err
	}
	if err := i.proveIn(ctx, manifest.CanaryNamespace); err != nil {
		return err
	}
	i.report.remark("proved: a dry-run pod in namespace %s came back with the sensor", manifest.CanaryNamespace)
	if len(namespaces) == 0 {
		return nil
	}
	if err := i.applyQuietly(ctx, manifest.LimitToCanaries(i.plan.Webhook)); err != nil {
		return err
	}
	return i.proveAll(ctx, namespaces)
}

// applyQuietly applies a limited form of the webhook, without a line for each.
func (i *installation) applyQuietly(ctx context.Context, w *admissionv1.MutatingWebhookConfiguration) error {
	quiet := i.report
	i.report = func(Event) {}
	defer func() { i.report = quiet }()
	return i.apply(ctx, w)
}

// pod is a canary that the injector is sure to be asked to inject.
func (i *installation) pod(marked bool) *corev1.Pod {
	p := canary.Pod()
	p.Annotations = map[string]string{InjectionKey: manifest.Enabled}
	if marked {
		p.Labels[manifest.CanaryLabel] = "true"
	}
	return p
}

// proveIn returns when a canary in the namespace comes back with the sensor.
func (i *installation) proveIn(ctx context.Context, namespace string) error {
	var last canary.Answer
	err := wait.PollUntilContextTimeout(ctx, pollEvery, learnWithin, true, func(ctx context.Context) (bool, error) {
		answer, err := canary.Ask(ctx, i.c.Client, namespace, i.o.Image, i.pod(true))
		if err != nil {
			return false, err
		}
		last = answer
		return last.Injected(), nil
	})
	if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil {
		return err
	}
	const next = "kubectl logs -n " + Namespace + " deployment/" + Name + "; the API server must reach the injector's port"
	if last.Refused != nil {
		return problem.New(problem.Failed, next, "the injector is Ready, but a dry-run pod in namespace %s is refused: %w", namespace, last.Refused)
	}
	return problem.New(problem.Failed, next, "the injector is Ready, but a dry-run pod in namespace %s came back without the sensor", namespace)
}

// proveAll sends a canary to each namespace and stops the installation where pods with the sensor would be
// refused, as by PodSecurity or a quota: the webhook does not cover any real pod yet.
func (i *installation) proveAll(ctx context.Context, namespaces []string) error {
	if err := i.proveSome(ctx, namespaces); err != nil {
		return err
	}
	var mu sync.Mutex
	var refused []string
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(probesAtOnce)
	for _, ns := range namespaces {
		all.Go(func() error {
			why, err := i.harm(ctx, ns)
			if why != "" {
				mu.Lock()
				defer mu.Unlock()
				refused = append(refused, "namespace "+ns+": "+why)
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	slices.Sort(refused)
	if len(refused) > 0 {
		return problem.New(problem.Failed,
			"leave them out with --exclude-namespace, or admit the sidecar there (PodSecurity: label the namespace pod-security.kubernetes.io/enforce=privileged)",
			"pods with the sensor would be refused in %d of %d namespaces: %s", len(refused), len(namespaces), list(refused, 3))
	}
	i.report.remark("proved: dry-run pods in %s, none refused", count(len(namespaces), "namespace"))
	return nil
}

// proveSome waits until the API server has learned of the webhook's new form: one namespace shows it, by
// an answer that is not a plain pod.
func (i *installation) proveSome(ctx context.Context, namespaces []string) error {
	err := wait.PollUntilContextTimeout(ctx, pollEvery/3, learnWithin/2, true, func(ctx context.Context) (bool, error) {
		answer, err := canary.Ask(ctx, i.c.Client, namespaces[0], i.o.Image, i.pod(true))
		return answer.Refused != nil || answer.Injected(), err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return nil
	}
	return err
}

// harm says why a pod that can be created in a namespace now could not be with the sensor, or nothing.
func (i *installation) harm(ctx context.Context, namespace string) (string, error) {
	with, err := canary.Ask(ctx, i.c.Client, namespace, i.o.Image, i.pod(true))
	if err != nil || with.Refused == nil {
		return "", err
	}
	without, err := canary.Ask(ctx, i.c.Client, namespace, i.o.Image, i.pod(false))
	if err != nil || without.Refused != nil {
		return "", err
	}
	return with.Refused.Error(), nil
}

// proveWide is the proof of a webhook that pods depend on already, after its change: pods must be created
// with the sensor as new injectors add it, in each namespace that it covers.
func (i *installation) proveWide(ctx context.Context, namespaces []string) error {
	var mu sync.Mutex
	var refused []string
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(probesAtOnce)
	for _, ns := range namespaces {
		all.Go(func() error {
			answer, err := canary.Ask(ctx, i.c.Client, ns, i.o.Image, i.pod(true))
			// A refusal that names the webhook or what it adds is its doing; another was there before.
			if err == nil && answer.Refused != nil && blames(answer.Refused) {
				mu.Lock()
				defer mu.Unlock()
				refused = append(refused, "namespace "+ns+": "+answer.Refused.Error())
			}
			return err
		})
	}
	if err := all.Wait(); err != nil {
		return err
	}
	slices.Sort(refused)
	if len(refused) > 0 {
		return problem.New(problem.Failed, "mend the cause, or leave the namespaces out with --exclude-namespace",
			"pods are refused because of the injector: %s", list(refused, 3))
	}
	return nil
}

func blames(refusal error) bool {
	for _, word := range []string{WebhookName, "crowdstrike-falcon", "falcon-container", "SYS_PTRACE"} {
		if strings.Contains(refusal.Error(), word) {
			return true
		}
	}
	return false
}
