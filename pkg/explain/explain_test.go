package explain

import (
	"context"
	"errors"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clienttesting "k8s.io/client-go/testing"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/sidecar"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/verify"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

// cluster has this tool's injector, as it is rendered, and the objects; its server answers dry runs as
// answer says.
func cluster(t *testing.T, answer func(*corev1.Pod) (*corev1.Pod, error), objects ...runtime.Object) *kube.Cluster {
	t.Helper()
	o := manifest.Defaults()
	o.CID, o.Image = "0123456789abcdef0123456789abcdef-12", "falcon:7"
	plan := manifest.Render(o, manifest.Given{Bundle: []byte("x"), Version: "v1"})
	for _, object := range plan.Objects {
		switch object.(type) {
		case *appsv1.Deployment, *corev1.ConfigMap, *corev1.Service:
			objects = append(objects, object)
		}
	}
	objects = append(objects, plan.Webhook)
	client := fake.NewClientset(objects...)
	client.PrependReactor("create", "pods", func(a clienttesting.Action) (bool, runtime.Object, error) {
		create := a.(clienttesting.CreateActionImpl)
		if len(create.CreateOptions.DryRun) != 1 || create.Object.(*corev1.Pod).Name != "" || create.Object.(*corev1.Pod).GenerateName == "" {
			t.Errorf("it asked for %+v with %+v", create.Object, create.CreateOptions)
		}
		pod, err := answer(create.Object.(*corev1.Pod).DeepCopy())
		return true, pod, err
	})
	return &kube.Cluster{Client: client, Namespace: "team-a", Context: "lab"}
}

// injects is the answer of a server whose injector is well.
func injects(pod *corev1.Pod) (*corev1.Pod, error) {
	if _, there := sidecar.In(&pod.Spec, ""); there {
		return nil, errors.New("the sensor was not taken out of the pod")
	}
	pod.Spec.Containers = append(pod.Spec.Containers, corev1.Container{Name: sidecar.Names[0]})
	return pod, nil
}

func named(name string) metav1.ObjectMeta { return metav1.ObjectMeta{Namespace: "team-a", Name: name} }

func teamA() *corev1.Namespace {
	return &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: "team-a", Labels: map[string]string{corev1.LabelMetadataName: "team-a"}}}
}

// carrier is a pod of a ReplicaSet as the injector and the cluster have left it.
func carrier() (*corev1.Pod, *appsv1.ReplicaSet) {
	yes := true
	set := &appsv1.ReplicaSet{ObjectMeta: named("web-1")}
	set.Spec.Template.Spec.Containers = []corev1.Container{{Name: "app", Image: "app:1"}}
	pod := &corev1.Pod{ObjectMeta: named("web-1-x")}
	pod.OwnerReferences = []metav1.OwnerReference{{Kind: "ReplicaSet", Name: "web-1", Controller: &yes}}
	pod.Labels = map[string]string{"pod-template-hash": "1"}
	mounts := []corev1.VolumeMount{{Name: "crowdstrike-falcon-volume", MountPath: "/tmp/CrowdStrike"},
		{Name: "kube-api-access-x", MountPath: "/var/run/secrets/kubernetes.io/serviceaccount"}, {Name: "data", MountPath: "/data"}}
	pod.Spec = corev1.PodSpec{NodeName: "node-1",
		InitContainers: []corev1.Container{{Name: sidecar.InitContainer}},
		Containers:     []corev1.Container{{Name: "app", Image: "app:1", Command: []string{"/tmp/CrowdStrike/wrap", "app"}, VolumeMounts: mounts}, {Name: sidecar.Names[0]}},
		Volumes: []corev1.Volume{{Name: "crowdstrike-falcon-volume"}, {Name: "data"},
			{Name: "kube-api-access-x", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{}}}}}
	return pod, set
}

func TestFetchTakesBackWhatWasAddedToAPod(t *testing.T) {
	pod, set := carrier()
	target := []verify.Target{{Kind: "Pod", Name: pod.Name}}
	got, err := Fetch(t.Context(), cluster(t, injects, pod, set), target)
	if err != nil {
		t.Fatal(err)
	}
	s := got[0]
	if c := s.Pod.Spec.Containers; len(c) != 1 || len(c[0].Command) > 0 || s.About != "a pod of the template of its replicaset/web-1" ||
		s.Pod.Labels["pod-template-hash"] != "1" {
		t.Errorf("with its template: %s, %+v", s.About, s.Pod)
	}
	// Without the template the sensor is taken out, and it is said what cannot be.
	if got, err = Fetch(t.Context(), cluster(t, injects, pod), target); err != nil {
		t.Fatal(err)
	}
	s = got[0]
	p := s.Pod.Spec
	if len(p.Containers) != 1 || len(p.InitContainers) != 0 || len(p.Volumes) != 1 || len(p.Containers[0].VolumeMounts) != 1 || p.NodeName != "" ||
		!strings.Contains(strings.Join(s.Notes, ""), "the command is still the one that the injector wrote") {
		t.Errorf("without it: %+v, %v", p, s.Notes)
	}
	static := &corev1.Pod{ObjectMeta: named("static")}
	static.Annotations = map[string]string{corev1.MirrorPodAnnotationKey: "x"}
	c := cluster(t, injects, static, teamA())
	if got, err = Fetch(t.Context(), c, []verify.Target{{Kind: "Pod", Name: "static"}}); err != nil || got[0].Pod != nil {
		t.Fatalf("a static pod: %+v, %v", got, err)
	}
	r, err := Explain(t.Context(), c, got, nil)
	if err != nil || r.Pods[0].Outcome != Plain || !strings.Contains(r.Pods[0].Why, "static pod") || r.Error() != nil {
		t.Errorf("a static pod: %+v, %v", r, err)
	}
}

