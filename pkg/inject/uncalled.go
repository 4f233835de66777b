package inject

import (
	"context"
	"errors"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/wait"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// coveredNamespace is one in which the webhook is called, as long as it is; else the default one.
func coveredNamespace(ctx context.Context, c *kube.Cluster) (string, error) {
	w, err := readWebhook(ctx, c)
	if err != nil || w == nil {
		return metav1.NamespaceDefault, err
	}
	all, err := listNamespaces(ctx, c)
	if err != nil {
		return "", err
	}
	in, _ := covered(w, all)
	if len(in) == 0 || slices.Contains(in, metav1.NamespaceDefault) {
		return metav1.NamespaceDefault, nil
	}
	return in[0], nil
}

// waitUncalled returns when the API server has learned that the webhook is gone: until then it would
// call an injector that is about to end, and refuse pods.
func waitUncalled(ctx context.Context, c *kube.Cluster, probe string, report Reporter) error {
	others, err := owner.Find(ctx, c)
	if err != nil {
		return err
	}
	for _, other := range others {
		if other.Webhook != "" && other.Webhook != WebhookName {
			// Whose sidecar a dry-run pod has cannot be told then; the API servers learn in well under a second.
			report.remark("%s stays; waiting 5s for the API servers instead of for a plain pod", other)
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(5 * time.Second):
				return nil
			}
		}
	}
	return waitPlain(ctx, c, probe)
}

// plainTimes is how often in a row a pod must come back plain: with several API servers, each learns by
// itself, and a request may reach any of them.
const plainTimes = 3

func waitPlain(ctx context.Context, c *kube.Cluster, probe string) error {
	// Long enough for a slow server to answer as often as it must.
	const patience = time.Minute
	plain := 0
	err := wait.PollUntilContextTimeout(ctx, pollEvery/2, patience, true, func(ctx context.Context) (bool, error) {
		want := canary.Pod()
		// So that an injector whose pods opt in would be seen too.
		want.Annotations = map[string]string{InjectionKey: manifest.Enabled}
		answer, err := canary.Ask(ctx, c.Client, probe, "", want)
		if err != nil {
			return false, err
		}
		if plain++; !unasked(answer) {
			plain = 0
		}
		return plain >= plainTimes, nil
	})
	if errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
		return problem.New(problem.TimedOut, "run it again; if it stays so: kubectl get mutatingwebhookconfigurations",
			"a dry-run pod in namespace %s did not come back plain within %s after the webhook was removed", probe, patience)
	}
	return err
}

// unasked says whether an answer shows that the webhook was not called: the pod is plain, or it is refused by
// an admission plugin (a quota, PodSecurity, a missing right), which judges after the webhooks, and not for
// what the injector adds. A server that is too busy to answer shows nothing.
func unasked(answer canary.Answer) bool {
	if answer.Refused == nil {
		return answer.Sidecar == ""
	}
	return (apierrors.IsForbidden(answer.Refused) || apierrors.IsNotFound(answer.Refused)) && !blames(answer.Refused)
}
