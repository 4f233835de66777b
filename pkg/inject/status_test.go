package inject

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// Programs read these names; the golden file is the promise.
func TestStateJSON(t *testing.T) {
	full := State{Installed: true, Webhook: true, Owner: "kubectl-falcon", Version: "1.2.3", Image: goodImage, Ready: 1, Replicas: 2,
		FailurePolicy: "Fail", GlassBroken: "eve at noon", Covered: []string{"default", "shop"}, Left: []string{"kube-system"},
		CertificateDays: 20, NoCertificate: "mine", Trusted: true, Unreachable: "no ready pod", Pods: 7, Protected: 5, OptedOut: 1, Others: []string{"webhook x, made by Helm"}, Ending: true,
		Trouble: "pod/x: why", Config: manifest.Render(goodOptions(), manifest.Given{}).Webhook}
	full.Faults = full.faults()
	empty := (&found{}).state(time.Now())
	empty.Faults = empty.faults()
	var all []byte
	for _, s := range []*State{&full, empty} {
		content, err := json.MarshalIndent(s, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, content...), '\n')
	}
	golden.Check(t, "state.json", all)
}

func podIn(namespace, name string, ready bool, containers ...string) *corev1.Pod {
	p := &corev1.Pod{}
	p.APIVersion, p.Kind, p.Name, p.Namespace, p.Status.Phase = "v1", "Pod", name, namespace, corev1.PodRunning
	for _, c := range containers {
		image := "image-of-" + c
		if c == "sensor-of-tomorrow" {
			image = goodImage
		}
		p.Spec.Containers = append(p.Spec.Containers, corev1.Container{Name: c, Image: image})
		p.Status.ContainerStatuses = append(p.Status.ContainerStatuses, corev1.ContainerStatus{Name: c, Ready: ready})
	}
	return p
}

func TestStatusOfAWholeInstallation(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	done := podIn("shop", "done", false, "app")
	done.Status.Phase = corev1.PodSucceeded
	for _, p := range []*corev1.Pod{podIn("shop", "protected", true, "app", "falcon-container"), podIn("shop", "by-image", true, "sensor-of-tomorrow", "app"),
		podIn("shop", "starting", false, "app", "falcon-container"), podIn("default", "plain", true, "app"), podIn("kube-system", "dns", true, "dns"), done} {
		c.put(p)
	}
	s, err := Status(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	if !s.Installed || !s.Webhook || s.Owner != "kubectl-falcon" || s.Version != "1.2.3" || s.Image != goodImage || s.Ready != 2 || s.Replicas != 2 ||
		s.FailurePolicy != "Fail" || s.CertificateDays < 998 || !s.Trusted || s.Config == nil {
		t.Errorf("the state is %+v", s)
	}
	if s.Pods != 4 || s.Protected != 2 || !slices.Equal(s.Covered, []string{"default", "shop"}) || !slices.Equal(s.Left, []string{Namespace, "kube-system"}) {
		t.Errorf("%d of %d pods; covered %q, left %q", s.Protected, s.Pods, s.Covered, s.Left)
	}
	if len(s.Faults) != 1 || !s.Faults[0].Warning || len(c.did()) > 0 {
		t.Errorf("faults %v; it did %q", s.Faults, c.did())
	}
}

func TestStatusOfNothing(t *testing.T) {
	_, client := newCluster(t)
	s, err := Status(t.Context(), client)
	if err != nil || s.Installed || s.Webhook || s.CertificateDays != -1 || len(s.Faults) > 0 || s.Covered == nil || s.Left == nil {
		t.Errorf("the state is %+v, %v", s, err)
	}
}

// One that only canaries are sent to covers nobody yet.
func TestStatusOfAWebhookThatIsNotWide(t *testing.T) {
	c, client := newCluster(t)
	c.put(manifest.LimitToCanaries(manifest.Render(goodOptions(), manifest.Given{}).Webhook))
	s, err := Status(t.Context(), client)
	if err != nil || s.Webhook || len(s.Covered) > 0 {
		t.Errorf("the state is %+v, %v", s, err)
	}
}

func TestRead(t *testing.T) {
	plan := manifest.Render(goodOptions(), manifest.Given{})
	config := plan.Objects[slices.IndexFunc(plan.Objects, func(o kube.Object) bool { return strings.HasPrefix(o.GetName(), manifest.ConfigMapName) })]
	d := deploymentOf(goodOptions(), manifest.TLS{})
	tests := map[string]struct {
		objects []any
		want    State
	}{
		"nothing":            {nil, State{}},
		"all of it":          {[]any{d, config, plan.Webhook}, State{Installed: true, Ready: 2, Replicas: 2, Image: goodImage, Webhook: true, FailurePolicy: "Fail"}},
		"an orphan":          {[]any{plan.Webhook}, State{Webhook: true, FailurePolicy: "Fail"}},
		"before the webhook": {[]any{d, config}, State{Installed: true, Ready: 2, Replicas: 2, Image: goodImage}},
		"without its config": {[]any{d}, State{Installed: true, Ready: 2, Replicas: 2}},
		"the config alone":   {[]any{config}, State{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			c, client := newCluster(t)
			for _, o := range tt.objects {
				c.put(o)
			}
			got, err := Read(t.Context(), client)
			if err != nil || got.Webhook != (got.Config != nil) {
				t.Errorf("webhook %v, %v", got.Config, err)
			}
			got.Config = nil
			x, _ := json.Marshal(got)
			y, _ := json.Marshal(tt.want)
			if string(x) != string(y) {
				t.Errorf("got\n%s, want\n%s", x, y)
			}
		})
	}
}

func TestCertificatesShowsWhatMustAgree(t *testing.T) {
	c, client := newCluster(t)
	c.installed(t, client)
	c.put(injectorPod("injector-1", ""))
	places, err := Certificates(t.Context(), client)
	if err != nil || len(places) != 3 {
		t.Fatalf("%v, %v", places, err)
	}
	for n, where := range []string{"webhook injector.falcon-system.svc", "secret/injector-tls", "pod/injector-1"} {
		p := places[n]
		if p.Where != where || p.Fault != "" || len(p.Certificates) != []int{1, 2, 1}[n] {
			t.Errorf("%+v", p)
		}
	}
	// The leaf in the Secret and in the pod is one and the same.
	leaf := places[1].Certificates[0]
	if leaf.SHA256 != places[2].Certificates[0].SHA256 || leaf.CA || leaf.Days < 998 || len(leaf.SHA256) != 16 ||
		!slices.Contains(leaf.Names, "injector.falcon-system.svc") {
		t.Errorf("the leaf is %+v", leaf)
	}
	c.serving = pairs()[1]
	if places, err = Certificates(t.Context(), client); err != nil || !strings.Contains(places[2].Fault, "the webhook does not trust it") || places[1].Fault != "" {
		t.Errorf("%+v, %v", places, err)
	}
}
