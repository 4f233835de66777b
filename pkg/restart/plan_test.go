package restart

import (
	"fmt"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
)

func object(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Name: name, Namespace: "team-a", Generation: 1, Labels: map[string]string{"app": name}}
}

func podTemplate(name string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
	labels := map[string]string{"app": name}
	return &metav1.LabelSelector{MatchLabels: labels}, corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app", Image: "app:1"}}}}
}

// deployment is one that is well.
func deployment(name string, replicas int32, change ...func(*appsv1.Deployment)) *appsv1.Deployment {
	d := &appsv1.Deployment{ObjectMeta: object(name)}
	d.Spec.Selector, d.Spec.Template = podTemplate(name)
	d.Spec.Replicas = &replicas
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: 1, Replicas: replicas, UpdatedReplicas: replicas, AvailableReplicas: replicas}
	for _, f := range change {
		f(d)
	}
	return d
}

func statefulSet(name string, replicas int32, change ...func(*appsv1.StatefulSet)) *appsv1.StatefulSet {
	s := &appsv1.StatefulSet{ObjectMeta: object(name)}
	s.Spec.Selector, s.Spec.Template = podTemplate(name)
	s.Spec.Replicas = &replicas
	s.Status = appsv1.StatefulSetStatus{ObservedGeneration: 1, Replicas: replicas, AvailableReplicas: replicas}
	for _, f := range change {
		f(s)
	}
	return s
}

func daemonSet(name string, nodes int32, change ...func(*appsv1.DaemonSet)) *appsv1.DaemonSet {
	d := &appsv1.DaemonSet{ObjectMeta: object(name)}
	d.Spec.Selector, d.Spec.Template = podTemplate(name)
	d.Status = appsv1.DaemonSetStatus{ObservedGeneration: 1, DesiredNumberScheduled: nodes, UpdatedNumberScheduled: nodes, NumberAvailable: nodes}
	for _, f := range change {
		f(d)
	}
	return d
}

func rolling(unavailable, surge string) func(*appsv1.Deployment) {
	u, s := intstr.Parse(unavailable), intstr.Parse(surge)
	return func(d *appsv1.Deployment) {
		d.Spec.Strategy.RollingUpdate = &appsv1.RollingUpdateDeployment{MaxUnavailable: &u, MaxSurge: &s}
	}
}

func budget(app string, allowed int32) policyv1.PodDisruptionBudget {
	b := policyv1.PodDisruptionBudget{ObjectMeta: metav1.ObjectMeta{Name: app + "-pdb", Namespace: "team-a"}}
	b.Spec.Selector = &metav1.LabelSelector{MatchLabels: map[string]string{"app": app}}
	b.Status.DisruptionsAllowed = allowed
	return b
}

// found makes what is seen of a workload.
func found(o runtime.Object, budgets ...policyv1.PodDisruptionBudget) seen {
	named := o.(metav1.Object)
	kind := strings.TrimPrefix(fmt.Sprintf("%T", o), "*v1.")
	return seen{concern: concern{Name: Name{"team-a", kind, named.GetName()}, pods: 1, why: "stale: older than the webhook"}, object: o, budgets: budgets}
}

