package manifest

import (
	"maps"
	"reflect"
	"slices"
	"strconv"
	"testing"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// marked are the labels of a namespace. The API server sets the one with the name and refuses to have it
// changed.
func marked(name string, marks map[string]string) map[string]string {
	all := map[string]string{corev1.LabelMetadataName: name}
	maps.Copy(all, marks)
	return all
}

func TestWebhookCoversNamespacesInScope(t *testing.T) {
	wide := webhook(goodOptions(), Given{})
	narrow := webhook(*changed(func(o *Options) { o.NamespaceInjection = OptIn }), Given{})
	without := webhook(*changed(func(o *Options) { o.ExcludeNamespaces = []string{"team-b", "team-a"} }), Given{})
	opted := func(value string) map[string]string { return map[string]string{InjectionKey: value} }
	tests := map[string]struct {
		w         *admissionv1.MutatingWebhookConfiguration
		namespace string
		marks     map[string]string
		want      bool
	}{
		"default":                {wide, "default", nil, true},
		"any other":              {wide, "team-a", map[string]string{"team": "a"}, true},
		"opted in":               {wide, "team-a", opted("enabled"), true},
		"opted out":              {wide, "team-a", opted("disabled"), false},
		"a value nobody reads":   {wide, "team-a", opted("Disabled"), true},
		"an empty value":         {wide, "team-a", opted(""), true},
		"a name like kube's":     {wide, "kube-systems", nil, true},
		"a name like ours":       {wide, "falcon-system-2", nil, true},
		"another key, same word": {wide, "team-a", map[string]string{"injection": "disabled"}, true},
		"opt-in: says nothing":   {narrow, "team-a", nil, false},
		"opt-in: opted in":       {narrow, "team-a", opted("enabled"), true},
		"opt-in: opted out":      {narrow, "team-a", opted("disabled"), false},
		"excluded":               {without, "team-a", nil, false},
		"excluded and opted in":  {without, "team-b", opted("enabled"), false},
		"not excluded":           {without, "team-c", nil, true},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := Covers(test.w, marked(test.namespace, test.marks)); got != test.want {
				t.Errorf("covered is %v, want %v", got, test.want)
			}
		})
	}
}

// Were one of these covered, a dead injector would keep the cluster, or itself, from coming back.
func TestWebhookNeverCoversWhatAClusterHealsWith(t *testing.T) {
	for _, scope := range []Scope{All, OptIn} {
		w := webhook(*changed(func(o *Options) { o.NamespaceInjection = scope }), Given{})
		for _, namespace := range []string{"kube-system", "kube-public", "kube-node-lease", "falcon-system"} {
			for _, marks := range []map[string]string{nil, {InjectionKey: "enabled"}, {InjectionKey: ""}, {InjectionKey: "true"}} {
				if Covers(w, marked(namespace, marks)) {
					t.Errorf("%s with the labels %v is covered", namespace, marks)
				}
			}
		}
	}
}

func TestCoversAsTheAPIServerDecides(t *testing.T) {
	with := func(selectors ...*metav1.LabelSelector) *admissionv1.MutatingWebhookConfiguration {
		w := &admissionv1.MutatingWebhookConfiguration{}
		for _, s := range selectors {
			w.Webhooks = append(w.Webhooks, admissionv1.MutatingWebhook{NamespaceSelector: s})
		}
		return w
	}
	only := func(name string) *metav1.LabelSelector {
		return &metav1.LabelSelector{MatchLabels: map[string]string{corev1.LabelMetadataName: name}}
	}
	broken := &metav1.LabelSelector{MatchExpressions: []metav1.LabelSelectorRequirement{{Key: "a", Operator: "?"}}}
	for name, test := range map[string]struct {
		w    *admissionv1.MutatingWebhookConfiguration
		want bool
	}{
		"no webhook":         {nil, false},
		"no entry":           {with(), false},
		"no selector":        {with(nil), true},
		"an empty selector":  {with(&metav1.LabelSelector{}), true},
		"another namespace":  {with(only("b")), false},
		"the second entry":   {with(only("b"), only("a")), true},
		"one does not parse": {with(broken), false},
	} {
		if got := Covers(test.w, marked("a", nil)); got != test.want {
			t.Errorf("%s: covered is %v", name, got)
		}
	}
}

