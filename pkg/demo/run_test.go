package demo

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
	"github.com/kubectl-falcon/kubectl-falcon/test/fakes/falconapi"
)

// chosen is the guide's scenario.
func chosen(t *testing.T) []Scenario {
	t.Helper()
	all, err := Chosen([]string{Default}, false)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// hear collects what is reported.
func hear(said *[]string) Reporter {
	return Reporter{Stage: func(s Stage) { *said = append(*said, s.Name+" "+s.Detail) },
		Remark: func(format string, args ...any) { *said = append(*said, fmt.Sprintf(format, args...)) }}
}

// refusing are credentials that are no good.
type refusing struct{}

func (refusing) Alerts(context.Context, string, time.Time) ([]falcon.Alert, error) {
	return nil, problem.New(problem.NoAccess, "give the API client the scope", "scope not permitted")
}

func TestRunRefusesBeforeItMakesAnything(t *testing.T) {
	tests := map[string]struct {
		o          Options
		kind       problem.Kind
		says, next string
	}{
		"a bad image":         {Options{Namespace: "team-a", Image: "A B"}, problem.BadInput, `"A B" is not an image`, "REGISTRY/NAME:TAG"},
		"a missing namespace": {Options{Namespace: "tem-a"}, problem.BadInput, `there is no namespace "tem-a"`, "kubectl create namespace tem-a"},
		"another's namespace": {Options{Namespace: "team-a", Own: true}, problem.BadInput, "a namespace team-a that the demo did not make", "-n"},
		"bad credentials":     {Options{Namespace: "team-a", Detections: refusing{}}, problem.NoAccess, "scope not permitted", "scope"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(&corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a"}})
			var said []string
			// There is no Dynamic: an attempt to apply something would panic.
			_, err := Run(t.Context(), &kube.Cluster{Client: client}, chosen(t), test.o, hear(&said))
			p, ok := errors.AsType[*problem.Error](err)
			if !ok || p.Kind() != test.kind || !strings.Contains(p.Error(), test.says) || !strings.Contains(p.Next(), test.next) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// demoPod makes a pod of the scenario with the sensor beside it, changed as a test needs it.
func demoPod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "detection-single-x", Namespace: "team-a", Labels: labelsOf(Default)},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: Default}, {Name: "falcon-container"}}},
		Status: corev1.PodStatus{Phase: corev1.PodRunning,
			ContainerStatuses: []corev1.ContainerStatus{{Name: Default, Ready: true}, {Name: "falcon-container", Ready: true}}},
	}
	if change != nil {
		change(p)
	}
	return p
}

func stuck(p *corev1.Pod) {
	p.Status.ContainerStatuses[0] = corev1.ContainerStatus{Name: Default, State: corev1.ContainerState{
		Waiting: &corev1.ContainerStateWaiting{Reason: "ErrImagePull", Message: "wrapped:\nno such image"}}}
}

// deployed is the scenario in the cluster; blocked says why no pod can be made, if that is so.
func deployed(t *testing.T, blocked string) *appsv1.Deployment {
	t.Helper()
	d, err := Deployment(&chosen(t)[0], Options{Namespace: "team-a", Now: noon})
	if err != nil {
		t.Fatal(err)
	}
	d.Status.Replicas, d.Status.UpdatedReplicas = 1, 1
	if blocked != "" {
		d.Status.Conditions = []appsv1.DeploymentCondition{
			{Type: appsv1.DeploymentReplicaFailure, Status: corev1.ConditionTrue, Message: blocked}}
	}
	return d
}

