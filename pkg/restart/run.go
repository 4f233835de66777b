package restart

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// Annotation is what kubectl rollout restart sets on a pod template, and all that is changed here.
const Annotation = "kubectl.kubernetes.io/restartedAt"

// Restarted is what is reported as done to a workload once the server has taken the change.
const Restarted kube.Change = "restarted"

// Available is the state in which a workload is left that has come through.
const Available = "available, each new pod with the sensor"

// Result is what became of a plan, each workload in one of the lists.
type Result struct {
	// Done came through, Unneeded needed it no more, Left could not be restarted after all.
	Done     []Name `json:"done"`
	Unneeded []Name `json:"unneeded"`
	Left     []Left `json:"left"`
	// Failed did not come through. UnderWay were restarted and not waited for to the end: the cluster goes
	// on with them. Untouched were not restarted.
	Failed    []Name `json:"failed"`
	UnderWay  []Name `json:"underWay"`
	Untouched []Name `json:"untouched"`
}

// run is a restart that goes on.
type run struct {
	c     *kube.Cluster
	o     Options
	image string

	mu     sync.Mutex
	result Result
}

// Run restarts a plan's workloads in its waves, and stops after the first wave in which one fails. The
// result is whole whatever the error is, also that of a context that ended. Run again, it does what is
// left.
func Run(ctx context.Context, c *kube.Cluster, p *Plan, o Options) (*Result, error) {
	r := &run{c: c, o: o, image: p.Image}
	var reporting sync.Mutex
	report := o.Report
	r.o.Report = func(e inject.Event) {
		reporting.Lock()
		defer reporting.Unlock()
		report(e)
	}
	stopped := p.Refuse()
	for _, wave := range p.Waves {
		if stopped == nil {
			// Between two waves too: nothing else would notice that the context has ended.
			stopped = ctx.Err()
		}
		if stopped != nil {
			for n := range wave {
				r.result.Untouched = append(r.result.Untouched, wave[n].Name)
			}
			continue
		}
		stopped = r.wave(ctx, wave)
	}
	return &r.result, stopped
}

// wave restarts workloads at once and waits for all of them: a rollout goes on in the cluster whatever
// becomes of the others.
func (r *run) wave(ctx context.Context, wave []Step) error {
	errs := make([]error, len(wave))
	var group sync.WaitGroup
	for n := range wave {
		group.Go(func() { errs[n] = r.step(ctx, &wave[n]) })
	}
	group.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) note(list *[]Name, n Name) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*list = append(*list, n)
}

// step restarts one workload, if it still needs it, and waits until it has come through.
func (r *run) step(ctx context.Context, s *Step) error {
	ready, err := r.again(ctx, s)
	if err != nil {
		if ctx.Err() != nil {
			r.note(&r.result.Untouched, s.Name)
			return ctx.Err()
		}
		r.note(&r.result.Failed, s.Name)
		return err
	}
	if !ready {
		return nil
	}
	stamp, err := r.patch(ctx, s.Name)
	if err != nil {
		if ctx.Err() != nil {
			// The request may have arrived.
			r.note(&r.result.UnderWay, s.Name)
			return ctx.Err()
		}
		r.note(&r.result.Failed, s.Name)
		return fmt.Errorf("restart %s: %w", s.Name, err)
	}
	r.o.Report(inject.Event{Object: s.String(), Change: Restarted})
	if r.o.DryRun {
		r.note(&r.result.Done, s.Name)
		return nil
	}
	err = r.await(ctx, s, stamp)
	if err == nil {
		err = r.confirm(ctx, s)
	}
	switch {
	case err == nil:
		r.note(&r.result.Done, s.Name)
	case ctx.Err() != nil:
		r.note(&r.result.UnderWay, s.Name)
		return ctx.Err()
	default:
		r.note(&r.result.Failed, s.Name)
	}
	return err
}

