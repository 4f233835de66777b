package inject

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// probesAtOnce bounds the load of proving many namespaces.
const probesAtOnce = 8

// errLost ends the proof in a namespace that has gone, errPolicy that in one where a policy of somebody else
// refuses the canary itself.
var (
	errLost   = errors.New("the namespace is gone")
	errPolicy = errors.New("no proof where another policy refuses dry-run pods")
)

// marked is a canary that the injector is sure to be asked to inject, also by a webhook for canaries alone.
func marked() *corev1.Pod {
	p := eager()
	p.Labels[manifest.CanaryLabel] = "true"
	return p
}

// eager is a canary as any pod that wants the sensor.
func eager() *corev1.Pod {
	p := canary.Pod()
	p.Annotations = map[string]string{InjectionKey: manifest.Enabled}
	return p
}

// optedOut is a canary that the injector leaves as it is.
func optedOut() *corev1.Pod {
	p := canary.Pod()
	p.Annotations = map[string]string{InjectionKey: Disabled}
	return p
}

// proveIn returns when a canary in the namespace comes back with the sensor; errLost and errPolicy say that it
// never will.
func (i *installation) proveIn(ctx context.Context, namespace string) error {
	// A policy may be of a webhook that does not answer at the moment.
	const sure = 5
	var last canary.Answer
	policies := 0
	err := poll(ctx, pollEvery, learnWithin, func(ctx context.Context) (bool, error) {
		answer, err := i.canaries.Ask(ctx, namespace, marked())
		if err != nil {
			return false, err
		}
		if last = answer; gone(last.Refused) {
			return false, errLost
		}
		if policies++; last.Policy() == "" {
			policies = 0
		}
		return last.Injected() || policies == sure, nil
	})
	const next = "kubectl logs -n " + Namespace + " deployment/" + Name + "; the API server must reach the injector's port"
	switch {
	case errors.Is(err, errLost):
		return fmt.Errorf("namespace %s: %w", namespace, errLost)
	case err == nil && !last.Injected():
		return problem.New(problem.Failed, "let dry-run pods of namespace "+namespace+" through the policy, then install again",
			"namespace %s: %w: %w", namespace, errPolicy, last.Refused)
	case !expired(ctx, err):
		return err
	case last.Refused != nil:
		return problem.New(problem.Failed, next, "the injector is Ready, but a dry-run pod in namespace %s is refused: %w", namespace, last.Refused)
	}
	return problem.New(problem.Failed, next, "the injector is Ready, but a dry-run pod in namespace %s came back without the sensor", namespace)
}

// gone says whether a pod was refused because its namespace is not there, or will not be.
func gone(refusal error) bool {
	return apierrors.IsNotFound(refusal) || apierrors.HasStatusCause(refusal, corev1.NamespaceTerminatingCause)
}

// proof is what was learned of one namespace.
type proof struct {
	// injected says that a pod would get the sensor.
	injected bool
	// harm is why a pod that can be created there could not be with the sensor.
	harm string
	// untold is why the namespace takes no canary at all, so that nothing can be told.
	untold string
}

// prove asks for the pod with the sensor, and where that is refused for the one without. A refusal that does not
// name the injector must come twice: in between the other pod was taken.
func (i *installation) prove(ctx context.Context, namespace string, with, without func() *corev1.Pod) (proof, error) {
	first, err := i.canaries.Ask(ctx, namespace, with())
	switch {
	case err != nil:
		return proof{}, err
	case first.Refused == nil:
		return proof{injected: first.Injected()}, nil
	case first.Forbidden():
		return proof{untold: "you may not create pods there"}, nil
	case blames(first):
		return proof{harm: first.Refused.Error()}, nil
	}
	control, err := i.canaries.Ask(ctx, namespace, without())
	if err != nil || control.Refused != nil {
		return proof{untold: first.Refused.Error()}, err
	}
	again, err := i.canaries.Ask(ctx, namespace, with())
	if err != nil || again.Refused == nil {
		return proof{injected: again.Injected()}, err
	}
	return proof{harm: again.Refused.Error()}, nil
}

// each asks about namespaces, a few at a time.
func each(ctx context.Context, namespaces []string, ask func(context.Context, string) (proof, error)) (map[string]proof, error) {
	var mu sync.Mutex
	proofs := map[string]proof{}
	all, ctx := errgroup.WithContext(ctx)
	all.SetLimit(probesAtOnce)
	for _, ns := range namespaces {
		all.Go(func() error {
			p, err := ask(ctx, ns)
			mu.Lock()
			defer mu.Unlock()
			proofs[ns] = p
			return err
		})
	}
	return proofs, all.Wait()
}