// A new pod would get the sensor, and the one that was asked about has none: both are said.
func TestExplainSaysThatThePodItselfHasNone(t *testing.T) {
	pod, set := carrier()
	without := pod.DeepCopy()
	without.Spec = set.Spec.Template.Spec
	for _, test := range []struct {
		pod  *corev1.Pod
		says string
	}{{without, "the pod that is there has none: kubectl falcon verify -n team-a pod/web-1-x"}, {pod, ""}} {
		c := cluster(t, injects, test.pod, set, teamA())
		subjects, err := Fetch(t.Context(), c, []verify.Target{{Kind: "Pod", Name: pod.Name}})
		if err != nil {
			t.Fatal(err)
		}
		r, err := Explain(t.Context(), c, subjects, nil)
		if err != nil {
			t.Fatal(err)
		}
		if e := r.Pods[0]; e.Outcome != Injected || !strings.HasPrefix(e.Next, test.says) || (e.Next == "") != (test.says == "") {
			t.Errorf("outcome %s, next %q, want %q", e.Outcome, e.Next, test.says)
		}
	}
}

func TestFetchOfWhatIsNotThere(t *testing.T) {
	_, err := Fetch(t.Context(), cluster(t, injects), []verify.Target{{Kind: "StatefulSet", Name: "db"}})
	if p, ok := errors.AsType[*problem.Error](err); !ok || p.Kind() != problem.BadInput || !strings.Contains(p.Error(), "there is no statefulset/db in namespace team-a") {
		t.Errorf("got %v", err)
	}
}

// forbid takes a right away.
func forbid(c *kube.Cluster, verb, resource string) {
	c.Client.(*fake.Clientset).PrependReactor(verb, resource, func(a clienttesting.Action) (bool, runtime.Object, error) {
		return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: resource}, "", errors.New(`User "x" cannot `+verb+` resource "`+resource+`"`))
	})
}

func explainOne(t *testing.T, ctx context.Context, c *kube.Cluster, namespace string, made map[string]map[string]string) Explanation {
	t.Helper()
	r, err := Explain(ctx, c, []Subject{{Namespace: namespace, Kind: "Pod", Name: "p", About: "the pod", Pod: &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "p-"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "app"}}}}}}, made)
	if err != nil {
		t.Fatal(err)
	}
	return r.Pods[0]
}

// Each right that is missing takes away one side, never both, and is no error.
func TestExplainWithFewerRights(t *testing.T) {
	for name, test := range map[string]struct {
		verb, resource string
		outcome        Outcome
		agreement      Agreement
		says           string
	}{
		"all":         {"", "", Injected, Agree, ""},
		"no webhooks": {"list", "mutatingwebhookconfigurations", Injected, Unproved, "you may not look at the cluster's injectors"},
		"no settings": {"get", "configmaps", Injected, Agree, "you may not read the injector's configuration"},
		"no labels":   {"get", "namespaces", Injected, Agree, "you may not read the namespace's labels"},
		"no creating": {"create", "pods", Injected, Unproved, "you may not create pods here"},
	} {
		t.Run(name, func(t *testing.T) {
			c := cluster(t, injects, teamA())
			if test.verb != "" {
				forbid(c, test.verb, test.resource)
			}
			e := explainOne(t, t.Context(), c, "team-a", nil)
			text := e.Unread + e.Server.Why
			for _, i := range e.Injectors {
				for _, s := range append(i.Called.Steps, i.Injects.Steps...) {
					text += s.Why
				}
			}
			if e.Outcome != test.outcome || e.Agreement != test.agreement || !strings.Contains(text, test.says) {
				t.Errorf("%s, %s, %s", e.Outcome, e.Agreement, text)
			}
		})
	}
}

func TestExplainInANamespaceThatIsNotThere(t *testing.T) {
	c := cluster(t, injects)
	e := explainOne(t, t.Context(), c, "new", map[string]map[string]string{"new": {manifest.InjectionKey: "disabled"}})
	if e.Outcome != Plain || e.Agreement != Unproved || !strings.Contains(e.Why, "labelled") {
		t.Errorf("with its file: %+v", e)
	}
	e = explainOne(t, t.Context(), c, "new", nil)
	if e.Outcome != Refused || e.Server.Class != noNamespace || e.Next != "kubectl create namespace new" {
		t.Errorf("without: %+v", e)
	}
}

func TestExplainClassifiesARefusal(t *testing.T) {
	c := cluster(t, func(*corev1.Pod) (*corev1.Pod, error) {
		return nil, apierrors.NewInternalError(errors.New(`failed calling webhook "injector.falcon-system.svc": tls: certificate signed by unknown authority`))
	}, teamA())
	e := explainOne(t, t.Context(), c, "team-a", nil)
	if e.Outcome != Refused || e.Server.Class != verify.UnknownCA || e.Agreement != Agree || e.Next != "kubectl falcon certs rotate" {
		t.Errorf("got %+v", e)
	}
	r := Report{Pods: []Explanation{e, {Outcome: Injected}}}
	if err := r.Error(); err == nil || err.Error() != "the API server would refuse 1 of 2 pods" {
		t.Errorf("got %v", err)
	}
	if e.Injectors[0].FailurePolicy != string(admissionv1.Fail) {
		t.Errorf("the policy is %q", e.Injectors[0].FailurePolicy)
	}
}