func TestWebhookIsLimitedInACopy(t *testing.T) {
	for _, scope := range []Scope{All, OptIn} {
		w := webhook(*changed(func(o *Options) { o.NamespaceInjection = scope }), fixed())
		before := w.DeepCopy()
		canary := marked(CanaryNamespace, CanaryNamespaceObject().Labels)
		limited := LimitToCanaryNamespace(w)
		if !Covers(limited, canary) || Covers(limited, marked("team-a", map[string]string{InjectionKey: Enabled})) {
			t.Errorf("it covers by %v", limited.Webhooks[0].NamespaceSelector)
		}
		pods := LimitToCanaries(w)
		if got := pods.Webhooks[0].ObjectSelector; !maps.Equal(got.MatchLabels, map[string]string{CanaryLabel: "true"}) {
			t.Errorf("it covers pods by %v", got)
		}
		if !reflect.DeepEqual(pods.Webhooks[0].NamespaceSelector, w.Webhooks[0].NamespaceSelector) {
			t.Error("it covers other namespaces than the wide one")
		}
		if !reflect.DeepEqual(w, before) {
			t.Error("the wide one was changed")
		}
		// The way back to the wide form must be written, not left out.
		if w.Webhooks[0].ObjectSelector == nil {
			t.Error("applying the wide form leaves the limited selector")
		}
	}
}

// What the webhook does beyond namespaces: only the creation of pods, never on a dry run's account, and
// within a time that a user would wait.
func TestWebhookTouchesOnlyTheCreationOfPods(t *testing.T) {
	configuration := webhook(goodOptions(), Given{Bundle: []byte("ca")})
	if configuration.Namespace != "" || configuration.Name != "injector.falcon-system.svc" || len(configuration.Webhooks) != 1 {
		t.Fatalf("it is %s/%s with %d webhooks", configuration.Namespace, configuration.Name, len(configuration.Webhooks))
	}
	w := configuration.Webhooks[0]
	if len(w.Rules) != 1 || !slices.Equal(w.Rules[0].Operations, []admissionv1.OperationType{"CREATE"}) ||
		!slices.Equal(w.Rules[0].Resources, []string{"pods"}) {
		t.Errorf("its rules are %+v", w.Rules)
	}
	if *w.SideEffects != admissionv1.SideEffectClassNone {
		t.Errorf("with side effects %s the API server refuses dry runs", *w.SideEffects)
	}
	if *w.FailurePolicy != admissionv1.Fail || *w.TimeoutSeconds != 15 {
		t.Errorf("with the failure policy %s pods can slip past, after %d s", *w.FailurePolicy, *w.TimeoutSeconds)
	}
	if string(w.ClientConfig.CABundle) != "ca" {
		t.Errorf("it trusts %q", w.ClientConfig.CABundle)
	}
	if len(configuration.OwnerReferences) != 0 || len(configuration.Annotations) != 0 {
		t.Errorf("unasked it has %v and %v", configuration.OwnerReferences, configuration.Annotations)
	}
}

// The names of the chain from the webhook to the pods must fit together, or no call arrives.
func TestWebhookLeadsToTheInjectorsPort(t *testing.T) {
	for name, r := range renderings() {
		plan := Render(r.o, r.given)
		pods := deploymentOf(t, r.o, r.given).Spec.Template
		var service *corev1.Service
		for _, o := range plan.Objects {
			if s, ok := o.(*corev1.Service); ok {
				service = s
			}
		}
		to := plan.Webhook.Webhooks[0].ClientConfig.Service
		if to.Name != service.Name || to.Namespace != service.Namespace || *to.Port != service.Spec.Ports[0].Port {
			t.Errorf("%s: the webhook calls %s/%s:%d, the Service is %s/%s:%d", name, to.Namespace, to.Name, *to.Port,
				service.Namespace, service.Name, service.Spec.Ports[0].Port)
		}
		for k, v := range service.Spec.Selector {
			if pods.Labels[k] != v {
				t.Errorf("%s: the Service selects %s=%s, the pods have %q", name, k, v, pods.Labels[k])
			}
		}
		container := pods.Spec.Containers[0]
		port := container.Ports[0]
		if service.Spec.Ports[0].TargetPort.StrVal != port.Name || container.ReadinessProbe.HTTPGet.Port.StrVal != port.Name {
			t.Errorf("%s: the Service leads to port %s, the container's is %s", name, service.Spec.Ports[0].TargetPort.StrVal, port.Name)
		}
		if told := settings(r.o)["FALCON_INJECTOR_LISTEN_PORT"]; told != strconv.Itoa(int(port.ContainerPort)) {
			t.Errorf("%s: the injector is told to listen on %s, its container's port is %d", name, told, port.ContainerPort)
		}
	}
}