// proveAll sends a canary to each namespace and stops the installation where pods with the sensor would be
// refused, as by PodSecurity or a quota: the webhook does not cover any real pod yet. proved says that the
// webhook has injected a pod already.
func (i *installation) proveAll(ctx context.Context, namespaces []string, proved bool) error {
	if err := i.learned(ctx, namespaces, proved); err != nil {
		return err
	}
	proofs, err := each(ctx, namespaces, i.proveSettled)
	if err != nil {
		return err
	}
	var harmed, plain, untold []string
	next := "leave them out with --exclude-namespace, or admit the sidecar there (PodSecurity: label the namespace pod-security.kubernetes.io/enforce=privileged)"
	for _, ns := range slices.Sorted(slices.Values(namespaces)) {
		switch p := proofs[ns]; {
		case p.harm != "":
			harmed = append(harmed, "namespace "+ns+": "+p.harm)
			if faultOfInjector(p.harm) {
				next = injectorFails
			}
		case p.untold != "":
			untold = append(untold, ns+" ("+p.untold+")")
		case !p.injected:
			plain = append(plain, ns)
		}
	}
	if len(harmed) > 0 {
		return problem.New(problem.Failed, next,
			"pods with the sensor would be refused in %d of %d namespaces: %s", len(harmed), len(namespaces), list(harmed, 3))
	}
	if n := len(namespaces) - len(plain) - len(untold); n > 0 {
		i.report.remark("proved: dry-run pods in %s, none refused", count(n, "namespace"))
	}
	if len(untold) > 0 {
		i.report.remark("warning: not proved where dry-run pods are refused with and without the sensor: %s", list(untold, 3))
	}
	if len(plain) > 0 {
		i.report.remark("warning: dry-run pods came back without the sensor in %s: %s", count(len(plain), "namespace"), list(plain, 6))
	}
	return nil
}

// proveSettled proves a namespace by canaries. Each API server learns of the webhook by itself, so a pod that
// comes back plain is asked for again; the time bounds the attempts, not a slow answer.
func (i *installation) proveSettled(ctx context.Context, namespace string) (proof, error) {
	for begin := time.Now(); ; {
		p, err := i.prove(ctx, namespace, marked, canary.Pod)
		if err != nil || p != (proof{}) || time.Since(begin) > settleWithin {
			return p, err
		}
		if err := pause(ctx, pollEvery); err != nil {
			return p, err
		}
	}
}

// learned returns when the API server acts on the webhook's new form. Only a namespace that takes a canary
// without the sensor can show that: with it the canary comes back injected, or is refused because of that.
func (i *installation) learned(ctx context.Context, namespaces []string, proved bool) error {
	// Rounds through all namespaces after which none is expected to take a canary.
	const rounds = 3
	taker, last, round := "", canary.Answer{}, 0
	err := poll(ctx, pollEvery, learnWithin, func(ctx context.Context) (done bool, err error) {
		if taker == "" {
			if taker, last, err = i.taker(ctx, namespaces); err != nil || taker == "" {
				round++
				return err == nil && round == rounds, err
			}
		}
		p, err := i.prove(ctx, taker, marked, canary.Pod)
		if p.untold != "" {
			taker = ""
		}
		return p.injected || p.harm != "", err
	})
	switch {
	case err == nil && taker == "" && !proved:
		return problem.New(problem.Failed, "let dry-run pods through in one of them, then install again",
			"the webhook cannot be proved, since no namespace that it is to cover takes a dry-run pod: %w", last.Refused)
	case expired(ctx, err) && taker == "":
		return problem.New(problem.Failed, "mend the cause and install again", "dry-run pods are refused without the sensor: %w", last.Refused)
	case expired(ctx, err):
		return problem.New(problem.Failed, "kubectl falcon status; then install again",
			"a dry-run pod in namespace %s came back without the sensor for %s, so the webhook is not called there", taker, learnWithin)
	}
	return err
}

// taker is the first namespace that takes a canary without the sensor, else the last refusal.
func (i *installation) taker(ctx context.Context, namespaces []string) (string, canary.Answer, error) {
	var last canary.Answer
	for _, ns := range namespaces {
		answer, err := i.canaries.Ask(ctx, ns, canary.Pod())
		if err != nil || answer.Refused == nil {
			return ns, answer, err
		}
		last = answer
	}
	return "", last, nil
}
