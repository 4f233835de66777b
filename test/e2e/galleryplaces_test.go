//go:build e2e

package e2e

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// brokenPlaces are namespaces in which pods with the sensor cannot be, or are not meant to be.
var brokenPlaces = []exhibit{
	{name: "PodSecurity baseline", want: []string{"FC604"}, says: "SYS_PTRACE",
		damage: func(t *testing.T, g *gallery) {
			g.namespace(t, "baseline", "pod-security.kubernetes.io/enforce=baseline")
		}},
	{name: "PodSecurity restricted", want: []string{"FC604"}, says: "restricted",
		damage: func(t *testing.T, g *gallery) {
			g.namespace(t, "restricted", "pod-security.kubernetes.io/enforce=restricted")
		}},
	{name: "a quota that is too small", want: []string{"FC611"}, says: "exceeded quota",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "small")
			g.apply(t, "apiVersion: v1\nkind: ResourceQuota\nmetadata: {name: q, namespace: "+ns+"}\nspec: {hard: {pods: '0'}}\n")
		}},
	{name: "a limit that the sensor breaks", want: []string{"FC509"}, says: "per Container",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			g.mustFalcon(t, good("--timeout-seconds", "5", "--sensor-memory-limit", "64Mi")...)
			ns := g.namespace(t, "limited")
			g.apply(t, "apiVersion: v1\nkind: LimitRange\nmetadata: {name: l, namespace: "+ns+"}\nspec:\n  limits:\n  - {type: Container, max: {memory: 16Mi}}\n")
		}},
	{name: "a label that nobody reads", want: []string{"FC603"}, says: "true",
		damage: func(t *testing.T, g *gallery) { g.namespace(t, "misspelt", injectionKey+"=true") }},
	{name: "a mark on the wrong kind", want: []string{"FC610"}, says: "annotation",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "wrongkind")
			g.kubectl(t, "annotate", "namespace", ns, injectionKey+"=disabled")
		}},
	{name: "a namespace that opted out", want: []string{"FC602"}, says: "disabled",
		damage: func(t *testing.T, g *gallery) { g.namespace(t, "outside", injectionKey+"=disabled") }},
	{name: "a pull secret that is missing in one namespace", want: []string{"FC507"}, says: "shop",
		damage: func(t *testing.T, g *gallery) {
			g.again(t)
			config := write(t, "config.json", `{"auths":{"`+registry+`":{"auth":"dTpw"}}}`)
			g.mustFalcon(t, good("--timeout-seconds", "5", "--pull-secret-file", config)...)
			g.kubectl(t, "delete", "secret", "crowdstrike-falcon-pull-secret", "-n", "shop")
		}},
	{name: "a cordoned node", idle: true, want: []string{"FC209", "FC606"}, says: "unschedulable",
		damage: func(t *testing.T, g *gallery) {
			node := g.kubectl(t, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")
			t.Cleanup(func() { g.kubectl(t, "uncordon", node) })
			g.kubectl(t, "cordon", node)
			g.kubectl(t, "delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--wait=true")
		}},
}

// brokenPods are workloads that are not protected, or do not work.
var brokenPods = []exhibit{
	{name: "stale pods", want: []string{"FC702"}, says: "older than the webhook",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "stale")
			g.kubectl(t, "label", "namespace", ns, injectionKey+"=disabled")
			g.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
			g.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=60s")
			g.again(t)
			g.kubectl(t, "label", "namespace", ns, injectionKey+"-")
			// Made again, the webhook is younger than the pod.
			g.kubectl(t, "delete", "mutatingwebhookconfiguration", hookName)
			time.Sleep(1100 * time.Millisecond)
			g.mustFalcon(t, good("--timeout-seconds", "5")...)
		}},
	{name: "a sensor image that is gone", want: []string{"FC703"}, says: "not found",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "gone")
			g.again(t)
			g.withSidecar(t, ns, registry+"/falcon-sensor-standin:7.40.0-gone")
		}},
	{name: "a sensor of another image", want: []string{"FC705"}, says: "pause:lab",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "drifted")
			g.withSidecar(t, ns, pauseImage)
		}},
	{name: "a ReplicaSet whose pods are refused", want: []string{"FC604", "FC709"}, says: "violates PodSecurity",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "blocked", "pod-security.kubernetes.io/enforce=baseline")
			g.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
		}},
	{name: "a Job that the sensor holds open", want: []string{"FC710"}, says: "job/short",
		damage: func(t *testing.T, g *gallery) {
			ns := g.namespace(t, "held")
			g.kubectl(t, "create", "job", "short", "-n", ns, "--image="+shellImage, "--", "bash", "-c", "true")
		}},
}

// withSidecar makes a pod whose sensor has an image of the test's choice: an injector leaves a pod alone
// that has one already.
func (g *gallery) withSidecar(t *testing.T, ns, image string) {
	t.Helper()
	g.apply(t, fmt.Sprintf(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: %s}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: app, image: %s, command: [/pause]}
      - {name: crowdstrike-falcon-container, image: %s, command: [/pause]}
`, ns, pauseImage, strings.TrimSpace(image)))
}
