//go:build e2e

package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

// explained is explain's answer in a form that is easy to compare.
type explained struct {
	Schema string
	Pods   []struct {
		Namespace, Kind, Name, About, Outcome, Why, Next, Agreement, Rules string
		Notes                                                              []string
		Server                                                             struct{ Outcome, Class, Message, Sidecar, Why string }
		Injectors                                                          []struct {
			Name, FailurePolicy string
			Called, Injects     struct{ Answer string }
		}
	}
	Skipped []struct{ Object, Why string }
}

func (l *lab) explain(t *testing.T, stdin string, args ...string) (explained, result) {
	t.Helper()
	cmd := l.command(bin("kubectl-falcon"), append([]string{"explain", "-o", "json"}, args...)...)
	cmd.Stdin = strings.NewReader(stdin)
	r := finish(t, cmd)
	var e explained
	if err := json.Unmarshal([]byte(r.stdout), &e); err != nil {
		t.Fatalf("explain -o json %v: %v: %v", args, err, r)
	}
	return e, r
}

// want checks the one pod of an answer: what becomes of it, whether the two sides agree, and the reason.
func (e explained) want(t *testing.T, outcome, agreement, why string) {
	t.Helper()
	if len(e.Pods) != 1 {
		t.Fatalf("%d pods are explained: %+v", len(e.Pods), e)
	}
	p := e.Pods[0]
	if p.Outcome != outcome || p.Agreement != agreement || !strings.Contains(p.Why, why) {
		t.Errorf("%s/%s is %q because %q (%q), want %q because %q (%q)\n%+v", p.Kind, p.Name, p.Outcome, p.Why, p.Agreement,
			outcome, why, agreement, p)
	}
}

// TestExplain asks about pods of each kind, and holds the answer against what the cluster then does.
func TestExplain(t *testing.T) {
	l := shared()
	ns := l.namespace(t, "explain")
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
	e, r := l.explain(t, "", "deploy/web", "-n", ns)
	wantCode(t, r, 0)
	e.want(t, "plain", "agree", "there is no injector")

	l.install(t)
	e, r = l.explain(t, "", "deploy/web", "-n", ns)
	wantCode(t, r, 0)
	e.want(t, "injected", "agree", "crowdstrike-falcon-container")

	// A pod that is there already: once without the sensor, once with it, whose copy must be taken back.
	l.pod(t, ns, "bare")
	l.kubectl(t, "rollout", "restart", "deployment/web", "-n", ns)
	l.kubectl(t, "rollout", "status", "deployment/web", "-n", ns, "--timeout=90s")
	e, r = l.explain(t, "", "pod/bare", "-n", ns)
	wantCode(t, r, 0)
	e.want(t, "injected", "agree", "")
	if about := e.Pods[0].About; about != "a copy of it without the sensor" {
		t.Errorf("pod/bare was explained by %q", about)
	}
	// The pod from before may still be ending.
	var web string
	for line := range strings.Lines(l.kubectl(t, "get", "pods", "-n", ns, "-l", "app=web", "-o",
		`jsonpath={range .items[*]}{.metadata.name} {.spec.containers[*].name}{"\n"}{end}`)) {
		if name, containers, _ := strings.Cut(line, " "); strings.Contains(containers, "crowdstrike-falcon-container") {
			web = name
		}
	}
	e, r = l.explain(t, "", "pod/"+web, "-n", ns)
	wantCode(t, r, 0)
	e.want(t, "injected", "agree", "")
	if about := e.Pods[0].About; !strings.Contains(about, "template of its replicaset/web-") {
		t.Errorf("the pod of web was explained by %q", about)
	}

	excluded := l.namespace(t, "explain-out", injectionKey+"=disabled")
	l.pod(t, excluded, "plain")
	e, r = l.explain(t, "", "pod/plain", "-n", excluded)
	wantCode(t, r, 0)
	e.want(t, "plain", "agree", "labelled "+injectionKey+"=disabled")

	text := l.falcon(t, "explain", "deploy/web", "-n", ns)
	wantCode(t, text, 0)
	wantContains(t, "explain", text.stdout, "deployment/web in namespace explain: gets the sensor", "the two agree", "namespace selector")
	for line := range strings.Lines(text.stdout) {
		if len(strings.TrimRight(line, "\n")) > 80 && !strings.Contains(line, "kubernetes.io") {
			t.Errorf("%d columns: %s", len(line), line)
		}
	}
	wantCode(t, l.falcon(t, "explain", "deploy/nobody", "-n", ns), 2)
}

const manifests = `apiVersion: v1
kind: Namespace
metadata: {name: explain-new, labels: {"` + injectionKey + `": disabled}}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
---
apiVersion: example.com/v1
kind: Widget
metadata: {name: w}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  serviceName: db
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec:
      containers: [{name: db, image: "` + pauseImage + `", volumeMounts: [{name: data, mountPath: /data}]}]
  volumeClaimTemplates:
  - metadata: {name: data}
    spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}
---
apiVersion: batch/v1
kind: CronJob
metadata: {name: nightly}
spec:
  schedule: "0 3 * * *"
  jobTemplate:
    spec:
      template:
        metadata: {annotations: {"` + injectionKey + `": disabled}}
        spec: {restartPolicy: Never, containers: [{name: c, image: "` + pauseImage + `"}]}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: later, namespace: explain-new}
  spec: {containers: [{name: c, image: "` + pauseImage + `"}]}
`

