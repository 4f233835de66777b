package owner

import (
	"context"
	"slices"
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

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	fake "github.com/kubectl-falcon/kubectl-falcon/test/fakes/clientset"
)

func deployment(m metav1.ObjectMeta) *appsv1.Deployment { return &appsv1.Deployment{ObjectMeta: m} }

func svc(namespace, name string) *corev1.Service {
	return &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: name}}
}

func hook(m metav1.ObjectMeta, namespace, name, path string) *admissionv1.MutatingWebhookConfiguration {
	return &admissionv1.MutatingWebhookConfiguration{ObjectMeta: m, Webhooks: []admissionv1.MutatingWebhook{{
		Name:         name + "." + namespace + ".svc",
		ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Namespace: namespace, Name: name, Path: &path}}}}}
}

func byURL(h *admissionv1.MutatingWebhookConfiguration, url string) *admissionv1.MutatingWebhookConfiguration {
	h.Webhooks[0].ClientConfig = admissionv1.WebhookClientConfig{URL: &url}
	return h
}

func ignoring(h *admissionv1.MutatingWebhookConfiguration) *admissionv1.MutatingWebhookConfiguration {
	policy := admissionv1.Ignore
	h.Webhooks[0].FailurePolicy = &policy
	return h
}

func TestFind(t *testing.T) {
	chart := meta("security", chartName, chartLabels(), chartNotes(), "helm")
	chartHook := meta("", chartName, chartLabels(), chartNotes(), "helm")
	operated := meta("falcon-system", operatorName, operatorLabels(), nil, "manager")
	operated.OwnerReferences = []metav1.OwnerReference{{Kind: operatorKind, Name: "sensor"}}
	sensor := meta("falcon-kac", "falcon-kac", words{"crowdstrike.com/provider": "crowdstrike"}, nil)
	bare := meta("", "injector.falcon-system.svc", nil, nil)
	release := "release falcon in namespace security"
	for _, c := range []struct {
		name    string
		objects []runtime.Object
		want    []Injector
	}{
		{name: "nothing"},
		{"other webhooks", []runtime.Object{hook(meta("", "istio", nil, nil), "istio-system", "istiod", "/inject"),
			hook(meta("", "linkerd", nil, nil), "linkerd", "proxy-injector", "/mutate"),
			hook(meta("", "falcon-thing", nil, nil), "falcon", "falcon", "/validate"), deployment(sensor)}, nil},
		{"ours", []runtime.Object{deployment(meta("falcon-system", "injector", ours(), nil)), svc("falcon-system", "injector"),
			hook(meta("", "injector.falcon-system.svc", ours(), nil), "falcon-system", "injector", "/mutate")},
			[]Injector{{Tool: Ours, Namespace: "falcon-system", Webhook: "injector.falcon-system.svc", Deployment: "injector"}}},
		{"guide beside the chart", []runtime.Object{hook(bare, "falcon-system", "injector", "/mutate"), svc("falcon-system", "injector"),
			deployment(meta("falcon-system", "injector", words{"app": "injector"}, nil)),
			deployment(chart), svc("security", chartName), hook(chartHook, "security", chartName, "/mutate")},
			[]Injector{{Tool: Guide, Namespace: "falcon-system", Webhook: "injector.falcon-system.svc", Deployment: "injector"},
				{Tool: Helm, Detail: release, Namespace: "security", Webhook: chartName, Deployment: chartName}}},
		{"chart by URL", []runtime.Object{deployment(chart), svc("security", chartName), byURL(hook(chartHook, "security", chartName, ""),
			"https://falcon-sensor-injector.security.svc.cluster.local:443/mutate")},
			[]Injector{{Tool: Helm, Detail: release, Namespace: "security", Webhook: chartName, Deployment: chartName}}},
		{"operator without a webhook yet", []runtime.Object{deployment(operated)},
			[]Injector{{Tool: Operator, Detail: "FalconContainer sensor", Namespace: "falcon-system", Deployment: operatorName}}},
		{"only the Deployment is Argo CD's", []runtime.Object{hook(bare, "falcon-system", "injector", "/mutate"), svc("falcon-system", "injector"),
			deployment(meta("falcon-system", "injector", words{"app": "injector", argoInstance: "a"}, nil))},
			[]Injector{{Tool: ArgoCD, Detail: "application a", Namespace: "falcon-system", Webhook: bare.Name, Deployment: "injector"}}},
		{"renamed, few labels", []runtime.Object{hook(meta("", "sensor-injection", nil, nil, "pulumi"), "sec", "falcon-in", "/mutate"),
			svc("sec", "falcon-in"), deployment(meta("sec", "falcon-in", nil, nil, "pulumi"))},
			[]Injector{{Tool: Unknown, Detail: "field managers pulumi", Namespace: "sec", Webhook: "sensor-injection", Deployment: "falcon-in"}}},
		{"orphan", []runtime.Object{hook(bare, "falcon-system", "injector", "/mutate")},
			[]Injector{{Tool: Guide, Namespace: "falcon-system", Webhook: bare.Name, Orphan: true}}},
		{"orphan after break-glass", []runtime.Object{ignoring(hook(bare, "falcon-system", "injector", "/mutate"))},
			[]Injector{{Tool: Guide, Namespace: "falcon-system", Webhook: bare.Name, Orphan: true, ignored: true}}},
		{"a webhook without entries", []runtime.Object{&admissionv1.MutatingWebhookConfiguration{ObjectMeta: bare}},
			[]Injector{{Tool: Guide, Webhook: bare.Name, ignored: true}}},
	} {
		client := fake.NewClientset(c.objects...)
		found, err := Find(context.Background(), &kube.Cluster{Client: client})
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !slices.Equal(found, c.want) {
			t.Errorf("%s:\n%+v, want\n%+v", c.name, found, c.want)
		}
		if limit := 4 + 2*len(c.want); len(client.Actions()) > limit {
			t.Errorf("%s: %d requests", c.name, len(client.Actions()))
		}
	}
}

// Not being permitted to look is not the same as finding nothing.
func TestFindSaysWhatItCouldNotRead(t *testing.T) {
	for _, c := range []struct{ verb, resource, says string }{
		{"list", "mutatingwebhookconfigurations", "list mutatingwebhookconfigurations: "},
		{"list", "deployments", "list deployments with crowdstrike.com/provider=crowdstrike: "},
		{"get", "deployments", "read deployment injector in namespace falcon-system: "},
		{"get", "services", "read service injector in namespace falcon-system: "},
	} {
		client := fake.NewClientset(hook(meta("", "injector.falcon-system.svc", nil, nil), "falcon-system", "injector", "/mutate"))
		client.PrependReactor(c.verb, c.resource, func(clienttesting.Action) (bool, runtime.Object, error) {
			return true, nil, apierrors.NewForbidden(schema.GroupResource{Resource: c.resource}, "", nil)
		})
		found, err := Find(context.Background(), &kube.Cluster{Client: client})
		if !apierrors.IsForbidden(err) || !strings.HasPrefix(err.Error(), c.says) || found != nil {
			t.Errorf("%s %s: %v, %v", c.verb, c.resource, found, err)
		}
	}
}
