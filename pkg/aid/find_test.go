package aid

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	metadatafake "k8s.io/client-go/metadata/fake"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/test/farm"
)

// owned makes a pod of a controller, which has another pod's labels: those alone prove nothing.
func owned(name, kind, by string) *corev1.Pod {
	p := farm.Pod("team-a", name, "node", "web")
	p.OwnerReferences[0].Kind, p.OwnerReferences[0].Name = kind, by
	if kind != "ReplicaSet" {
		delete(p.Labels, "pod-template-hash")
	}
	return p
}

func namesOf(pods []Pod) string {
	var names []string
	for n := range pods {
		names = append(names, pods[n].Name)
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

func TestFind(t *testing.T) {
	selector := &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}
	named := func(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "team-a", Name: name} }
	yes := true
	job := metav1.PartialObjectMetadata{TypeMeta: metav1.TypeMeta{APIVersion: "batch/v1", Kind: "Job"}, ObjectMeta: named("nightly-1")}
	job.OwnerReferences = []metav1.OwnerReference{{APIVersion: "batch/v1", Kind: "CronJob", Name: "nightly", Controller: &yes}}
	run := owned("run", "Job", "nightly-1")
	run.Labels[batchv1.JobNameLabel] = "nightly-1"
	objects := []runtime.Object{
		farm.Pod("team-a", "web-1", "node", "web"), farm.Pod("team-a", "web-2", "node", "web"), farm.Pod("team-b", "web-3", "node", "web"),
		owned("db-0", "StatefulSet", "db"), owned("other-1", "ReplicaSet", "other-abc"), run,
		&appsv1.Deployment{ObjectMeta: named("web"), Spec: appsv1.DeploymentSpec{Selector: selector}},
		&appsv1.StatefulSet{ObjectMeta: named("db"), Spec: appsv1.StatefulSetSpec{Selector: selector}},
		&appsv1.ReplicaSet{ObjectMeta: named("web-abc"), Spec: appsv1.ReplicaSetSpec{Selector: selector}},
		&batchv1.CronJob{ObjectMeta: named("nightly")},
	}
	metas := metadatafake.NewSimpleMetadataClient(metaScheme(t), &job)
	c := &kube.Cluster{Client: fake.NewClientset(objects...), Metadata: metas}
	at := func(kind, name string) Target { return Target{"team-a", kind, name} }
	for name, test := range map[string]struct {
		s       Selection
		want    string
		missing string
	}{
		"a namespace":          {Selection{Namespace: "team-a"}, "db-0 other-1 run web-1 web-2", ""},
		"everywhere":           {Selection{}, "db-0 other-1 run web-1 web-2 web-3", ""},
		"labels":               {Selection{Namespace: "team-b", Selector: "app=web"}, "web-3", ""},
		"other labels":         {Selection{Selector: "app=db"}, "", ""},
		"a pod":                {Selection{Targets: []Target{at("Pod", "web-1")}}, "web-1", ""},
		"one that is not":      {Selection{Targets: []Target{at("Pod", "web-1"), at("Pod", "web-9")}}, "web-1", "web-9"},
		"a Deployment":         {Selection{Targets: []Target{at("Deployment", "web")}}, "web-1 web-2", ""},
		"a StatefulSet":        {Selection{Targets: []Target{at("StatefulSet", "db")}}, "db-0", ""},
		"a ReplicaSet":         {Selection{Targets: []Target{at("ReplicaSet", "web-abc")}}, "web-1 web-2", ""},
		"a CronJob":            {Selection{Targets: []Target{at("CronJob", "nightly")}}, "run", ""},
		"a workload, not here": {Selection{Targets: []Target{at("DaemonSet", "x")}}, "", "daemonset/x"},
		"twice":                {Selection{Targets: []Target{at("Pod", "web-1"), at("Deployment", "web"), at("Pod", "web-1")}}, "web-1 web-2", ""},
	} {
		t.Run(name, func(t *testing.T) {
			pods, missing, err := Find(t.Context(), c, test.s)
			lacks := ""
			for _, m := range missing {
				lacks += m.Pod
			}
			if got := namesOf(pods); got != test.want || lacks != test.missing || err != nil {
				t.Errorf("found %q, missing %q, %v", got, lacks, err)
			}
		})
	}
	t.Run("many names are one list", func(t *testing.T) {
		f := &farm.Farm{Pods: farm.Pods(1200, 10)}
		cluster := onFarm(t, f)
		var s Selection
		for _, p := range f.Pods[:100] {
			s.Targets = append(s.Targets, Target{"team-00", "Pod", p.Name})
		}
		pods, missing, err := Find(t.Context(), cluster, s)
		if len(pods)+len(missing) != 100 || len(pods) == 0 || err != nil || f.Reads() != 1 {
			t.Errorf("found %d, missing %d, %v with %d requests", len(pods), len(missing), err, f.Reads())
		}
	})
}

