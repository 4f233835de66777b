//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

const refusedPod = `apiVersion: v1
kind: Pod
metadata: {name: refused, namespace: default}
spec:
  hostNetwork: true
  containers:
  - name: c
    image: ` + pauseImage + `
    securityContext: {privileged: true, capabilities: {add: [SYS_PTRACE]}}
  volumes:
  - {name: host, hostPath: {path: /}}
`

// TestFargate runs the main job on a lab that imitates EKS Fargate: what AWS's webhook and scheduler do,
// and that a pod with the sensor still is one that Fargate takes.
func TestFargate(t *testing.T) {
	l, err := startLab(fmt.Sprintf("fargate-%d", os.Getpid()), "--fargate")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := l.stop(); err != nil {
			t.Errorf("lab down: %v", err)
		}
	})
	node := l.kubectl(t, "get", "nodes", "-o",
		`jsonpath={.items[0].metadata.labels.eks\.amazonaws\.com/compute-type} {.items[0].spec.taints}`)
	wantContains(t, "the node", node, "fargate", `"key":"eks.amazonaws.com/compute-type"`)

	t.Run("a namespace without a profile", func(t *testing.T) {
		// The injector's own namespace has none yet: its pods wait, and install says why.
		r := l.falcon(t, good("--fargate", "--timeout", "5s")...)
		wantCode(t, r, 124)
		wantContains(t, "install", r.stderr, "cannot be scheduled", "untolerated taint")
		wantContains(t, "install", r.stderr, "make a profile that selects namespace falcon-system")
	})
	l.kubectl(t, "patch", "configmap", "fargate-profiles", "-n", "kube-system", "--type=merge",
		"-p", `{"data":{"fp-falcon-system":"falcon-system"}}`)
	l.mustFalcon(t, good("--fargate")...)

	t.Run("a protected pod", func(t *testing.T) {
		l.pod(t, "default", "web")
		pod := l.kubectl(t, "get", "pod", "web", "-o", "yaml")
		wantContains(t, "the pod", pod, "schedulerName: fargate-scheduler", "eks.amazonaws.com/fargate-profile: fp-default",
			"name: crowdstrike-falcon-container")
		if strings.Contains(pod, "SYS_PTRACE") {
			t.Errorf("the sidecar asks for SYS_PTRACE, which Fargate refuses:\n%s", pod)
		}
		id := l.mustFalcon(t, "aid", "web", "--wait", "--timeout=60s").stdout
		if !aidForm.MatchString(strings.TrimSpace(id)) {
			t.Errorf("aid printed %q", id)
		}
	})
	t.Run("a pod that Fargate refuses", func(t *testing.T) {
		cmd := l.command("kubectl", "apply", "-f", "-")
		cmd.Stdin = strings.NewReader(refusedPod)
		if r := finish(t, cmd); r.code != 0 {
			t.Fatal(r)
		}
		eventually(t, "the refusal", 20*time.Second, func() (bool, string) {
			events := l.kubectl(t, "get", "events", "--field-selector=involvedObject.name=refused,reason=FailedScheduling")
			return strings.Contains(events, "Pod not supported on Fargate: fields not supported: HostNetwork") &&
				strings.Contains(events, "invalid SecurityContext fields: Capabilities added: SYS_PTRACE, Privileged") &&
				strings.Contains(events, "host is of an unsupported volume Type"), events
		})
		v, _ := l.verify(t, "default")
		v.want(t, "refused", "not-ready", "Pod not supported on Fargate")
	})
	t.Run("the gallery's namespace without a profile", func(t *testing.T) {
		l.kubectl(t, "delete", "pod", "refused", "web", "--now")
		l.kubectl(t, "create", "namespace", "shop")
		eventually(t, "a healthy cluster", 60*time.Second, func() (bool, string) {
			v := read[verdict](t, l.falcon(t, "verify", "-A", "-o", "json").stdout)
			return slices.Equal(v.bad(), usualWarnings), fmt.Sprintf("%v\n%s", v.bad(), findings(v))
		})
		l.kubectl(t, "create", "deployment", "web", "-n", "shop", "--image="+pauseImage)
		eventually(t, "the finding FC714", 60*time.Second, func() (bool, string) {
			v := read[verdict](t, l.falcon(t, "verify", "-A", "-o", "json").stdout)
			said := findings(v)
			return slices.Equal(v.bad(), append(slices.Clone(usualWarnings), "FC714")) &&
				strings.Contains(said, "FC714 fail shop/deployment/web: no Fargate profile selects it"), fmt.Sprintf("%v\n%s", v.bad(), said)
		})
		l.kubectl(t, "delete", "namespace", "shop")
	})
	t.Run("uninstall", func(t *testing.T) {
		l.mustFalcon(t, "uninstall")
		l.nothingLeft(t)
	})
}
