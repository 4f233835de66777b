package explain

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const spec = `{containers: [{name: c, image: "x:1"}]}`

func TestReadTakesEveryKindThatMakesPods(t *testing.T) {
	const template = `{metadata: {labels: {a: b}}, spec: ` + spec + `}`
	text := strings.Join([]string{
		`{apiVersion: v1, kind: Pod, metadata: {name: pod, namespace: own}, spec: ` + spec + `}`,
		`{apiVersion: apps/v1, kind: Deployment, metadata: {name: deployment}, spec: {selector: {matchLabels: {a: b}}, template: ` + template + `}}`,
		`{apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: replicaset}, spec: {selector: {matchLabels: {a: b}}, template: ` + template + `}}`,
		`{apiVersion: apps/v1, kind: StatefulSet, metadata: {name: statefulset}, spec: {serviceName: s, selector: {matchLabels: {a: b}}, template: ` + template +
			`, volumeClaimTemplates: [{metadata: {name: data}}]}}`,
		`{apiVersion: apps/v1, kind: DaemonSet, metadata: {name: daemonset}, spec: {selector: {matchLabels: {a: b}}, template: ` + template + `}}`,
		`{apiVersion: batch/v1, kind: Job, metadata: {generateName: job-}, spec: {template: ` + template + `}}`,
		`{apiVersion: batch/v1, kind: CronJob, metadata: {name: cronjob}, spec: {schedule: "* * * * *", jobTemplate: {spec: {template: ` + template + `}}}}`,
		`{apiVersion: v1, kind: PodTemplate, metadata: {name: podtemplate}, template: ` + template + `}`,
		`{apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: Pod, metadata: {name: listed}, spec: ` + spec + `}, {apiVersion: v1, kind: Secret, metadata: {name: s}}]}`,
		`{apiVersion: v1, kind: PodList, items: [{metadata: {name: typed}, spec: ` + spec + `}]}`,
		"# only a comment",
		`{apiVersion: v1, kind: Namespace, metadata: {name: new, labels: {x: "y"}}}`,
		`{apiVersion: example.com/v1, kind: Widget, metadata: {name: w}}`,
	}, "\n---\n")
	f, err := Read(strings.NewReader(text), "all.yaml", "team-a")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range f.Subjects {
		got = append(got, fmt.Sprintf("%s %s/%s %s %d", s.Namespace, s.Kind, s.Name, s.Pod.GenerateName, len(s.Pod.Spec.Containers)))
		if s.Pod.Name != "" || s.File != "all.yaml" {
			t.Errorf("%+v", s)
		}
	}
	want := []string{"own Pod/pod pod- 1", "team-a Deployment/deployment deployment- 1", "team-a ReplicaSet/replicaset replicaset- 1",
		"team-a StatefulSet/statefulset statefulset- 1", "team-a DaemonSet/daemonset daemonset- 1", "team-a Job/job- job- 1", "team-a CronJob/cronjob cronjob- 1",
		"team-a PodTemplate/podtemplate podtemplate- 1", "team-a Pod/listed listed- 1", "team-a Pod/typed typed- 1"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if v := f.Subjects[3].Pod.Spec.Volumes; len(v) != 1 || v[0].PersistentVolumeClaim == nil || v[0].PersistentVolumeClaim.ClaimName != "data-statefulset-0" {
		t.Errorf("the set's claim is %+v", v)
	}
	if l := f.Namespaces["new"]; l["x"] != "y" || l["kubernetes.io/metadata.name"] != "new" {
		t.Errorf("the new namespace has %v", l)
	}
	if len(f.Skipped) != 2 || f.Skipped[0].Object != "secret/s" || f.Skipped[1].Object != "widget/w" || !strings.Contains(f.Skipped[1].Why, "not known here") {
		t.Errorf("skipped %+v", f.Skipped)
	}
}

func TestReadRefuses(t *testing.T) {
	for name, test := range map[string]struct{ text, says string }{
		"nothing":       {"", "nothing in x.yaml that makes pods"},
		"no pods":       {"{apiVersion: v1, kind: ConfigMap, metadata: {name: c}}", "nothing in x.yaml that makes pods"},
		"no YAML":       {"a: [", "document 1 of x.yaml"},
		"no kind":       {"{a: b}", "document 1 of x.yaml"},
		"a misspelling": {"{apiVersion: v1, kind: Pod, metadata: {name: p, anotations: {}}, spec: " + spec + "}", "anotations"},
		"a wrong type":  {"{apiVersion: v1, kind: Pod, metadata: {name: p}, spec: {containers: 3}}", "document 1 of x.yaml"},
	} {
		_, err := Read(strings.NewReader(test.text), "x.yaml", "team-a")
		if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Error(), test.says) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
