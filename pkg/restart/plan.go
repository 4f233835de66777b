package restart

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

// risk is how much a restart takes away; the least comes first.
type risk int

const (
	// nothing goes before its successor is ready.
	nothing risk = iota
	// some pods go, others serve.
	some
	// perNode leaves each node without its pod for a moment.
	perNode
	// all pods are gone for a moment.
	all
)

// concern is a workload that verify finds fault with.
type concern struct {
	Name
	pods int
	why  string
}

// mended says whether a restart mends a verdict on pods.
func mended(v verify.PodVerdict) bool {
	return v == verify.Stale || v == verify.Missed || v == verify.Drifted
}

// concerns are the workloads of a judgement that a restart could mend, each once.
func concerns(reports []verify.WorkloadReport) []concern {
	var found []concern
	at := map[Name]int{}
	for _, r := range reports {
		if !mended(r.Verdict) {
			continue
		}
		name := Name{r.Namespace, r.Kind, r.Name}
		n, seen := at[name]
		if !seen {
			n = len(found)
			at[name] = n
			found = append(found, concern{Name: name})
		}
		found[n].pods += r.Pods
		if why := fmt.Sprintf("%s: %s", r.Verdict, r.Why); !strings.Contains(found[n].why, why) {
			found[n].why = strings.TrimPrefix(found[n].why+"; "+why, "; ")
		}
	}
	return found
}

// never are the kinds that are not restarted, with the reason and what to do.
var never = map[string][2]string{
	"Job":        {IsJob, "a Job is not restarted: its next run gets the sensor"},
	"CronJob":    {IsJob, "a CronJob's pods are not restarted: its next run gets the sensor"},
	"Pod":        {IsBare, "bare pods are not restarted: delete and create it yourself"},
	"ReplicaSet": {Unknown, "a ReplicaSet has no rollout: delete its pods yourself, one at a time"},
}

// restartable are the kinds that have a rollout.
var restartable = []string{"Deployment", "StatefulSet", "DaemonSet"}

// seen is what was found of a concern.
type seen struct {
	concern
	// object is nil if it is not there any more.
	object  runtime.Object
	budgets []policyv1.PodDisruptionBudget
	// refused and plain are what the server says to a pod of its template: the reason, or that it would be
	// made without the sensor.
	refused string
	plain   bool
}

// weigh decides about one workload: a step, or why it is left.
func weigh(s *seen, overBudget bool) (*Step, *Left) {
	leave := func(reason, text string) (*Step, *Left) {
		return nil, &Left{Name: s.Name, Pods: s.pods, Why: s.why, Reason: reason, Text: text}
	}
	if n, is := never[s.Kind]; is {
		return leave(n[0], n[1])
	}
	if !slices.Contains(restartable, s.Kind) {
		return leave(Unknown, "how a "+s.Kind+" is restarted is not known here: do it with the tool that made it")
	}
	if s.object == nil {
		return leave(Gone, "it is not there any more")
	}
	explain := fmt.Sprintf("kubectl falcon explain %s/%s -n %s", strings.ToLower(s.Kind), s.Name.Name, s.Namespace)
	template := kube.Template(s.object)
	form := shapeOf(s.object)
	switch {
	case template.Annotations[manifest.InjectionKey] == manifest.Disabled:
		return leave(OptedOut, "its template opts out, so new pods would not get the sensor either")
	case form.held != "":
		return leave(form.held, form.text)
	case !form.done && !form.rolling:
		return leave(NotReady, "it is not well now ("+form.state+"): mend that first")
	case s.refused != "":
		return leave(IsRefused, "the API server would refuse its pods: "+s.refused+" ("+explain+")")
	case s.plain:
		return leave(IsPlain, "its new pods would not get the sensor either ("+explain+")")
	}
	step := &Step{Name: s.Name, Pods: s.pods, Replicas: form.want, Why: s.why}
	step.risk, step.Effect = effect(s.Kind, form)
	if form.rolling {
		step.Notes = append(step.Notes, "it is being rolled out now, which is waited for first")
	}
	for i := range s.budgets {
		b := &s.budgets[i]
		if !selects(b, template.Labels) {
			continue
		}
		step.budgets = append(step.budgets, b.Namespace+"/"+b.Name)
		allowed := int(b.Status.DisruptionsAllowed)
		switch {
		case form.down == 0:
			step.Notes = append(step.Notes, "disruption budget "+b.Name+" is kept")
		case form.down <= allowed:
			step.Notes = append(step.Notes, fmt.Sprintf("disruption budget %s allows %d to be down", b.Name, allowed))
		case overBudget:
			step.Notes = append(step.Notes, fmt.Sprintf("disruption budget %s allows only %d to be down; a rollout does not ask it", b.Name, allowed))
		default:
			return leave(OverBudget, fmt.Sprintf("a restart takes %d of its pods down at once, and disruption budget %s allows %d: "+
				"wait until it allows more, or use --over-budget", form.down, b.Name, allowed))
		}
	}
	return step, nil
}

// effect says what a restart means.
func effect(kind string, form shape) (risk, string) {
	switch {
	case form.down == 0:
		return nothing, "each pod stays until its successor is ready"
	case kind == "DaemonSet":
		return perNode, fmt.Sprintf("each node is without its pod for a moment, %s at a time", nodes(form.down))
	case form.down >= form.want && form.want <= 1:
		return all, "it is down for a moment: its one pod goes before the next comes"
	case form.down >= form.want:
		return all, fmt.Sprintf("it is down for a moment: all %d pods go before the next come", form.want)
	}
	return some, fmt.Sprintf("%d of %d pods are down at a time", form.down, form.want)
}

func nodes(n int) string {
	if n == 1 {
		return "1 node"
	}
	return fmt.Sprintf("%d nodes", n)
}

// selects says whether a budget is for pods with the labels.
func selects(b *policyv1.PodDisruptionBudget, pod map[string]string) bool {
	s, err := metav1.LabelSelectorAsSelector(b.Spec.Selector)
	return err == nil && s.Matches(labels.Set(pod))
}

// arrange puts what was found into a plan: the least risk first and of that the fewest pods; the very first
// alone, so that it proves the way for the others; what is down altogether one by one; and never two at
// once that share a disruption budget.
func arrange(found []seen, o Options) *Plan {
	p := &Plan{Schema: Schema, Waves: [][]Step{}, Left: []Left{}, Blocked: []Blocked{}}
	var steps []Step
	for n := range found {
		step, left := weigh(&found[n], o.OverBudget)
		if left != nil {
			p.Left = append(p.Left, *left)
			continue
		}
		steps = append(steps, *step)
	}
	slices.SortStableFunc(steps, func(a, b Step) int {
		return cmp.Or(cmp.Compare(a.risk, b.risk), cmp.Compare(a.Replicas, b.Replicas), strings.Compare(a.String(), b.String()))
	})
	for _, step := range steps {
		last := len(p.Waves) - 1
		if last <= 0 || !fits(p.Waves[last], &step, o.MaxParallel) {
			p.Waves = append(p.Waves, nil)
			last++
		}
		p.Waves[last] = append(p.Waves[last], step)
	}
	return p
}

// fits says whether a step may be in a wave with others.
func fits(wave []Step, step *Step, most int) bool {
	if len(wave) >= most || step.risk == all || wave[0].risk != step.risk {
		return false
	}
	return !slices.ContainsFunc(wave, func(other Step) bool {
		return slices.ContainsFunc(other.budgets, func(b string) bool { return slices.Contains(step.budgets, b) })
	})
}
