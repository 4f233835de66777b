package inject

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// Uninstall removes the injector, the webhook first, and reports each step. What is not there is not
// missed, so it can be repeated; what another tool made is left and named. The namespace goes only when
// nothing else is in it. Pods that carry the sensor keep it until they are restarted.
func Uninstall(ctx context.Context, c *kube.Cluster, timeout time.Duration, report Reporter) error {
	if err := removeWebhook(ctx, c, report); err != nil {
		return err
	}
	if err := waitUncalled(ctx, c); err != nil {
		return err
	}
	plan := Render(Options{}, Certificates{})
	// The reverse of the order of making; the namespace, which is the first, is looked at apart.
	for i := len(plan.Objects) - 1; i > 0; i-- {
		if err := remove(ctx, c, plan.Objects[i], report); err != nil {
			return err
		}
	}
	return removeNamespace(ctx, c, plan.Objects[0], timeout, report)
}

// waitUncalled returns when the API server has learned that the webhook is gone: until then it would
// call an injector that is about to end, and refuse pods.
func waitUncalled(ctx context.Context, c *kube.Cluster) error {
	const patience = 10 * time.Second
	err := wait.PollUntilContextTimeout(ctx, pollEvery, patience, true, func(ctx context.Context) (bool, error) {
		answer, err := canary.Probe(ctx, c.Client, metav1.NamespaceDefault, "")
		if err != nil {
			return false, err
		}
		// A refusal by anything else than the webhook, a missing right among them, shows that it is not
		// called any more or that this user cannot find out.
		called := answer.Injected() || answer.Refused != nil && strings.Contains(answer.Refused.Error(), WebhookName)
		return !called, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return problem.New(problem.TimedOut, "run it again; if it stays so, another injector is installed: kubectl falcon status",
			"pods in namespace default are still injected %s after the webhook was removed", patience)
	}
	return err
}

// removeNamespace deletes the namespace and waits for its end, unless somebody else made it or something
// foreign is in it.
func removeNamespace(ctx context.Context, c *kube.Cluster, ns kube.Object, timeout time.Duration, report Reporter) error {
	now, err := c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{})
	switch {
	case apierrors.IsNotFound(err):
		return nil
	case err != nil:
		return fmt.Errorf("read namespace/%s: %w", Namespace, err)
	case !Ours(now):
		report.remark("namespace/%s kept: it was not made by kubectl falcon", Namespace)
		return nil
	}
	held, err := c.Contents(ctx, Namespace)
	if err != nil {
		return err
	}
	if len(held) > 0 {
		report.remark("namespace/%s kept: it holds %s", Namespace, strings.Join(held[:min(5, len(held))], ", "))
		return nil
	}
	change, err := c.Delete(ctx, ns, foreign)
	if err != nil {
		return err
	}
	report.remark("waiting for namespace/%s to be gone", Namespace)
	err = wait.PollUntilContextTimeout(ctx, pollEvery, timeout, true, func(ctx context.Context) (bool, error) {
		_, err := c.Client.CoreV1().Namespaces().Get(ctx, Namespace, metav1.GetOptions{})
		if apierrors.IsNotFound(err) {
			return true, nil
		}
		return false, err
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return problem.New(problem.TimedOut, "kubectl get namespace "+Namespace+" -o yaml says what holds it",
			"namespace %s is being deleted but not gone after %s", Namespace, timeout)
	}
	if err != nil {
		return err
	}
	report.change(ns, change)
	return nil
}
