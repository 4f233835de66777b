package verify

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/canary"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

const image = "registry.example.com/falcon-sensor:7"

// born is when the webhook was made.
var born = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// healthy is a snapshot of a namespace in which all is well.
func healthy(pods ...corev1.Pod) *Snapshot {
	hook := manifest.Render(manifest.Options{Image: image}, manifest.Given{}).Webhook
	hook.CreationTimestamp = metav1.NewTime(born)
	return &Snapshot{
		Namespace: namespace("team-a", nil),
		Injector:  inject.State{Installed: true, Webhook: true, Image: image, Config: hook},
		Pods:      pods,
		Canary:    canary.Answer{Sidecar: "falcon-container"},
	}
}

func namespace(name string, marks map[string]string) *corev1.Namespace {
	all := map[string]string{corev1.LabelMetadataName: name}
	for k, v := range marks {
		all[k] = v
	}
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all}}
}

// without takes the webhook away.
func without(s *Snapshot) *Snapshot {
	s.Injector = inject.State{}
	s.Canary = canary.Answer{}
	return s
}

// outside is a namespace that opted out.
func outside(s *Snapshot) *Snapshot {
	s.Namespace = namespace("team-a", map[string]string{inject.InjectionKey: "disabled"})
	s.Canary = canary.Answer{}
	return s
}

func TestJudgeNamespace(t *testing.T) {
	optIn := func(s *Snapshot) *Snapshot {
		s.Injector.Config.Webhooks[0].NamespaceSelector = &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{
			{Key: inject.InjectionKey, Operator: metav1.LabelSelectorOpIn, Values: []string{"enabled"}}}}
		s.Canary = canary.Answer{}
		return s
	}
	byLabels := optIn(healthy())
	byLabels.Injector.Config.Webhooks[0].NamespaceSelector = &metav1.LabelSelector{MatchLabels: map[string]string{"a": "b"}}
	system := outside(healthy())
	system.Namespace = namespace("kube-system", nil)
	plain := healthy()
	plain.Canary = canary.Answer{}
	refused := healthy()
	refused.Canary = canary.Answer{Refused: errors.New("the server's words")}
	foreign := without(healthy())
	foreign.Canary = canary.Answer{Sidecar: "crowdstrike-falcon-container"}

	tests := map[string]struct {
		snapshot     *Snapshot
		verdict      Verdict
		reason, next string
		faults       int
	}{
		"injected":             {healthy(), Injected, "came back with the container falcon-container", "", 0},
		"by another injector":  {foreign, Injected, "came back with the container crowdstrike-falcon-container", "", 0},
		"no webhook":           {without(healthy()), Missing, "there is no webhook", "kubectl falcon install", 1},
		"refused":              {refused, Missing, "refused: the server's words", "kubectl falcon status", 1},
		"covered yet plain":    {plain, Missing, "although the webhook covers it", "kubectl logs -n falcon-system deployment/injector", 1},
		"opted out":            {outside(healthy()), OutOfScope, "labelled sensor.falcon-system.crowdstrike.com/injection=disabled", "", 0},
		"left out by its name": {system, OutOfScope, "leaves this namespace out by its name", "", 0},
		"not opted in":         {optIn(healthy()), OutOfScope, "lacks the label sensor.falcon-system.crowdstrike.com/injection", "", 0},
		"another selector":     {byLabels, OutOfScope, "selector leaves it out", "", 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := Judge(test.snapshot)
			if r.Injection != test.verdict || !strings.Contains(r.Reason, test.reason) || r.Faults() != test.faults {
				t.Errorf("got %q: %q with %d faults, want %q: %q with %d",
					r.Injection, r.Reason, r.Faults(), test.verdict, test.reason, test.faults)
			}
			if !strings.Contains(r.Next, test.next) || (r.Next == "") != (test.next == "") {
				t.Errorf("next is %q, want %q", r.Next, test.next)
			}
			if r.Namespace != test.snapshot.Namespace.Name {
				t.Errorf("namespace is %q", r.Namespace)
			}
		})
	}
}

// pod makes a running pod that is a minute younger than the webhook, changed as a test needs it.
func pod(change func(p *corev1.Pod), containers ...string) corev1.Pod {
	p := corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: "team-a", CreationTimestamp: metav1.NewTime(born.Add(time.Minute))},
		Status:     corev1.PodStatus{Phase: corev1.PodRunning},
	}
	for _, name := range containers {
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: name, Image: "image-of-" + name})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: name, Ready: true})
	}
	if change != nil {
		change(&p)
	}
	return p
}

