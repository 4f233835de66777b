package fargate

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

func TestPendingPodsAreExplained(t *testing.T) {
	active := func(name string, texts ...string) Profile {
		return Profile{Name: name, Status: "ACTIVE", Selectors: selectors(t, texts...)}
	}
	coming := active("coming", "soon")
	coming.Status = "CREATING"
	failed := active("failed", "bad")
	failed.Status = "CREATE_FAILED"
	profiles := []Profile{active("fp-shop", "shop"), active("labels", "team:app=web", "team:app=db"), coming, failed}
	app := func(value string) map[string]string { return map[string]string{"app": value} }
	for name, c := range map[string]struct {
		pod    Pod
		reason Reason
		says   string
	}{
		"runs":                    {Pod{Namespace: "none", Node: "ip-10-0-0-1"}, "", ""},
		"Fargate starts it":       {Pod{Namespace: "shop", Scheduler: Scheduler}, "", ""},
		"no profile":              {Pod{Namespace: "none", Scheduler: "default-scheduler"}, NoProfile, "no profile selects it"},
		"a failed one is none":    {Pod{Namespace: "bad"}, NoProfile, "no profile selects it"},
		"other labels":            {Pod{Namespace: "team", Labels: app("x")}, NoProfile, "no profile selects it"},
		"older":                   {Pod{Namespace: "team", Labels: app("db")}, OlderPod, "it was made before the profile labels was active"},
		"not ready":               {Pod{Namespace: "soon"}, NotReady, "the profile coming is not active yet"},
		"a DaemonSet's":           {Pod{Namespace: "shop", Owner: "daemonset/agent"}, NotAllowed, "DaemonSet"},
		"chooses one":             {Pod{Namespace: "shop", Labels: map[string]string{profileLabel: "fp-shop"}}, OlderPod, "fp-shop"},
		"chooses one of others":   {Pod{Namespace: "shop", Labels: map[string]string{profileLabel: "labels"}}, BadLabel, "chooses the profile labels, which does not select it"},
		"chooses one that is not": {Pod{Namespace: "shop", Labels: map[string]string{profileLabel: "x"}}, BadLabel, "chooses the profile x"},
	} {
		w := waits(&c.pod, profiles)
		if w == nil {
			w = &Waiting{}
		}
		if w.Reason != c.reason || !strings.Contains(w.Why, c.says) {
			t.Errorf("%s: got %+v", name, w)
		}
	}
}

func TestCoverageOfNamespaces(t *testing.T) {
	profiles := []Profile{{Name: "a", Status: "ACTIVE", Selectors: selectors(t, "shop", "team:app=web")}, {Name: "b", Status: "CREATING", Selectors: selectors(t, "sh*", "shop:x=1")}}
	pods := []Pod{{Namespace: "shop", Node: "fargate-ip-10-0-0-1"}, {Namespace: "shop", Scheduler: Scheduler}, {Namespace: "web", Name: "p"}, {Namespace: "web", Name: "q"}, {Namespace: "gone"}}
	c := Judge("shop", profiles, []string{"shop", "team", "web"}, pods, "falcon-system")
	want := []Namespace{
		{Name: "shop", Covered: CoversAll, Profiles: []string{"a", "b"}, Pods: 2, OnFargate: 1},
		{Name: "team", Covered: CoversSome, Profiles: []string{"a"}},
		{Name: "web", Covered: CoversNone, Profiles: []string{}, Pods: 2, Waiting: 2},
	}
	for n := range want {
		got := c.Namespaces[n]
		if got.Name != want[n].Name || got.Covered != want[n].Covered || !slices.Equal(got.Profiles, want[n].Profiles) || got.Pods != want[n].Pods ||
			got.OnFargate != want[n].OnFargate || got.Waiting != want[n].Waiting {
			t.Errorf("got %+v, want %+v", got, want[n])
		}
	}
	if !slices.Equal(c.Missing, []string{"falcon-system", "web"}) || len(c.Waiting) != 2 {
		t.Errorf("missing are %v, waiting %v", c.Missing, c.Waiting)
	}
	all := Judge("shop", []Profile{{Name: "a", Status: "ACTIVE", Selectors: selectors(t, "*")}}, []string{"web"}, nil, "falcon-system")
	if len(all.Missing) != 0 || all.Namespaces[0].Covered != CoversAll {
		t.Errorf("got %+v", all)
	}
}

func TestWhatIsCollected(t *testing.T) {
	yes := true
	objects := []runtime.Object{}
	for _, name := range []string{"web", "kube-system", "kube-public", "kube-node-lease"} {
		objects = append(objects, &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name}})
	}
	objects = append(objects,
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "web", OwnerReferences: []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "r", Controller: &yes}}},
			Spec: corev1.PodSpec{NodeName: "n", SchedulerName: Scheduler}},
		&corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "done", Namespace: "web"}, Status: corev1.PodStatus{Phase: corev1.PodSucceeded}})
	namespaces, pods, err := Collect(t.Context(), &kube.Cluster{Client: fake.NewClientset(objects...)})
	if err != nil || !slices.Equal(namespaces, []string{"kube-system", "web"}) || len(pods) != 1 || pods[0].Owner != "replicaset/r" || pods[0].Node != "n" || pods[0].Scheduler != Scheduler {
		t.Errorf("%v, %+v, %v", namespaces, pods, err)
	}
}