// TestExplainFile explains what is only in a file.
func TestExplainFile(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "explain-file")
	e, r := l.explain(t, manifests, "-f", "-", "-n", ns)
	wantCode(t, r, 0)
	var got []string
	for _, p := range e.Pods {
		got = append(got, p.Kind+"/"+p.Name+" in "+p.Namespace+": "+p.Outcome+", "+p.Agreement)
	}
	const want = "StatefulSet/db in explain-file: injected, agree\n" +
		"CronJob/nightly in explain-file: plain, agree\n" +
		"Pod/later in explain-new: plain, unproved"
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if len(e.Skipped) != 2 || e.Skipped[0].Object != "configmap/settings" || e.Skipped[1].Object != "widget/w" {
		t.Errorf("skipped %+v", e.Skipped)
	}
	if left := l.kubectl(t, "get", "pods,statefulsets,cronjobs", "-n", ns, "-o", "name"); left != "" {
		t.Errorf("explain made %s", left)
	}
	bad := l.falcon(t, "explain", "-f", write(t, "bad.yaml", "kind: Pod\napiVersion: v1\nspec: {contaiers: []}\n"))
	wantCode(t, bad, 2)
	wantContains(t, "a misspelt field", bad.stderr, "contaiers")
}

// TestExplainBroken breaks what explain looks at: the server refuses, or lets a pod through that the rules
// say is injected.
func TestExplainBroken(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "explain-broken")
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
	l.kubectl(t, "scale", "deployment/injector", "-n", "falcon-system", "--replicas=0")
	l.kubectl(t, "wait", "--for=delete", "pod", "-l", "app=injector", "-n", "falcon-system", "--timeout=60s")
	e, r := l.explain(t, "", "deploy/web", "-n", ns)
	wantCode(t, r, 1)
	e.want(t, "refused", "agree", "")
	if class := e.Pods[0].Server.Class; class != "no-endpoints" && class != "connection-refused" {
		t.Errorf("the class is %q: %s", class, e.Pods[0].Server.Message)
	}
	l.mustFalcon(t, "uninstall", "--break-glass")
	eventually(t, "a pod slips through", 20*time.Second, func() (bool, string) {
		e, r = l.explain(t, "", "deploy/web", "-n", ns)
		return e.Pods[0].Outcome == "plain", r.String()
	})
	wantCode(t, r, 1)
	e.want(t, "plain", "disagree", "failure policy is Ignore")
	l.mustFalcon(t, good()...)

	tight := l.namespace(t, "explain-tight", "pod-security.kubernetes.io/enforce=baseline")
	e, r = l.explain(t, "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec: {containers: [{name: c, image: \""+pauseImage+"\"}]}\n", "-f", "-", "-n", tight)
	wantCode(t, r, 1)
	e.want(t, "refused", "agree", "PodSecurity")
}

// TestExplainRights runs explain as somebody with the rights that rbac prints, and with fewer.
func TestExplainRights(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "explain-rights")
	l.kubectl(t, "create", "deployment", "web", "-n", ns, "--image="+pauseImage)
	role := l.mustFalcon(t, "rbac", "explain").stdout
	l.apply(t, role)
	l.kubectl(t, "create", "clusterrolebinding", "explainer", "--clusterrole=kubectl-falcon-explain", "--user=explainer")
	t.Cleanup(func() {
		l.kubectl(t, "delete", "clusterrolebinding/explainer", "clusterrole/kubectl-falcon-explain")
	})
	e, r := l.explain(t, "", "deploy/web", "-n", ns, "--as=explainer")
	wantCode(t, r, 0)
	e.want(t, "injected", "agree", "")

	// Without creating pods the rules stand alone; without the cluster's webhooks the server does.
	l.kubectl(t, "create", "clusterrole", "looker", "--verb=get,list", "--resource=pods,namespaces,services,configmaps,deployments.apps,mutatingwebhookconfigurations.admissionregistration.k8s.io")
	l.kubectl(t, "create", "clusterrolebinding", "looker", "--clusterrole=looker", "--user=looker")
	l.kubectl(t, "create", "role", "maker", "-n", ns, "--verb=get,create", "--resource=pods,deployments.apps")
	l.kubectl(t, "create", "rolebinding", "maker", "-n", ns, "--role=maker", "--user=maker")
	t.Cleanup(func() { l.kubectl(t, "delete", "clusterrolebinding/looker", "clusterrole/looker") })
	e, r = l.explain(t, "", "deploy/web", "-n", ns, "--as=looker")
	wantCode(t, r, 0)
	e.want(t, "injected", "unproved", "")
	e, r = l.explain(t, "", "deploy/web", "-n", ns, "--as=maker")
	wantCode(t, r, 0)
	e.want(t, "injected", "unproved", "")
}