func phase(phase corev1.PodPhase) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Status.Phase = phase }
}

func annotated(value string) func(*corev1.Pod) {
	return func(p *corev1.Pod) { p.Annotations = map[string]string{inject.InjectionKey: value} }
}

func unready(p *corev1.Pod) { p.Status.ContainerStatuses[1].Ready = false }

func unpullable(p *corev1.Pod) {
	unready(p)
	p.Status.ContainerStatuses[1].State.Waiting = &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "wrapped:\nnot found"}
}

func older(p *corev1.Pod) { p.CreationTimestamp = metav1.NewTime(born.Add(-time.Minute)) }

func TestJudgePod(t *testing.T) {
	same := func(s *Snapshot) *Snapshot { return s }
	going := metav1.NewTime(born)
	tests := map[string]struct {
		of           func(*Snapshot) *Snapshot
		pod          corev1.Pod
		verdict      Verdict
		reason, next string
	}{
		"injected":    {same, pod(nil, "app", "falcon-container"), Injected, "", ""},
		"by image":    {same, pod(func(p *corev1.Pod) { p.Spec.Containers[1].Image = image }, "app", "tomorrow"), Injected, "", ""},
		"no webhook":  {without, pod(nil, "app"), Missing, "there is no webhook", "kubectl falcon install"},
		"left over":   {without, pod(nil, "app", "falcon-container"), Injected, "", ""},
		"starting":    {same, pod(unready, "app", "falcon-container"), NotReady, "it is starting", "kubectl describe pod -n team-a web"},
		"unpullable":  {same, pod(unpullable, "app", "falcon-container"), NotReady, "container falcon-container: ErrImagePull: not found", "kubectl describe pod -n team-a web"},
		"older":       {same, pod(older, "app"), Missing, "older than the webhook", "kubectl rollout restart"},
		"slipped by":  {same, pod(nil, "app"), Missing, "younger than the webhook", "kubectl logs -n falcon-system deployment/injector"},
		"opted out":   {same, pod(annotated("disabled"), "app"), OptedOut, "annotated sensor.falcon-system.crowdstrike.com/injection=disabled", ""},
		"not quite":   {same, pod(annotated("false"), "app"), Missing, "younger than the webhook", "kubectl logs"},
		"in vain":     {same, pod(annotated("disabled"), "app", "falcon-container"), Injected, "", ""},
		"outside":     {outside, pod(nil, "app"), OutOfScope, "labelled sensor.falcon-system.crowdstrike.com/injection=disabled", ""},
		"succeeded":   {same, pod(phase(corev1.PodSucceeded), "app"), Done, "", ""},
		"failed":      {same, pod(phase(corev1.PodFailed), "app", "falcon-container"), Done, "", ""},
		"being ended": {same, pod(func(p *corev1.Pod) { p.DeletionTimestamp = &going }, "app"), Done, "being deleted", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := test.of(healthy(test.pod))
			r := Judge(s)
			got := r.Pods[0]
			if got.Name != "web" || got.Verdict != test.verdict || !strings.Contains(got.Reason, test.reason) ||
				(got.Reason == "") != (test.reason == "") {
				t.Errorf("got %s: %q, want %s: %q", got.Verdict, got.Reason, test.verdict, test.reason)
			}
			if !strings.Contains(got.Next, test.next) || (got.Next == "") != (test.next == "") {
				t.Errorf("next is %q, want %q", got.Next, test.next)
			}
			faults := r.Faults()
			if r.Injection == Missing {
				faults-- // the namespace's own
			}
			if bad := test.verdict == Missing || test.verdict == NotReady; bad != (faults == 1) {
				t.Errorf("%d faults for a pod that is %s", faults, got.Verdict)
			}
		})
	}
}

// A judgement that changed its snapshot could not be repeated, nor trusted.
func TestJudgeIsPure(t *testing.T) {
	snapshot := func() *Snapshot {
		return healthy(pod(nil, "app", "falcon-container"), pod(older, "app"), pod(unpullable, "app", "falcon-container"))
	}
	s := snapshot()
	first := Judge(s)
	if second := Judge(s); !reflect.DeepEqual(first, second) {
		t.Errorf("first %+v, then %+v", first, second)
	}
	if !reflect.DeepEqual(s, snapshot()) {
		t.Error("the snapshot was changed")
	}
	if first.Faults() != 2 {
		t.Errorf("%d faults, want the older pod and the unpullable one", first.Faults())
	}
}