// again looks at a workload once more right before its restart: much may have happened since the plan.
func (r *run) again(ctx context.Context, s *Step) (bool, error) {
	found := seen{concern: concern{Name: s.Name, pods: s.Pods, why: s.Why}}
	if err := found.look(ctx, r.c, r.image); err != nil {
		return false, err
	}
	if found.object != nil && !r.o.DryRun && shapeOf(found.object).rolling && shapeOf(found.object).held == "" {
		if err := r.await(ctx, s, ""); err != nil {
			return false, err
		}
		if err := found.look(ctx, r.c, r.image); err != nil {
			return false, err
		}
	}
	needed, err := r.faulty(ctx, s.Name)
	if err != nil {
		return false, err
	}
	if !needed {
		r.o.Report(inject.Event{Remark: s.String() + " needs no restart any more"})
		r.note(&r.result.Unneeded, s.Name)
		return false, nil
	}
	left, err := r.allowed(ctx, &found)
	if err != nil || left == nil {
		return err == nil, err
	}
	if left.Reason == IsRefused || left.Reason == IsPlain {
		return false, problem.New(problem.Failed, "kubectl falcon verify -n "+s.Namespace, "%s was not restarted: %s", s.Name, left.Text)
	}
	r.o.Report(inject.Event{Remark: s.String() + " is left alone: " + left.Text})
	r.mu.Lock()
	defer r.mu.Unlock()
	r.result.Left = append(r.result.Left, *left)
	return false, nil
}

// settling is how long the cluster may take to notice that a budget is whole again after a wave before.
const settling = 10 * time.Second

// allowed weighs a workload again, and returns why it is left after all.
func (r *run) allowed(ctx context.Context, found *seen) (left *Left, err error) {
	for begin := time.Now(); ; {
		if found.budgets, err = budgetsIn(ctx, r.c, found.Namespace); err != nil {
			return nil, err
		}
		_, left = weigh(found, r.o.OverBudget)
		if left == nil || left.Reason != OverBudget || time.Since(begin) > settling {
			return left, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(pollEvery):
		}
	}
}

// faulty asks verify whether a workload still has pods that a restart would mend.
func (r *run) faulty(ctx context.Context, n Name) (bool, error) {
	judged, err := r.o.Judge(ctx, verify.Scope{Namespace: n.Namespace, Targets: []verify.Target{{Kind: n.Kind, Name: n.Name}}})
	if err != nil {
		return false, err
	}
	if judged.Unreachable != "" {
		return false, errors.New(judged.Unreachable)
	}
	for _, c := range concerns(judged.Workloads) {
		if c.Name == n {
			return true, nil
		}
	}
	return false, nil
}

// confirm has verify say that the restart has mended what was wrong.
func (r *run) confirm(ctx context.Context, s *Step) error {
	still, err := r.faulty(ctx, s.Name)
	if err != nil || !still {
		return err
	}
	return problem.New(problem.Failed, fmt.Sprintf("kubectl falcon verify -n %s %s/%s", s.Namespace, strings.ToLower(s.Kind), s.Name.Name),
		"%s has come up, and still not all of its pods carry the configured sensor", s.Name)
}

// patch sets the annotation as kubectl rollout restart does, and returns its value.
func (r *run) patch(ctx context.Context, n Name) (string, error) {
	stamp := time.Now().Format(time.RFC3339)
	content, err := json.Marshal(map[string]any{"spec": map[string]any{"template": map[string]any{
		"metadata": map[string]any{"annotations": map[string]string{Annotation: stamp}}}}})
	if err != nil {
		return "", err
	}
	options := metav1.PatchOptions{FieldManager: kube.FieldManager}
	if r.o.DryRun {
		options.DryRun = []string{metav1.DryRunAll}
	}
	apps := r.c.Client.AppsV1()
	switch n.Kind {
	case "Deployment":
		_, err = apps.Deployments(n.Namespace).Patch(ctx, n.Name, types.StrategicMergePatchType, content, options)
	case "StatefulSet":
		_, err = apps.StatefulSets(n.Namespace).Patch(ctx, n.Name, types.StrategicMergePatchType, content, options)
	case "DaemonSet":
		_, err = apps.DaemonSets(n.Namespace).Patch(ctx, n.Name, types.StrategicMergePatchType, content, options)
	}
	return stamp, err
}

// ended says whether a pod counts no more.
func ended(pod *corev1.Pod) bool {
	return pod.DeletionTimestamp != nil || pod.Status.Phase == corev1.PodSucceeded || pod.Status.Phase == corev1.PodFailed
}
