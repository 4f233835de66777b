//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

// TestUninstallKeepsWhatIsNotOurs puts something foreign into the namespace.
func TestUninstallKeepsWhatIsNotOurs(t *testing.T) {
	l := shared()
	l.install(t)
	l.kubectl(t, "create", "configmap", "precious", "-n", "falcon-system")
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", "falcon-system", "--ignore-not-found") })
	r := l.mustFalcon(t, "uninstall")
	wantContains(t, "uninstall", r.stderr, "namespace/falcon-system kept: it holds configmaps/precious")
	l.kubectl(t, "get", "configmap", "precious", "-n", "falcon-system")
	if left := l.kubectl(t, "get", "deployments,services,secrets,serviceaccounts", "-n", "falcon-system", "-o", "name"); left != "serviceaccount/default" {
		t.Errorf("left in falcon-system: %s", left)
	}
	l.kubectl(t, "delete", "configmap", "precious", "-n", "falcon-system")
	l.mustFalcon(t, "uninstall")
	l.nothingLeft(t)
	r = l.mustFalcon(t, "uninstall")
	wantContains(t, "uninstall of nothing", r.stderr, "there is nothing to uninstall")
}

// TestUninstallOfHalf has the webhook, or other parts and the record, be gone already.
func TestUninstallOfHalf(t *testing.T) {
	l := shared()
	for name, gone := range map[string][]string{
		"webhook gone":    {"mutatingwebhookconfiguration/injector.falcon-system.svc"},
		"record gone":     {"configmap/injector-record"},
		"deployment gone": {"deployment/injector", "configmap/injector-record", "secret/injector-tls", "clusterrole/falcon-injector"},
	} {
		t.Run(name, func(t *testing.T) {
			l.mustFalcon(t, good("--tags", "x")...)
			l.kubectl(t, append([]string{"delete", "-n", "falcon-system"}, gone...)...)
			r := l.mustFalcon(t, "uninstall")
			wantContains(t, "uninstall", r.stdout, "namespace/falcon-system deleted", "service/injector deleted")
			for _, object := range gone {
				wantNone(t, "uninstall", r.stdout, object+" deleted")
			}
			l.nothingLeft(t)
		})
	}
}

// TestUninstallDryRun says what would go and lets it stay, and --keep-namespace lets the namespace stay.
func TestUninstallDryRun(t *testing.T) {
	l := shared()
	l.install(t)
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", "falcon-system", "--ignore-not-found") })
	l.kubectl(t, "create", "configmap", "precious", "-n", "falcon-system")
	same := l.unchanged(t, "a dry run")
	dry := l.mustFalcon(t, "uninstall", "--dry-run")
	same()
	wantOrder(t, dry.stdout, "mutatingwebhookconfiguration/injector.falcon-system.svc deleted (dry run)", "deployment/injector deleted (dry run)")
	wantNone(t, "the dry run, of a namespace that uninstall would keep", dry.stdout, "namespace/falcon-system deleted")
	l.kubectl(t, "delete", "configmap", "precious", "-n", "falcon-system")

	dry = l.mustFalcon(t, "uninstall", "--dry-run")
	wantContains(t, "the dry run", dry.stdout, "namespace/falcon-system deleted (dry run)")
	kept := l.mustFalcon(t, "uninstall", "--keep-namespace")
	wantNone(t, "uninstall --keep-namespace", kept.stdout, "namespace/falcon-system deleted")
	l.kubectl(t, "get", "namespace", "falcon-system")
	// What the dry run said, and what was done.
	for line := range strings.Lines(dry.stdout) {
		line = strings.TrimSuffix(strings.TrimSpace(line), " (dry run)")
		if line != "namespace/falcon-system deleted" && !strings.Contains(kept.stdout, line) {
			t.Errorf("the dry run said %q, uninstall did:\n%s", line, kept.stdout)
		}
	}
	l.mustFalcon(t, "uninstall")
	l.nothingLeft(t)
}

// leftovers are what the chart and a person leave in a cluster.
const leftovers = `apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: old-falcon-sensor-access-role, labels: {crowdstrike.com/provider: crowdstrike}}
rules: []
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: old-falcon-sensor-access-binding, labels: {crowdstrike.com/provider: crowdstrike}}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: old-falcon-sensor-access-role}
`

// TestLeftovers holds that uninstall names what it leaves: of other tools, of people, and pods that still
// carry the sensor, with the commands that make them anew.
func TestLeftovers(t *testing.T) {
	l := shared()
	l.install(t)
	l.apply(t, leftovers)
	t.Cleanup(func() {
		l.kubectl(t, "delete", "clusterrole/old-falcon-sensor-access-role", "clusterrolebinding/old-falcon-sensor-access-binding")
	})
	ns := l.namespace(t, "leftovers", injectionKey+"=enabled")
	l.kubectl(t, "create", "secret", "generic", pullSecret, "-n", ns)
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
	l.pod(t, ns, "alone")
	l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=60s")
	r := l.mustFalcon(t, "uninstall")
	wantContains(t, "uninstall", unfolded(r.stderr), "clusterrole/old-falcon-sensor-access-role", "clusterrolebinding/old-falcon-sensor-access-binding",
		"secret/"+pullSecret+" ("+ns+")", injectionKey+": ", ns+" (enabled)", "pod/alone in namespace "+ns+": make it anew by hand")
	const restart = "kubectl rollout restart -n leftovers deployment/web"
	wantContains(t, "uninstall", r.stderr, "\n  "+restart+"\n")
	if again := finish(t, l.command("sh", "-c", restart)); again.code != 0 {
		t.Fatal(again)
	}
	l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=60s")
	wantNone(t, "a second uninstall", l.mustFalcon(t, "uninstall").stderr, restart)
}
