package owner

import (
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

type words = map[string]string

// meta makes an object's metadata; managers are those who wrote it.
func meta(namespace, name string, labels, annotations words, managers ...string) metav1.ObjectMeta {
	m := metav1.ObjectMeta{Namespace: namespace, Name: name, Labels: labels, Annotations: annotations}
	for _, manager := range managers {
		m.ManagedFields = append(m.ManagedFields, metav1.ManagedFieldsEntry{Manager: manager, Operation: metav1.ManagedFieldsOperationUpdate})
	}
	m.ManagedFields = append(m.ManagedFields, metav1.ManagedFieldsEntry{Manager: "kube-controller-manager", Subresource: "status"})
	return m
}

// Labels as the chart and the operator write them (facts/falcon.md 1.4 and 1.5).
func chartLabels() words {
	return words{"app": "falcon-sensor", "app.kubernetes.io/name": "falcon-sensor", "app.kubernetes.io/instance": "falcon",
		"app.kubernetes.io/managed-by": "Helm", "app.kubernetes.io/component": "container_sensor",
		"crowdstrike.com/provider": "crowdstrike", "helm.sh/chart": "falcon-sensor-1.36.0"}
}

func chartNotes() words {
	return words{"meta.helm.sh/release-name": "falcon", "meta.helm.sh/release-namespace": "security"}
}

func operatorLabels() words {
	return words{"crowdstrike.com/component": "container_sensor", "crowdstrike.com/provider": "crowdstrike",
		"crowdstrike.com/created-by": "falcon-operator", "crowdstrike.com/managed-by": "controller-manager"}
}

func with(m words, more ...string) words {
	for i := 0; i < len(more); i += 2 {
		m[more[i]] = more[i+1]
	}
	return m
}

func ours() words {
	return words{"app": "injector", manifest.ManagedByLabel: "kubectl-falcon", "app.kubernetes.io/instance": "web"}
}

func TestOf(t *testing.T) {
	guide := words{"app": "injector"}
	owned := meta("falcon-system", "falcon-sidecar-injector", operatorLabels(), nil, "manager")
	owned.OwnerReferences = []metav1.OwnerReference{{Kind: "FalconContainer", Name: "falcon-sidecar-sensor"}}
	applied := words{"kubectl.kubernetes.io/last-applied-configuration": "{}"}
	for _, c := range []struct {
		name   string
		object metav1.ObjectMeta
		tool   Tool
		detail string
	}{
		{"ours", meta("falcon-system", "injector", ours(), nil, "kubectl-falcon"), Ours, ""},
		{"ours, restarted", meta("falcon-system", "injector", ours(), nil, "kubectl-falcon", "kubectl-rollout"), Ours, ""},
		{"ours in Argo CD", meta("falcon-system", "injector", ours(),
			words{"argocd.argoproj.io/tracking-id": "sec:apps/Deployment:falcon-system/injector"}), ArgoCD, "application sec"},
		{"ours in Argo CD by label", meta("falcon-system", "injector", ours(), nil, "argocd-controller"), ArgoCD, "application web"},
		{"ours in Flux", meta("falcon-system", "injector", with(ours(), "kustomize.toolkit.fluxcd.io/name", "infra",
			"kustomize.toolkit.fluxcd.io/namespace", "flux-system"), nil), Flux, "Kustomization flux-system/infra"},
		{"ours over a release", meta("falcon-system", "injector", ours(), chartNotes(), "helm"), Ours, ""},
		{"chart", meta("security", "falcon-sensor-injector", chartLabels(), chartNotes(), "helm"), Helm, "release falcon in namespace security"},
		{"chart by field manager", meta("security", "x", nil, nil, "helm"), Helm, ""},
		{"chart by labels", meta("security", "x", chartLabels(), nil), Helm, "release falcon"},
		{"chart piped to kubectl", meta("security", "x", chartLabels(), applied), Kubectl, "a chart that helm rendered"},
		{"chart in Argo CD", meta("security", "x", with(chartLabels(), "argocd.argoproj.io/instance", "sensor"), nil), ArgoCD, "application sensor"},
		{"Argo CD without a name", meta("security", "x", nil, nil, "argocd-application-controller"), ArgoCD, ""},
		{"chart in Flux", meta("security", "x", with(chartLabels(), "helm.toolkit.fluxcd.io/name", "falcon",
			"helm.toolkit.fluxcd.io/namespace", "security"), chartNotes(), "helm-controller"), Flux, "HelmRelease security/falcon"},
		{"Flux without a name", meta("security", "x", nil, nil, "kustomize-controller"), Flux, ""},
		{"operator", owned, Operator, "FalconContainer falcon-sidecar-sensor"},
		{"operator by label", meta("", operatorWebhook, operatorLabels(), nil), Operator, ""},
		{"guide", meta("falcon-system", "injector", guide, applied, "kubectl-client-side-apply"), Guide, ""},
		{"guide's webhook", meta("", "injector.falcon-system.svc", nil, nil), Guide, ""},
		{"guide's names by terraform", meta("falcon-system", "injector",
			words{"app": "injector", manifest.ManagedByLabel: "terraform"}, nil), Unknown, "managed by terraform"},
		{"somebody's injector", meta("other", "injector", guide, nil, "kubectl-create"), Kubectl, "field managers kubectl-create"},
		{"nobody's", meta("falcon-system", "injector", nil, nil), Unknown, ""},
		{"somebody's", meta("falcon-system", "injector", nil, nil, "pulumi", "HashiCorp", "pulumi"), Unknown, "field managers HashiCorp, pulumi"},
	} {
		tool, detail := Of(&c.object)
		if tool != c.tool || detail != c.detail {
			t.Errorf("%s: %s (%s), want %s (%s)", c.name, tool, detail, c.tool, c.detail)
		}
	}
}
