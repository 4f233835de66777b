//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
)

// otherInjector is an injector of another tool: namespace, name, webhook, labels and annotations. It has
// no pods, and its webhook lets pods start, so that the lab goes on.
const otherInjector = `apiVersion: v1
kind: Namespace
metadata: {name: %[1]s}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: %[2]s, namespace: %[1]s, labels: {%[4]s}, annotations: {%[5]s}}
spec:
  replicas: 0
  selector: {matchLabels: {app: %[2]s}}
  template:
    metadata: {labels: {app: %[2]s}}
    spec: {containers: [{name: injector, image: "` + sensorImage + `", command: [injector]}]}
---
apiVersion: v1
kind: Service
metadata: {name: %[2]s, namespace: %[1]s, labels: {%[4]s}, annotations: {%[5]s}}
spec: {selector: {app: %[2]s}, ports: [{port: 443, targetPort: 4433}]}
---
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingWebhookConfiguration
metadata: {name: %[3]s, labels: {%[4]s}, annotations: {%[5]s}}
webhooks:
- name: injector.%[1]s.svc
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Ignore
  clientConfig: {service: {namespace: %[1]s, name: %[2]s, path: /mutate}}
  rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  namespaceSelector: {matchLabels: {of-nobody: "true"}}
`

// TestOwners has an injector of each tool that is known to make one: install and uninstall leave it, name
// the tool and say what to do with it.
func TestOwners(t *testing.T) {
	l := shared()
	chart := `app.kubernetes.io/managed-by: Helm, app.kubernetes.io/instance: falcon, app.kubernetes.io/component: container_sensor, crowdstrike.com/provider: crowdstrike`
	operator := `crowdstrike.com/component: container_sensor, crowdstrike.com/created-by: falcon-operator, crowdstrike.com/provider: crowdstrike`
	release := `meta.helm.sh/release-name: falcon, meta.helm.sh/release-namespace: tools`
	const (
		ours        = "injector"
		ourWebhook  = "injector.falcon-system.svc"
		chartsName  = "falcon-sensor-injector"
		inRepo      = "in the git repository"
		falconSpace = "falcon-system"
	)
	for _, c := range []struct {
		name, manager, namespace, object, webhook, labels, annotations string
		words                                                          []string
	}{
		{"chart", "helm", falconSpace, chartsName, chartsName, chart, release,
			[]string{"made by Helm (release falcon", "helm uninstall falcon -n tools"}},
		{"chart elsewhere", "helm", "chart-space", chartsName, chartsName, chart, release,
			[]string{"deployment falcon-sensor-injector in namespace chart-space", "made by Helm (release falcon", "helm uninstall falcon -n tools"}},
		{"operator", "manager", falconSpace, "falcon-sidecar-injector", "mutatingwebhook.sidecar.falcon.crowdstrike.com", operator, "",
			[]string{"made by falcon-operator", "kubectl delete falconcontainer"}},
		{"Argo CD", "argocd-controller", falconSpace, ours, ourWebhook, "app: injector", `argocd.argoproj.io/tracking-id: "falcon-app:apps/Deployment:falcon-system/injector"`,
			[]string{"made by Argo CD (application falcon-app", inRepo}},
		{"Flux", "helm-controller", falconSpace, chartsName, chartsName, chart + ", helm.toolkit.fluxcd.io/name: falcon, helm.toolkit.fluxcd.io/namespace: flux-system", release,
			[]string{"made by Flux (HelmRelease flux-system/falcon", inRepo}},
		{"somebody", "pulumi-kubernetes", falconSpace, ours, ourWebhook, "app.kubernetes.io/managed-by: pulumi", "",
			[]string{"managed by pulumi", "kubectl delete mutatingwebhookconfiguration " + ourWebhook}},
	} {
		t.Run(c.name, func(t *testing.T) {
			l.apply(t, fmt.Sprintf(otherInjector, c.namespace, c.object, c.webhook, c.labels, c.annotations),
				"--server-side", "--field-manager", c.manager)
			t.Cleanup(func() {
				l.kubectl(t, "delete", "mutatingwebhookconfiguration", c.webhook)
				l.kubectl(t, "delete", "namespace", c.namespace)
			})
			same := l.unchanged(t, c.name)
			for _, args := range [][]string{good(), good("--dry-run=server"), good("--adopt", "--force-conflicts")} {
				r := l.falcon(t, args...)
				wantCode(t, r, 1)
				wantContains(t, "install", unfolded(r.stderr), append(c.words, "there is an injector already", "nothing was changed")...)
			}
			// The injector's line has the tool without brackets.
			s := l.falcon(t, "status")
			who := strings.NewReplacer("made by ", "", "(", "").Replace(c.words[0])
			wantContains(t, "status", strings.ReplaceAll(unfolded(s.stdout), "(", ""), who)
			wantNone(t, "status, of what install refuses to touch", s.stdout, "kubectl falcon install --cid")
			same()
			u := l.falcon(t, "uninstall")
			if strings.Contains(u.stdout, "deleted") {
				t.Errorf("uninstall removed what it did not make: %v", u)
			}
			wantContains(t, "uninstall", unfolded(u.stderr), c.words[0])
			same()
		})
	}
}

