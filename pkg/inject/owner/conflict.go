package owner

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// shown is how many fields a message names.
const shown = 3

// Conflict is an apply that the server refused because other managers own fields with other values.
type Conflict struct {
	// Object is named as kubectl does.
	Object string
	// Manager is the field manager with the most fields in conflict, and Fields are those, in order.
	Manager string
	Fields  []string
	// Others is how many managers there are besides.
	Others int

	err error
}

// Error says on one line who owns what.
func (c *Conflict) Error() string {
	fields := strings.Join(c.Fields[:min(shown, len(c.Fields))], ", ")
	if n := len(c.Fields) - shown; n > 0 {
		fields += fmt.Sprintf(" and %d more", n)
	}
	// The server need not say which.
	if fields == "" {
		fields = "some of its fields"
	}
	others := ""
	switch {
	case c.Others == 1:
		others = "; 1 other manager owns fields too"
	case c.Others > 1:
		others = fmt.Sprintf("; %d other managers own fields too", c.Others)
	}
	return fmt.Sprintf("%s cannot be applied: %q (%s) owns %s%s",
		c.Object, c.Manager, behind(c.Manager).words, fields, others)
}

// Unwrap returns the server's answer.
func (c *Conflict) Unwrap() error { return c.err }

// ExplainConflict turns a conflict of server-side apply on an object into a problem that wraps a *Conflict
// and says what the ways out are. Any other error is returned as it is.
func ExplainConflict(err error, o kube.Object) error {
	if err == nil || !apierrors.IsConflict(err) {
		return err
	}
	status, ok := errors.AsType[*apierrors.StatusError](err)
	if !ok || status.Status().Details == nil {
		return err
	}
	fields := map[string][]string{}
	for _, cause := range status.Status().Details.Causes {
		if cause.Type == metav1.CauseTypeFieldManagerConflict {
			manager := managerOf(cause.Message)
			fields[manager] = append(fields[manager], cause.Field)
		}
	}
	if len(fields) == 0 {
		return err
	}
	c := &Conflict{Object: kube.Describe(o), Others: len(fields) - 1, err: err}
	for manager, owned := range fields {
		// One manager may own a field both by apply and by update.
		slices.Sort(owned)
		owned = slices.DeleteFunc(slices.Compact(owned), func(f string) bool { return f == "" })
		// The server gives them in the order of a map, so it cannot be the first of those.
		if c.Manager == "" || cmp.Or(cmp.Compare(len(c.Fields), len(owned)), cmp.Compare(manager, c.Manager)) < 0 {
			c.Manager, c.Fields = manager, owned
		}
	}
	return problem.New(problem.Failed, behind(c.Manager).next, "%w", c)
}

// managerOf takes the name out of: conflict with "name" with subresource "scale" using apps/v1 at TIME.
func managerOf(message string) string {
	_, rest, _ := strings.Cut(message, "conflict with ")
	if quoted, err := strconv.QuotedPrefix(rest); err == nil {
		if name, err := strconv.Unquote(quoted); err == nil && name != "" {
			return name
		}
	}
	return "unknown"
}

// party is who writes under a manager's name, and what to do about a conflict with it.
type party struct{ words, next string }

// behind says in plain words who a field manager is.
func behind(manager string) party {
	const take = "or take it with --force-conflicts"
	undone := func(words, who, where string) party {
		return party{words, fmt.Sprintf(
			"leave it to %s (without the option that sets it), or change it %s; --force-conflicts takes it only until %s writes again",
			who, where, who)}
	}
	person := func(words string) party {
		return party{words, "leave it as it is (without the option that sets it), undo that edit with kubectl, " + take}
	}
	switch {
	case slices.Contains(argoManagers, manager), manager == "argocd-server":
		return undone("Argo CD", "Argo CD", "in its git repository")
	case manager == kustomizeManager, manager == fluxHelmManager:
		return undone("Flux", "Flux", "in its git repository")
	case manager == helmManager:
		return undone("Helm", "Helm", "with helm")
	case manager == kube.FieldManager:
		return party{"an earlier kubectl falcon", "take it with --force-conflicts"}
	case manager == "before-first-apply":
		return party{"older than server-side apply, so whoever made it first",
			"leave it as it is (without the option that sets it), " + take}
	case manager == "kubectl":
		return person("somebody with kubectl (apply, scale ...)")
	case manager == "kubectl-client-side-apply":
		return party{`"kubectl apply"`,
			"leave it as it is (without the option that sets it), change it in the file that is applied, " + take}
	case strings.HasPrefix(manager, "kubectl-"):
		verb := strings.TrimPrefix(manager, "kubectl-")
		return person(fmt.Sprintf("somebody with %q", "kubectl "+verb))
	case strings.HasSuffix(manager, "controller-manager"), strings.HasSuffix(manager, "-controller"),
		strings.Contains(manager, "autoscaler"):
		return undone("a controller, such as an autoscaler", "the controller", "where it is configured")
	}
	return party{"another tool", "leave it to that tool (without the option that sets it), change it there, " + take}
}