// What a restart means is said of each kind, strategy and budget.
func TestWeigh(t *testing.T) {
	paused := func(d *appsv1.Deployment) { d.Spec.Paused = true }
	recreate := func(d *appsv1.Deployment) { d.Spec.Strategy.Type = appsv1.RecreateDeploymentStrategyType }
	optsOut := func(d *appsv1.Deployment) {
		d.Spec.Template.Annotations = map[string]string{manifest.InjectionKey: manifest.Disabled}
	}
	unwell := func(d *appsv1.Deployment) { d.Status.AvailableReplicas = 0 }
	coming := func(d *appsv1.Deployment) { d.Status.UpdatedReplicas = 1 }
	stuck := func(d *appsv1.Deployment) {
		coming(d)
		d.Status.Conditions = []appsv1.DeploymentCondition{{Type: appsv1.DeploymentProgressing, Status: corev1.ConditionFalse, Reason: "ProgressDeadlineExceeded"}}
	}
	onDelete := func(s *appsv1.StatefulSet) { s.Spec.UpdateStrategy.Type = appsv1.OnDeleteStatefulSetStrategyType }
	partition := func(s *appsv1.StatefulSet) {
		two := int32(2)
		s.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateStatefulSetStrategy{Partition: &two}
	}
	surging := func(d *appsv1.DaemonSet) {
		zero, one := intstr.FromInt32(0), intstr.FromInt32(1)
		d.Spec.UpdateStrategy.RollingUpdate = &appsv1.RollingUpdateDaemonSet{MaxUnavailable: &zero, MaxSurge: &one}
	}
	refused, plain, gone := found(deployment("web", 2)), found(deployment("web", 2)), found(deployment("web", 2))
	refused.refused, plain.plain, gone.object = "no pods today", true, nil
	bare := seen{concern: concern{Name: Name{"team-a", "Pod", "bare"}}}
	job := seen{concern: concern{Name: Name{"team-a", "Job", "import"}}}
	widget := seen{concern: concern{Name: Name{"team-a", "Widget", "w"}}}

	tests := []struct {
		what   string
		s      seen
		reason string
		says   string
		risk   risk
	}{
		{"one replica that surges", found(deployment("web", 1)), "", "each pod stays", nothing},
		{"ten replicas", found(deployment("web", 10)), "", "2 of 10 pods", some},
		{"no surge", found(deployment("web", 2, rolling("0", "0"))), "", "1 of 2 pods", some},
		{"a percentage", found(deployment("web", 4, rolling("50%", "0"))), "", "2 of 4 pods", some},
		{"recreate", found(deployment("web", 3, recreate)), "", "all 3 pods go", all},
		{"a set of one", found(statefulSet("db", 1)), "", "its one pod goes", all},
		{"a set of three", found(statefulSet("db", 3)), "", "1 of 3 pods", some},
		{"a daemon set", found(daemonSet("log", 5)), "", "1 node at a time", perNode},
		{"a daemon set that surges", found(daemonSet("log", 5, surging)), "", "each pod stays", nothing},
		{"paused", found(deployment("web", 1, paused)), Paused, "kubectl rollout resume deployment/web -n team-a", 0},
		{"opted out", found(deployment("web", 1, optsOut)), OptedOut, "opts out", 0},
		{"not well", found(deployment("web", 1, unwell)), NotReady, "0 of 1 pods available", 0},
		{"rolling", found(deployment("web", 2, coming)), "", "waited for first", nothing},
		{"stuck", found(deployment("web", 2, stuck)), Stuck, "does not come through", 0},
		{"on delete", found(statefulSet("db", 3, onDelete)), OnDelete, "delete its pods yourself", 0},
		{"held back", found(statefulSet("db", 3, partition)), Partition, "below number 2", 0},
		{"refused", refused, IsRefused, "no pods today", 0},
		{"plain", plain, IsPlain, "kubectl falcon explain deployment/web -n team-a", 0},
		{"gone", gone, Gone, "not there any more", 0},
		{"bare", bare, IsBare, "delete and create it yourself", 0},
		{"a job", job, IsJob, "its next run gets the sensor", 0},
		{"a widget", widget, Unknown, "the tool that made it", 0},
		{"a kept budget", found(deployment("web", 1), budget("web", 0)), "", "web-pdb is kept", nothing},
		{"a wide budget", found(statefulSet("db", 3), budget("db", 1)), "", "allows 1 to be down", some},
		{"a narrow budget", found(statefulSet("db", 3), budget("db", 0)), OverBudget, "takes 1 of its pods down at once, and disruption budget db-pdb allows 0", 0},
		{"another's budget", found(statefulSet("db", 3), budget("web", 0)), "", "1 of 3", some},
	}
	for _, test := range tests {
		t.Run(test.what, func(t *testing.T) {
			step, left := weigh(&test.s, false)
			switch {
			case test.reason == "" && step == nil:
				t.Fatalf("it is left: %+v", left)
			case test.reason != "" && left == nil:
				t.Fatalf("it is restarted: %+v", step)
			case step != nil:
				if text := step.Effect + "; " + strings.Join(step.Notes, "; "); step.risk != test.risk || !strings.Contains(text, test.says) {
					t.Errorf("risk %d, %s", step.risk, text)
				}
			case left.Reason != test.reason || !strings.Contains(left.Text, test.says):
				t.Errorf("left because %s: %s", left.Reason, left.Text)
			}
		})
	}
	narrow := found(statefulSet("db", 3), budget("db", 0))
	if step, left := weigh(&narrow, true); left != nil || !strings.Contains(strings.Join(step.Notes, ""), "a rollout does not ask it") {
		t.Errorf("asked to, it does not: %+v %+v", step, left)
	}
}

// The least risk comes first and alone; what is down altogether goes by itself; two never share a budget.
func TestArrange(t *testing.T) {
	shared := budget("x", 5)
	shared.Spec.Selector = &metav1.LabelSelector{}
	all := []seen{
		found(statefulSet("single", 1)), found(statefulSet("other", 1)), found(daemonSet("log", 3)),
		found(deployment("big", 40)), found(deployment("mid", 10)),
		found(deployment("c", 1)), found(deployment("a", 1)), found(deployment("b", 1)), found(deployment("d", 1)),
		found(statefulSet("p", 3), shared), found(statefulSet("q", 3), shared),
	}
	p := arrange(all, Options{MaxParallel: 2})
	var waves []string
	for _, w := range p.Waves {
		var names []string
		for _, s := range w {
			names = append(names, s.Name.Name)
		}
		waves = append(waves, strings.Join(names, "+"))
	}
	const want = "a b+c d p q+mid big log other single"
	if got := strings.Join(waves, " "); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if p.Steps() != len(all) {
		t.Errorf("%d steps", p.Steps())
	}
}

// Only what verify calls stale, missed or drifted is restarted, each workload once.
func TestConcerns(t *testing.T) {
	report := func(name string, v verify.PodVerdict, pods int, why string) verify.WorkloadReport {
		return verify.WorkloadReport{Namespace: "team-a", Kind: "Deployment", Name: name, Verdict: v, Pods: pods, Why: why}
	}
	var rows []verify.WorkloadReport
	for _, v := range verify.PodVerdicts {
		rows = append(rows, report(string(v), v, 1, "so"))
	}
	rows = append(rows, report("web", verify.Stale, 2, "older"), report("web", verify.Injected, 1, ""), report("web", verify.Drifted, 1, "another image"))
	var got []string
	for _, c := range concerns(rows) {
		got = append(got, fmt.Sprintf("%s %d %s", c.Name.Name, c.pods, c.why))
	}
	const want = "missed 1 missed: so|stale 1 stale: so|drifted 1 drifted: so|web 3 stale: older; drifted: another image"
	if text := strings.Join(got, "|"); text != want {
		t.Errorf("got %s", text)
	}
}
