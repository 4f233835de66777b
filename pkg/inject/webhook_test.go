package inject

import (
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
)

// covered evaluates the webhook's selector as the API server does.
func covered(t *testing.T, name string, marks map[string]string) bool {
	t.Helper()
	// The API server sets this label on every namespace and refuses to have it changed.
	all := k8slabels.Set{corev1.LabelMetadataName: name}
	for k, v := range marks {
		all[k] = v
	}
	selector, err := metav1.LabelSelectorAsSelector(webhook(nil).Webhooks[0].NamespaceSelector)
	if err != nil {
		t.Fatal(err)
	}
	return selector.Matches(all)
}

func TestWebhookCoversNamespacesUnlessTheyOptOut(t *testing.T) {
	tests := map[string]struct {
		namespace string
		marks     map[string]string
		want      bool
	}{
		"default":                {"default", nil, true},
		"any other":              {"team-a", map[string]string{"team": "a"}, true},
		"opted in":               {"team-a", map[string]string{InjectionKey: "enabled"}, true},
		"opted out":              {"team-a", map[string]string{InjectionKey: "disabled"}, false},
		"a value nobody reads":   {"team-a", map[string]string{InjectionKey: "Disabled"}, true},
		"an empty value":         {"team-a", map[string]string{InjectionKey: ""}, true},
		"a name like kube's":     {"kube-systems", nil, true},
		"a name like ours":       {"falcon-system-2", nil, true},
		"another key, same word": {"team-a", map[string]string{"injection": "disabled"}, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := covered(t, test.namespace, test.marks); got != test.want {
				t.Errorf("covered is %v, want %v", got, test.want)
			}
		})
	}
}

// Were one of these covered, a dead injector would keep the cluster, or itself, from coming back.
func TestWebhookNeverCoversWhatAClusterHealsWith(t *testing.T) {
	for _, namespace := range []string{"kube-system", "kube-public", "kube-node-lease", "falcon-system"} {
		for _, marks := range []map[string]string{nil, {InjectionKey: "enabled"}, {InjectionKey: ""}, {InjectionKey: "true"}} {
			if covered(t, namespace, marks) {
				t.Errorf("%s with the labels %v is covered", namespace, marks)
			}
		}
	}
}

// What the webhook does beyond namespaces: only the creation of pods, never on a dry run's account, and
// within a time that a user would wait.
func TestWebhookTouchesOnlyTheCreationOfPods(t *testing.T) {
	configuration := webhook([]byte("ca"))
	if configuration.Namespace != "" || configuration.Name != "injector.falcon-system.svc" || len(configuration.Webhooks) != 1 {
		t.Fatalf("it is %s/%s with %d webhooks", configuration.Namespace, configuration.Name, len(configuration.Webhooks))
	}
	w := configuration.Webhooks[0]
	if len(w.Rules) != 1 || len(w.Rules[0].Operations) != 1 || w.Rules[0].Operations[0] != admissionv1.Create ||
		len(w.Rules[0].Resources) != 1 || w.Rules[0].Resources[0] != "pods" {
		t.Errorf("its rules are %+v", w.Rules)
	}
	if *w.SideEffects != admissionv1.SideEffectClassNone {
		t.Errorf("with side effects %s the API server refuses dry runs", *w.SideEffects)
	}
	if *w.FailurePolicy != admissionv1.Fail {
		t.Errorf("with the failure policy %s pods can slip past", *w.FailurePolicy)
	}
	if string(w.ClientConfig.CABundle) != "ca" {
		t.Errorf("it trusts %q", w.ClientConfig.CABundle)
	}
}

// The names of the chain from the webhook to the pods must fit together, or no call arrives.
func TestWebhookLeadsToTheInjectorsPort(t *testing.T) {
	service, pods := service(), deployment(goodOptions(), "").Spec.Template
	to := webhook(nil).Webhooks[0].ClientConfig.Service
	if to.Name != service.Name || to.Namespace != service.Namespace || *to.Port != service.Spec.Ports[0].Port {
		t.Errorf("the webhook calls %s/%s:%d, the Service is %s/%s:%d", to.Namespace, to.Name, *to.Port,
			service.Namespace, service.Name, service.Spec.Ports[0].Port)
	}
	for k, v := range service.Spec.Selector {
		if pods.Labels[k] != v {
			t.Errorf("the Service selects %s=%s, the pods have %q", k, v, pods.Labels[k])
		}
	}
	port := pods.Spec.Containers[0].Ports[0]
	if service.Spec.Ports[0].TargetPort.StrVal != port.Name {
		t.Errorf("the Service leads to port %s, the container's is %s", service.Spec.Ports[0].TargetPort.StrVal, port.Name)
	}
	if told := configMap(goodOptions()).Data["FALCON_INJECTOR_LISTEN_PORT"]; told != "4433" || port.ContainerPort != 4433 {
		t.Errorf("the injector is told to listen on %s, its container's port is %d", told, port.ContainerPort)
	}
}