func TestLookSaysHowFarItIs(t *testing.T) {
	now := metav1.NewTime(noon)
	gone := demoPod(func(p *corev1.Pod) { p.Name, p.DeletionTimestamp, p.Finalizers = "old", &now, []string{"x"} })
	// The Deployment just after a new run began: a pod of the one before still runs.
	rolling := deployed(t, "")
	rolling.Status.Replicas = 2
	tests := map[string]struct {
		objects     []runtime.Object
		made, ready bool
		state       string
	}{
		"ready":          {[]runtime.Object{deployed(t, ""), demoPod(nil)}, true, true, "pod/detection-single-x: 2/2 containers ready"},
		"no pod yet":     {[]runtime.Object{deployed(t, "")}, false, false, "waiting for its pod"},
		"only an old":    {[]runtime.Object{deployed(t, ""), gone}, false, false, "waiting for its pod"},
		"not rolled yet": {[]runtime.Object{rolling, demoPod(nil)}, false, false, "waiting for its pod"},
		"a stuck pod":    {[]runtime.Object{deployed(t, ""), demoPod(stuck)}, true, false, "pod/detection-single-x: container detection-single: ErrImagePull: no such image"},
		"refused":        {[]runtime.Object{deployed(t, "admission webhook denied the request")}, false, false, "no pod can be made: admission webhook denied the request"},
		"sensor unready": {[]runtime.Object{deployed(t, ""), demoPod(func(p *corev1.Pod) { p.Status.ContainerStatuses[1].Ready = false })}, true, false, "pod/detection-single-x: 1/2 containers ready"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := look(t.Context(), &kube.Cluster{Client: fake.NewClientset(test.objects...)}, "team-a", Default)
			if err != nil || (got.pod != nil) != test.made || got.ready != test.ready || got.state != test.state {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

// A demo without the sensor would show nothing, however well it runs.
func TestLookStopsAtAPodWithoutTheSensor(t *testing.T) {
	plain := demoPod(func(p *corev1.Pod) { p.Spec.Containers = p.Spec.Containers[:1] })
	_, err := look(t.Context(), &kube.Cluster{Client: fake.NewClientset(deployed(t, ""), plain)}, "team-a", Default)
	p, ok := errors.AsType[*problem.Error](err)
	if !ok || !strings.Contains(p.Error(), "without the Falcon sensor") || !strings.Contains(p.Next(), "kubectl falcon verify -n team-a") {
		t.Errorf("got %v", err)
	}
}

// node is one of the cluster's; on Fargate it carries the label of all of these.
func node(name string, labels map[string]string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}
}

// A pod that no Fargate profile selects is known before anything is made, without a right in AWS.
func TestFargateProfile(t *testing.T) {
	fargateLabel := map[string]string{fargateNode: fargate}
	for name, test := range map[string]struct {
		nodes   []runtime.Object
		profile string
		denied  string
		says    string
		remark  string
	}{
		"no Fargate":         {nodes: []runtime.Object{node("a", nil)}},
		"both":               {nodes: []runtime.Object{node("a", nil), node("b", fargateLabel)}},
		"no nodes":           {},
		"with a profile":     {nodes: []runtime.Object{node("b", fargateLabel)}, profile: "fp-default"},
		"without a profile":  {nodes: []runtime.Object{node("b", fargateLabel)}, says: "no Fargate profile selects namespace team-a"},
		"nodes not listed":   {denied: "nodes", remark: "nodes may not be listed"},
		"no pods in dry run": {nodes: []runtime.Object{node("b", fargateLabel)}, denied: "pods", remark: "is not known"},
	} {
		t.Run(name, func(t *testing.T) {
			client := fake.NewClientset(test.nodes...)
			client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
				create := a.(clienttesting.CreateActionImpl)
				if len(create.CreateOptions.DryRun) != 1 {
					t.Error("a pod is made in earnest")
				}
				pod := create.Object.(*corev1.Pod).DeepCopy()
				pod.Labels[fargateProfile] = test.profile
				return true, pod, nil
			})
			if test.denied != "" {
				client.PrependReactor("*", test.denied, func(clienttesting.Action) (bool, runtime.Object, error) {
					return true, nil, apierrors.NewForbidden(corev1.Resource(test.denied), "", errors.New("no"))
				})
			}
			var said []string
			r := &run{c: &kube.Cluster{Client: client}, o: Options{Namespace: "team-a", Now: noon}, report: hear(&said)}
			err := r.covered(t.Context(), &chosen(t)[0])
			if (err != nil) != (test.says != "") || err != nil && !strings.Contains(err.Error(), test.says) || !strings.Contains(strings.Join(said, "\n"), test.remark) {
				t.Errorf("got %v, said %q", err, said)
			}
		})
	}
}

const anAID = "00112233445566778899aabbccddeeff"

// api is the stand-in of the Falcon API and a client of it.
func api(t *testing.T, delay time.Duration) (*falconapi.Server, *falcon.Client) {
	t.Helper()
	fake := falconapi.New(falconapi.Config{ID: "client", Secret: "sesame", Scopes: falconapi.AllScopes, AlertDelay: delay})
	server := httptest.NewServer(fake)
	t.Cleanup(server.Close)
	c, err := falcon.New(falcon.Options{ID: "client", Secret: "sesame", Base: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	return fake, c
}

func TestDetect(t *testing.T) {
	other := map[string]any{"name": "Other", "display_name": "Other", "tactic": "Execution", "technique": "User Execution"}
	tests := map[string]struct {
		alerts []map[string]any
		aid    string
		fault  int
		says   []string
		others int
		told   string
	}{
		"it shows after a while": {alerts: []map[string]any{nil}},
		"beside another":         {alerts: []map[string]any{other, nil}, others: 1},
		"none":                   {says: []string{"did not show within 300ms", "no alert at all"}},
		"only another":           {alerts: []map[string]any{other}, says: []string{"others than the one expected: Other (https://"}, others: 1},
		"another agent's":        {alerts: []map[string]any{nil}, aid: strings.Repeat("f", 32), says: []string{"no alert at all"}},
		"a trouble that passes":  {alerts: []map[string]any{nil}, fault: 2, told: "trying again"},
		"one that does not":      {fault: 100, says: []string{"404"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			fake, c := api(t, 50*time.Millisecond)
			aid := test.aid
			if aid == "" {
				aid = anAID
			}
			for _, fields := range test.alerts {
				fake.AddAlert(aid, fields)
			}
			if test.fault > 0 {
				fake.Break("/alerts/queries/alerts/v2", falconapi.Fault{Status: 404, Times: test.fault})
			}
			var said []string
			r := &run{o: Options{Detections: c, Every: 20 * time.Millisecond, DetectionTimeout: 300 * time.Millisecond, Now: time.Now()}, report: hear(&said)}
			result := &Result{AID: anAID}
			err := r.detect(t.Context(), &chosen(t)[0], result, time.Now())
			if len(test.says) == 0 && (err != nil || result.Detection == nil || result.Detection.Severity != 90 || !strings.HasPrefix(result.Detection.Link, "https://falcon.")) {
				t.Errorf("got %+v (%v)", result.Detection, err)
			}
			for _, words := range test.says {
				if err == nil || !strings.Contains(err.Error(), words) || result.Detection != nil {
					t.Errorf("got %v, want %q", err, words)
				}
			}
			if len(result.Others) != test.others || !strings.Contains(strings.Join(said, "\n"), test.told) {
				t.Errorf("others are %+v, told %q", result.Others, said)
			}
		})
	}
}
