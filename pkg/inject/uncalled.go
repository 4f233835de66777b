package inject

import (
	"context"
	"slices"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// probesMost bounds the namespaces that are asked for a dry-run pod in turn.
const probesMost = 20

// probes are the namespaces in which the webhook is called, as long as it is: those where nothing is expected to
// be in the way of a dry-run pod first.
func probes(ctx context.Context, c *kube.Cluster) ([]string, error) {
	w, err := readWebhook(ctx, c)
	if err != nil {
		return nil, err
	}
	all, err := listNamespaces(ctx, c)
	if err != nil {
		return nil, err
	}
	in, _ := covered(w, all)
	if w == nil {
		// It was there a moment ago, perhaps for those that opt in.
		for n := range all {
			if ns := &all[n]; ns.DeletionTimestamp == nil && ns.Labels[InjectionKey] == manifest.Enabled {
				in = append(in, ns.Name)
			}
		}
	}
	if len(in) == 0 || slices.Contains(in, metav1.NamespaceDefault) {
		in = slices.DeleteFunc(in, func(ns string) bool { return ns == metav1.NamespaceDefault })
		in = append([]string{metav1.NamespaceDefault}, in...)
	}
	return in[:min(len(in), probesMost)], nil
}

// waitUncalled returns when the API server has learned that the webhook is gone: until then it would
// call an injector that is about to end, and refuse pods.
func waitUncalled(ctx context.Context, c *kube.Cluster, namespaces []string, report Reporter) error {
	others, err := owner.Find(ctx, c)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.Webhook != "" && other.Webhook != WebhookName {
			// Whose sidecar a dry-run pod has cannot be told then; the API servers learn in well under a second.
			report.remark("%s stays; waiting %s for the API servers instead of for a plain pod", other, settleWithin)
			return pause(ctx, settleWithin)
		}
	}
	return waitPlain(ctx, c, namespaces, report)
}

// plainTimes is how often in a row a pod must come back plain: with several API servers, each learns by
// itself, and a request may reach any of them.
const plainTimes = 3

// called is what an answer says about the webhook.
type called int

const (
	// unknown: the pod was refused by what would refuse it either way, or before the webhooks.
	unknown called = iota
	// mute: the server had no time or a fault of its own.
	mute
	yes
	no
)

func waitPlain(ctx context.Context, c *kube.Cluster, namespaces []string, report Reporter) error {
	// Long enough for a slow server to answer as often as it must.
	const patience = time.Minute
	canaries, err := injectorCanaries(ctx, c)
	if err != nil {
		return err
	}
	var last canary.Answer
	quiet, plain, n := time.Now(), 0, 0
	err = poll(ctx, pollEvery/2, patience, func(ctx context.Context) (bool, error) {
		// Those that opt in would be seen too.
		answer, err := canaries.Ask(ctx, namespaces[n], eager())
		if err != nil {
			return false, err
		}
		last = answer
		switch isCalled(answer) {
		case no:
			quiet, plain = time.Now(), plain+1
		case unknown:
			n, plain = (n+1)%len(namespaces), 0
		default:
			quiet, plain = time.Now(), 0
		}
		// After a whole round that says nothing, for as long as the API servers need.
		return plain >= plainTimes || n == 0 && time.Since(quiet) > settleWithin, nil
	})
	if err == nil && plain < plainTimes {
		report.remark("no namespace takes a dry-run pod (%v); waited %s for the API servers instead", last.Refused, settleWithin)
	}
	if expired(ctx, err) {
		return problem.New(problem.TimedOut, "run it again; if it stays so: kubectl get mutatingwebhookconfigurations",
			"a dry-run pod in namespace %s did not come back plain within %s after the webhook was removed%s", namespaces[n], patience, because(last))
	}
	return err
}

func because(a canary.Answer) string {
	if a.Refused == nil {
		return ""
	}
	return ": " + a.Refused.Error()
}

// injectorCanaries are dry-run pods with the image of the injector that is there, where policies want that.
func injectorCanaries(ctx context.Context, c *kube.Cluster) (*canary.Prober, error) {
	d, err := one(c.Client.AppsV1().Deployments(Namespace).Get(ctx, Name, metav1.GetOptions{}))("deployment/" + Name)
	p := &canary.Prober{Client: c.Client}
	if d != nil && len(d.Spec.Template.Spec.Containers) > 0 {
		p.Sensor = d.Spec.Template.Spec.Containers[0].Image
	}
	return p, err
}

// isCalled says whether the webhook was called for a pod. PodSecurity and quotas judge after the webhooks, so one
// that does not object to what the injector adds has seen a plain pod. Webhooks and policies of others may have
// refused it before or after.
func isCalled(a canary.Answer) called {
	switch {
	case a.Injected() || blames(a):
		return yes
	case a.Refused == nil:
		return no
	case a.Policy() != "":
		return unknown
	case busy(a.Refused) || apierrors.IsInternalError(a.Refused):
		return mute
	case a.Forbidden():
		return unknown
	case strings.Contains(a.Why(), "violates PodSecurity") || strings.Contains(a.Why(), " quota"):
		return no
	}
	return unknown
}
