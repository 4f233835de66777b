package restart

import (
	"context"
	"fmt"
	"slices"

	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"golang.org/x/sync/errgroup"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// lookedAtOnce bounds the requests at the same time.
const lookedAtOnce = 8

// Make plans the restart of what a judgement finds fault with. It reads each workload and asks the API
// server, in dry runs, for a canary in each namespace and a pod of each template.
func Make(ctx context.Context, c *kube.Cluster, judged *verify.Cluster, o Options) (*Plan, error) {
	image := wantedImage(judged)
	all := concerns(judged.Workloads)
	found := make([]seen, len(all))
	looking, within := errgroup.WithContext(ctx)
	looking.SetLimit(lookedAtOnce)
	budgets := map[string][]policyv1.PodDisruptionBudget{}
	for n := range all {
		found[n].concern = all[n]
		if !slices.Contains(restartable, all[n].Kind) {
			continue
		}
		ns := all[n].Namespace
		if _, read := budgets[ns]; !read {
			var err error
			if budgets[ns], err = budgetsIn(ctx, c, ns); err != nil {
				return nil, err
			}
		}
		found[n].budgets = budgets[ns]
		looking.Go(func() error { return found[n].look(within, c, image) })
	}
	if err := looking.Wait(); err != nil {
		return nil, err
	}
	p := arrange(found, o)
	p.Context, p.Image = c.Context, image
	return p, p.prove(ctx, c)
}

func budgetsIn(ctx context.Context, c *kube.Cluster, namespace string) ([]policyv1.PodDisruptionBudget, error) {
	list, err := c.Client.PolicyV1().PodDisruptionBudgets(namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list poddisruptionbudgets in namespace %s: %w", namespace, err)
	}
	return list.Items, nil
}

// wantedImage is the sensor image that is configured, if there is one injector that says so.
func wantedImage(judged *verify.Cluster) string {
	for _, i := range judged.Injectors {
		if i.Image != "" {
			return i.Image
		}
	}
	return ""
}

// look reads the workload, and what would become of a pod of its template.
func (s *seen) look(ctx context.Context, c *kube.Cluster, image string) (err error) {
	s.refused, s.plain = "", false
	s.object, err = read(ctx, c, s.Name)
	if err != nil || s.object == nil {
		return err
	}
	answer, err := canary.Ask(ctx, c.Client, s.Namespace, image, kube.PodOf(s.object))
	if err != nil {
		return err
	}
	s.plain = answer.Refused == nil && answer.Sidecar == ""
	if answer.Refused != nil {
		if s.refused, err = refusal(answer, s.Namespace); err != nil {
			return err
		}
	}
	return nil
}

// read returns the workload, or nil if it is not there any more.
func read(ctx context.Context, c *kube.Cluster, n Name) (o runtime.Object, err error) {
	apps := c.Client.AppsV1()
	switch n.Kind {
	case "Deployment":
		o, err = apps.Deployments(n.Namespace).Get(ctx, n.Name, metav1.GetOptions{})
	case "StatefulSet":
		o, err = apps.StatefulSets(n.Namespace).Get(ctx, n.Name, metav1.GetOptions{})
	case "DaemonSet":
		o, err = apps.DaemonSets(n.Namespace).Get(ctx, n.Name, metav1.GetOptions{})
	default:
		return nil, fmt.Errorf("%s has no rollout", n)
	}
	switch {
	case apierrors.IsNotFound(err):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", n, err)
	}
	return o, nil
}

// refusal words a refusal to create a pod. Without the right to create pods nothing can be proved, and so
// nothing be restarted: that is an error.
func refusal(answer canary.Answer, namespace string) (string, error) {
	if answer.Forbidden() {
		return "", problem.New(problem.NoAccess, "kubectl falcon rbac restart prints the role that is needed",
			"nothing was changed: you may not create pods in namespace %s, not even as a dry run, so it cannot be proved that "+
				"restarted pods get the sensor", namespace)
	}
	if apierrors.IsUnauthorized(answer.Refused) {
		return "", answer.Refused
	}
	return answer.Refused.Error(), nil
}

// prove asks for a canary in each namespace of the plan, and notes those where it does not come back with
// the sensor.
func (p *Plan) prove(ctx context.Context, c *kube.Cluster) error {
	var names []string
	for _, wave := range p.Waves {
		for _, step := range wave {
			names = append(names, step.Namespace)
		}
	}
	slices.Sort(names)
	names = slices.Compact(names)
	whys := make([]string, len(names))
	asking, within := errgroup.WithContext(ctx)
	asking.SetLimit(lookedAtOnce)
	for n, ns := range names {
		asking.Go(func() (err error) {
			whys[n], err = proved(within, c, ns, p.Image)
			return err
		})
	}
	if err := asking.Wait(); err != nil {
		return err
	}
	for n, why := range whys {
		if why != "" {
			p.Blocked = append(p.Blocked, Blocked{names[n], why})
		}
	}
	return nil
}

// proved says why new pods of a namespace would not come up with the sensor, or nothing.
func proved(ctx context.Context, c *kube.Cluster, namespace, image string) (string, error) {
	answer, err := canary.Probe(ctx, c.Client, namespace, image)
	switch {
	case err != nil:
		return "", err
	case answer.Refused != nil:
		why, err := refusal(answer, namespace)
		return "new pods are refused: " + why, err
	case answer.Sidecar == "":
		return "new pods are made without the sensor", nil
	}
	return "", nil
}

// Refuse is the error of a plan that would make things worse, or nil.
func (p *Plan) Refuse() error {
	if len(p.Blocked) == 0 {
		return nil
	}
	first, more := p.Blocked[0], ""
	if n := len(p.Blocked) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more namespaces)", n)
	}
	return problem.New(problem.Failed, "kubectl falcon verify -n "+first.Namespace+" says what is wrong; mend that first",
		"nothing was restarted: in namespace %s %s%s", first.Namespace, first.Why, more)
}

// Fault says whether somebody should do something about a workload that was left, other than what is
// anyway the way of its kind or somebody's choice.
func (l *Left) Fault() bool {
	switch l.Reason {
	case NotReady, Stuck, OverBudget, IsRefused, IsPlain:
		return true
	}
	return false
}
