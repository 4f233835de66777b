//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sort"
	"strings"
	"testing"
)

// guideObjects are the six objects that the guide's pipeline makes.
var guideObjects = []string{
	"namespace/falcon-system", "configmap/injector-config", "secret/injector-tls",
	"deployment/injector", "service/injector", "mutatingwebhookconfiguration/injector.falcon-system.svc",
}

// differences are the fields in which our objects are meant to differ from the guide's, and why. Every
// other difference fails the test, and so does an entry that no longer is one.
var differences = map[string]string{
	`name`:                                         "each configuration is an object of its own, so that old pods keep theirs",
	`immutable`:                                    "each configuration is an object of its own, so that old pods keep theirs",
	`.*configMapRef\.name`:                         "each configuration is an object of its own, so that old pods keep theirs",
	`spec\.revisionHistoryLimit`:                   "each old revision needs its configuration",
	`.*lifecycle\.preStop\.sleep\.seconds`:         "a pod that goes answers until the API servers know it",
	`ownerReferences\..*`:                          "a webhook without its namespace would refuse every pod",
	`labels\.app`:                                  "every object names what it belongs to",
	`.*labels\.app\.kubernetes\.io/.*`:             "every object says what made it",
	`spec\.replicas`:                               "two survive the loss of a node",
	`spec\.strategy\..*`:                           "a roll never goes below what is there",
	`.*annotations\.kubectl-falcon.*`:              "a changed configuration rolls the pods",
	`.*annotations\.sensor\.falcon-system.*`:       "the injector's own pods opt out as well",
	`.*serviceAccount(Name)?`:                      "an IAM role can be given to an account of its own",
	`.*runAsGroup`:                                 "the image's group is root's",
	`.*topologySpreadConstraints.*`:                "replicas on different nodes",
	`.*seccompProfile\.type`:                       "what PodSecurity restricted asks for",
	`.*containers\.0\.securityContext\..*`:         "what PodSecurity restricted asks for",
	`.*containers\.0\.resources\.requests\..*`:     "under pressure a pod without requests goes first",
	`.*Probe\.(initialDelaySeconds|periodSeconds)`: "Ready is seen sooner",
	`.*Probe\.(timeoutSeconds|failureThreshold)`:   "a slow injector is better than none",
	`webhooks\.0\.namespaceSelector.*`:             "system namespaces and our own are out of scope by name",
	`webhooks\.0\.timeoutSeconds`:                  "a pod waits at most 15 s for an injector that hangs",
	`webhooks\.0\.rules\.0\.scope`:                 "pods are namespaced",
	`data\.(ca|tls)\.(crt|key)|webhooks.*caBundle`: "made afresh at every installation",
}

// TestGuidesInstaller runs the guide's own pipeline against the lab, shows that it protects a pod, and
// compares its objects with ours field by field.
func TestGuidesInstaller(t *testing.T) {
	l := shared()
	rendered := finish(t, l.command(bin("installer"), "-cid", cid, "-image", sensorImage))
	wantCode(t, rendered, 0)
	guide := func(verb string) {
		args := []string{verb, "-f", "-"}
		if verb == "delete" {
			args = append(args, "--ignore-not-found")
		}
		cmd := l.command("kubectl", args...)
		cmd.Stdin = strings.NewReader(rendered.stdout)
		if r := finish(t, cmd); r.code != 0 {
			t.Fatalf("installer | kubectl %s: %v", verb, r)
		}
	}
	guide("apply")
	gone := false
	t.Cleanup(func() {
		if !gone {
			guide("delete")
		}
	})
	l.kubectl(t, "rollout", "status", "deployment/injector", "-n", "falcon-system", "--timeout=90s")
	ns := l.namespace(t, "by-the-guide")
	l.pod(t, ns, "one")
	wantContains(t, "pods", l.kubectl(t, "get", "pods", "-n", ns), "2/2")
	theirs := l.objects(t)

	// Our install must not take over or half change what another tool made.
	same := l.unchanged(t, "an install over the guide's")
	r := l.falcon(t, good()...)
	wantCode(t, r, 1)
	wantContains(t, "install over the guide's", unfolded(r.stderr), "made by the guide's installer", "nothing was changed", "--adopt")
	same()

	// Told to, it takes all of it over, and pods can be created meanwhile.
	done := l.creating(t, ns)
	adopted := l.mustFalcon(t, good("--adopt")...)
	done()
	wantContains(t, "install --adopt", unfolded(adopted.stdout+adopted.stderr), "taking over", "of the guide's installer", "deployment/injector configured")
	same = l.unchanged(t, "a second install after the adoption")
	again := l.mustFalcon(t, good()...)
	wantNone(t, "a second install after the adoption", again.stdout, "created", "configured")
	same()
	taken := l.objects(t)
	l.pod(t, ns, "two")
	l.mustFalcon(t, "uninstall")
	gone = true
	l.nothingLeft(t)

	l.install(t)
	ours := l.objects(t)
	compare(t, theirs, ours)
	for _, line := range diff(taken, ours) {
		if !strings.Contains(line, "crt") && !strings.Contains(line, "key") && !strings.Contains(line, "caBundle") &&
			!strings.Contains(line, "certificate") && !strings.Contains(line, "ownerReferences") {
			t.Errorf("taken over and made anew differ: %s", line)
		}
	}
}

