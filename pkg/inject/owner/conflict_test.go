package owner

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

func injector() *appsv1.Deployment {
	return &appsv1.Deployment{TypeMeta: metav1.TypeMeta{APIVersion: "apps/v1", Kind: "Deployment"},
		ObjectMeta: metav1.ObjectMeta{Namespace: "falcon-system", Name: "injector"}}
}

// refused is the server's answer, from pairs of message and field, as kube.Cluster.Apply returns it.
func refused(pairs ...string) error {
	var causes []metav1.StatusCause
	for i := 0; i < len(pairs); i += 2 {
		causes = append(causes, metav1.StatusCause{Type: metav1.CauseTypeFieldManagerConflict, Message: pairs[i], Field: pairs[i+1]})
	}
	return fmt.Errorf("apply deployment/injector: %w", apierrors.NewApplyConflict(causes, "Apply failed with conflicts"))
}

func TestExplainConflict(t *testing.T) {
	const helm, edit = `conflict with "helm" using apps/v1`, `conflict with "kubectl-edit" using apps/v1 at 2026-05-01T10:00:00Z`
	image := `.spec.template.spec.containers[name="injector"].image`
	for _, c := range []struct {
		err        error
		says, next string
	}{
		{refused(helm, ".spec.replicas"), `"helm" (Helm) owns .spec.replicas`,
			"leave it to Helm (without the option that sets it), or change it with helm; --force-conflicts takes it only until Helm writes again"},
		{refused(edit, image), `"kubectl-edit" (somebody with "kubectl edit") owns ` + image,
			"leave it as it is (without the option that sets it), undo that edit with kubectl, or take it with --force-conflicts"},
		{refused(helm, ".d", helm, ".c", helm+" at 2026-05-01T10:00:00Z", ".c", helm, ".b", helm, ".a", helm, ".e"),
			`"helm" (Helm) owns .a, .b, .c and 2 more`, ""},
		{refused(edit, ".spec.z", helm, ".a", helm, ".b"), `"helm" (Helm) owns .a, .b; 1 other manager owns fields too`, ""},
		{refused(`conflict with "vpa-recommender"`, ".z", `conflict with "b" with subresource "scale" using v1`, ".b", `conflict with "c"`, ".c"),
			`"b" (another tool) owns .b; 2 other managers own fields too`,
			"leave it to that tool (without the option that sets it), change it there, or take it with --force-conflicts"},
		{refused(`conflict with "a \"b\"" using v1`, ".a"), `"a \"b\"" (another tool) owns .a`, ""},
		{refused("something new", ""), `"unknown" (another tool) owns some of its fields`, ""},
	} {
		err := ExplainConflict(c.err, injector())
		p, ok := errors.AsType[*problem.Error](err)
		if !ok || p.Kind() != problem.Failed {
			t.Errorf("%v is no problem", err)
			continue
		}
		if want := "deployment/injector cannot be applied: " + c.says; err.Error() != want {
			t.Errorf("says\n%s, want\n%s", err, want)
		}
		if c.next != "" && p.Next() != c.next {
			t.Errorf("next is\n%s, want\n%s", p.Next(), c.next)
		}
		if strings.Contains(err.Error()+p.Next(), "\n") {
			t.Errorf("more than a line: %q, %q", err, p.Next())
		}
		if _, ok := errors.AsType[*Conflict](err); !ok || !apierrors.IsConflict(err) {
			t.Errorf("%v hides what it was made of", err)
		}
	}
}

func TestManagersInPlainWords(t *testing.T) {
	for manager, want := range map[string]string{
		"kubectl-client-side-apply": `"kubectl apply"`, "kubectl": "somebody with kubectl (apply, scale ...)",
		"kubectl-patch": `somebody with "kubectl patch"`, "kubectl-scale": `somebody with "kubectl scale"`,
		"kubectl-falcon": "an earlier kubectl falcon", "helm": "Helm", "argocd-controller": "Argo CD",
		"kustomize-controller": "Flux", "helm-controller": "Flux",
		"kube-controller-manager": "a controller, such as an autoscaler", "keda-operator": "another tool",
		"before-first-apply": "older than server-side apply, so whoever made it first",
	} {
		p := behind(manager)
		if p.words != want {
			t.Errorf("%s is %q, want %q", manager, p.words, want)
		}
		if !strings.Contains(p.next, "--force-conflicts") {
			t.Errorf("%s: no way to take it: %s", manager, p.next)
		}
	}
}

func TestExplainConflictLeavesOtherErrors(t *testing.T) {
	outdated := apierrors.NewConflict(schema.GroupResource{Resource: "deployments"}, "injector", errors.New("modified"))
	bare := &apierrors.StatusError{ErrStatus: metav1.Status{Reason: metav1.StatusReasonConflict, Code: 409}}
	for _, err := range []error{nil, errors.New("no"), apierrors.NewUnauthorized("no"), outdated, bare} {
		if got := ExplainConflict(err, injector()); got != err {
			t.Errorf("%v became %v", err, got)
		}
	}
}