// TestConflict changes fields with kubectl. An install that wants another value names the field and who
// set it, and takes it only when it is told to; the number of injectors is left to whoever scales them unless
// --replicas asks for another.
func TestConflict(t *testing.T) {
	l := shared()
	l.install(t)
	l.kubectl(t, "scale", "deployment/injector", "-n", "falcon-system", "--replicas=1")
	kept := l.mustFalcon(t, good()...)
	wantContains(t, "an install over an autoscaler", kept.stderr, "nothing to change")
	if n := l.kubectl(t, "get", "deployment/injector", "-n", "falcon-system", "-o", "jsonpath={.spec.replicas}"); n != "1" {
		t.Errorf("the install made %s replicas of 1", n)
	}
	one := l.falcon(t, good("--replicas", "2")...)
	wantCode(t, one, 1)
	wantContains(t, "stderr", unfolded(one.stderr), `deployment/injector cannot be applied: "kubectl" (somebody with kubectl (apply, scale ...)) owns .spec.replicas`,
		"leave it as it is (without the option that sets it), undo that edit with kubectl, or take it with --force-conflicts")
	l.kubectl(t, "patch", "service/injector", "-n", "falcon-system", "--field-manager=kubectl-edit", "--type=json",
		"-p", `[{"op":"replace","path":"/spec/selector/app","value":"injector-not"}]`)
	l.kubectl(t, "patch", "service/injector", "-n", "falcon-system", "--field-manager=robot", "--type=merge",
		"-p", `{"metadata":{"labels":{"app":"robots"}}}`)
	same := l.unchanged(t, "an install with conflicts")
	r := l.falcon(t, good("--replicas", "2")...)
	wantCode(t, r, 1)
	wantContains(t, "stderr", unfolded(r.stderr), `deployment/injector cannot be applied: "kubectl" (somebody with kubectl`, ".spec.replicas",
		"--force-conflicts", `service/injector cannot be applied: "kubectl-edit" (somebody with "kubectl edit") owns .spec.selector`,
		"; 1 other manager owns fields too")
	wantCode(t, l.falcon(t, good("--dry-run=server")...), 1)
	wantCode(t, l.falcon(t, good("--diff")...), 4)
	same()
	// The same value is no conflict.
	l.kubectl(t, "patch", "service/injector", "-n", "falcon-system", "--field-manager=kubectl-edit", "--type=json",
		"-p", `[{"op":"replace","path":"/spec/selector/app","value":"injector"}]`)
	l.kubectl(t, "patch", "service/injector", "-n", "falcon-system", "--field-manager=robot", "--type=merge",
		"-p", `{"metadata":{"labels":{"app":"injector"}}}`)
	l.mustFalcon(t, good("--replicas", "1")...)
	forced := l.mustFalcon(t, good("--force-conflicts")...)
	wantContains(t, "install --force-conflicts", forced.stdout, "deployment/injector configured", "service/injector unchanged")
	again := l.mustFalcon(t, good()...)
	wantNone(t, "an install after that", again.stdout, "configured")
}