// objects returns the guide's objects as they are in the cluster, flattened to path = value, without what
// the server fills in.
func (l *lab) objects(t *testing.T) map[string]string {
	t.Helper()
	flat := map[string]string{}
	for _, name := range guideObjects {
		var object map[string]any
		named := name
		if name == "configmap/injector-config" {
			// Ours has a hash of its content behind the name.
			named = "configmap/" + l.kubectl(t, "get", "deployment/injector", "-n", "falcon-system", "-o",
				"jsonpath={.spec.template.spec.containers[0].envFrom[0].configMapRef.name}")
		}
		text := l.kubectl(t, "get", named, "-n", "falcon-system", "-o", "json")
		if err := json.Unmarshal([]byte(text), &object); err != nil {
			t.Fatal(err)
		}
		delete(object, "status")
		meta := object["metadata"].(map[string]any)
		for _, key := range []string{"uid", "resourceVersion", "creationTimestamp", "generation", "managedFields"} {
			delete(meta, key)
		}
		if a, ok := meta["annotations"].(map[string]any); ok {
			delete(a, "kubectl.kubernetes.io/last-applied-configuration")
			delete(a, "deployment.kubernetes.io/revision")
		}
		if spec, ok := object["spec"].(map[string]any); ok {
			delete(spec, "clusterIP")
			delete(spec, "clusterIPs")
		}
		flatten(flat, name+": ", "", object)
	}
	return flat
}

func flatten(into map[string]string, object, path string, value any) {
	at := func(key string) string { return strings.TrimPrefix(path+"."+key, ".") }
	switch v := value.(type) {
	case map[string]any:
		for key, child := range v {
			flatten(into, object, at(key), child)
		}
	case []any:
		for i, child := range v {
			flatten(into, object, at(fmt.Sprint(i)), child)
		}
	default:
		into[object+path] = fmt.Sprint(v)
	}
}

func diff(a, b map[string]string) []string {
	var lines []string
	for key := range merged(a, b) {
		if a[key] != b[key] {
			lines = append(lines, fmt.Sprintf("%s: %q, ours %q", key, a[key], b[key]))
		}
	}
	sort.Strings(lines)
	return lines
}

func merged(a, b map[string]string) map[string]bool {
	all := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for key := range m {
			all[key] = true
		}
	}
	return all
}

func compare(t *testing.T, theirs, ours map[string]string) {
	t.Helper()
	used := map[string]bool{}
	for _, line := range diff(theirs, ours) {
		_, field, _ := strings.Cut(line, ": ")
		field, _, _ = strings.Cut(field, ": ")
		field = strings.TrimPrefix(field, "metadata.")
		known := false
		for pattern := range differences {
			if regexp.MustCompile("^(" + pattern + ")$").MatchString(field) {
				used[pattern], known = true, true
			}
		}
		if !known {
			t.Errorf("not as in the guide, and not for a stated reason: %s", line)
		}
	}
	for pattern, why := range differences {
		if !used[pattern] {
			t.Errorf("no difference any more: %s (%s)", pattern, why)
		}
	}
}
