package inject

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/util/retry"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// update replaces a webhook configuration as it was read: if somebody changed it since, that is an error
// (apierrors.IsConflict).
func update(ctx context.Context, c *kube.Cluster, w *admissionv1.MutatingWebhookConfiguration) error {
	_, err := c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().
		Update(ctx, w, metav1.UpdateOptions{FieldManager: kube.FieldManager})
	if err != nil {
		return fmt.Errorf("change the webhook %s: %w", WebhookName, err)
	}
	return nil
}

// BrokenGlass is the annotation that BreakGlass leaves on the webhook: who did it.
const BrokenGlass = "kubectl-falcon.github.io/break-glass"

// glass is the one change that gets a webhook out of the way of pods and leaves the rest as it is. The
// entry is found by its name.
func glass(by string) []byte {
	// Strings always marshal.
	patch, _ := json.Marshal(map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{BrokenGlass: by}},
		"webhooks": []map[string]string{{"name": WebhookName, "failurePolicy": string(admissionv1.Ignore)}},
	})
	return patch
}

// GlassCommand is what BreakGlass does, as a command line for whoever has only kubectl. The patch is written as YAML,
// which needs no quotes within its quotes: so it can be pasted into every shell, PowerShell and cmd too. What begins with
// a brace kubectl takes for JSON.
func GlassCommand(by string) string {
	return fmt.Sprintf(`kubectl patch mutatingwebhookconfiguration %s --field-manager=%s --type=strategic -p `+
		`"--- {metadata: {annotations: {%s: %s}}, webhooks: [{name: %s, failurePolicy: %s}]}"`,
		WebhookName, kube.FieldManager, BrokenGlass, unquoted(by), WebhookName, admissionv1.Ignore)
}

// unquoted leaves of a text what needs no quotes in YAML and means nothing to any shell.
func unquoted(text string) string {
	kept := strings.Map(func(r rune) rune {
		switch {
		case r == '\\':
			// A user of Windows is DOMAIN\NAME.
			return '/'
		case unicode.IsLetter(r) || unicode.IsDigit(r) || strings.ContainsRune(" ._@/:+-", r):
			return r
		}
		return -1
	}, text)
	// A colon before a space would end a key.
	kept = strings.Trim(strings.ReplaceAll(kept, ": ", " "), " ._@/:+-")
	if kept == "" {
		return "somebody"
	}
	return kept
}

// BreakGlass lets pods start without the injector, with one request and without reading anything: the
// webhook's failure policy becomes Ignore. The next installation sets it back. by says who did it and when.
func BreakGlass(ctx context.Context, c *kube.Cluster, by string) error {
	_, err := c.Client.AdmissionregistrationV1().MutatingWebhookConfigurations().Patch(ctx, WebhookName,
		types.StrategicMergePatchType, glass(by), metav1.PatchOptions{FieldManager: kube.FieldManager})
	switch {
	case apierrors.IsNotFound(err):
		return noGlass(ctx, c)
	case err != nil:
		return fmt.Errorf("change the webhook %s: %w", WebhookName, err)
	}
	return nil
}

// noGlass says which other injector may keep pods from starting, and how to get that out of the way.
func noGlass(ctx context.Context, c *kube.Cluster) error {
	found, err := owner.Find(ctx, c)
	for _, i := range found {
		if i.Webhook != "" {
			return problem.New(problem.Failed, "kubectl delete mutatingwebhookconfiguration "+i.Webhook+
				" lets pods start without the sensor; its tool brings it back",
				"there is no webhook %s, but there is another injector: %s", WebhookName, i)
		}
	}
	// Whoever has only the right to break the glass cannot look for others.
	if err != nil && !apierrors.IsForbidden(err) {
		return err
	}
	return problem.New(problem.Failed, "kubectl get mutatingwebhookconfigurations shows which others may refuse pods",
		"there is no webhook %s, so it is not an injector of Falcon that keeps pods from starting", WebhookName)
}

// mendGlass takes away what BreakGlass left on a webhook; the failure policy has been applied by then.
func mendGlass(ctx context.Context, c *kube.Cluster) error {
	return retry.RetryOnConflict(retry.DefaultRetry, func() error {
		w, err := readWebhook(ctx, c)
		if err != nil || w == nil || w.Annotations[BrokenGlass] == "" {
			return err
		}
		delete(w.Annotations, BrokenGlass)
		return update(ctx, c, w)
	})
}