func metaScheme(t *testing.T) *runtime.Scheme {
	t.Helper()
	s := metadatafake.NewTestScheme()
	if err := metav1.AddMetaToScheme(s); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestPicks(t *testing.T) {
	var pods []Pod
	for n, deployment := range []string{"web", "web", "web", "db", "db"} {
		p := farm.Pod("team-a", fmt.Sprint(deployment, "-", n), fmt.Sprint("node-", n%2), deployment)
		if n == 0 || n > 2 {
			p.Status.Phase, p.Status.ContainerStatuses = corev1.PodPending, nil
		}
		pods = append(pods, Reduce(p, ""))
	}
	if got := namesOf(PerWorkload(pods)); got != "db-3 web-1" {
		t.Errorf("of each workload: %s", got)
	}
	if got := namesOf(Sample(pods, 9)); got != "web-1 web-2" {
		t.Errorf("a sample of all: %s", got)
	}
	nodes := map[string]int{}
	var many []Pod
	for _, p := range farm.Pods(100, 5) {
		many = append(many, Reduce(p, ""))
	}
	for _, p := range Sample(many, 10) {
		nodes[p.NodeName]++
	}
	for node, n := range nodes {
		if n != 2 || len(nodes) != 5 {
			t.Errorf("%d of %s", n, node)
		}
	}
}

func TestFargateHasNoNodeToSpare(t *testing.T) {
	p := farm.Pod("team-a", "web", "fargate-ip-10-0-0-1.compute.internal", "web")
	labelled := farm.Pod("team-a", "web", "node", "web")
	labelled.Labels[fargateProfile] = "fp"
	for _, pod := range []*corev1.Pod{p, labelled} {
		if got := Reduce(pod, ""); got.Node != "" || got.NodeName == "" {
			t.Errorf("got %+v", got)
		}
	}
}

func TestCache(t *testing.T) {
	path := filepath.Join(t.TempDir(), "deep", CacheName("https://a", "b"))
	p := Reduce(farm.Pod("team-a", "web", "node", "web"), "")
	c, err := OpenCache(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, known := c.get(&p); known {
		t.Error("it knows what nobody told it")
	}
	c.put(&p, id)
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file is %v, %v", info, err)
	}
	c, err = OpenCache(path)
	if got, known := c.get(&p); got != id || !known || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
	anew := p
	anew.id = "containerd://another"
	if _, known := c.get(&anew); known {
		t.Error("a container that was started anew has the id of the one before")
	}
	c.entries[cacheKey(&p)] = entry{id, time.Now().Add(-31 * 24 * time.Hour)}
	c.changed = true
	if err := c.Save(); err != nil {
		t.Fatal(err)
	}
	if c, err = OpenCache(path); len(c.entries) != 0 || err != nil {
		t.Errorf("it keeps %v, %v", c.entries, err)
	}
	for _, broken := range []string{"", "{", `{"form":9}`, "\x00\x01"} {
		if err := os.WriteFile(path, []byte(broken), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := OpenCache(path)
		if err == nil || c == nil {
			t.Errorf("%q: got %v, %v", broken, c, err)
			continue
		}
		c.put(&p, id)
		if err := c.Save(); err != nil {
			t.Error(err)
		}
		if c, err = OpenCache(path); err != nil || len(c.entries) != 1 {
			t.Errorf("%q stayed: %v", broken, err)
		}
	}
	// Without a cache everything works as well.
	var none *Cache
	none.put(&p, id)
	if _, known := none.get(&p); known || none.Save() != nil {
		t.Error("a nil cache remembers")
	}
	if CacheName("https://a", "b") == CacheName("https://a", "c") || CacheName("https://a", "b") == CacheName("https://b", "b") {
		t.Error("two clusters share a file")
	}
}

func TestTheSameContainerIsNotAskedAgain(t *testing.T) {
	cache, err := OpenCache(filepath.Join(t.TempDir(), "c"))
	if err != nil {
		t.Fatal(err)
	}
	f := &farm.Farm{Pods: farm.Pods(5, 5), Run: answersID}
	c := onFarm(t, f)
	pods, _, err := Find(t.Context(), c, Selection{})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 {
		for _, r := range Run(t.Context(), c, pods, Options{Cache: cache}).Pods {
			if r.AID != farm.ID(r.Pod) || r.Cached != (n > 0) || f.Execs(r.Pod) != 1 {
				t.Errorf("run %d: %+v after %d commands", n, r, f.Execs(r.Pod))
			}
		}
	}
}
