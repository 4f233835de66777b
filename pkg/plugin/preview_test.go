package plugin

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// fixed is a plan that is always the same.
func fixed(o inject.Options) manifest.Plan {
	o.CID, o.Image, o.ProvisioningToken = cid, "falcon:7", "5e5a3e01"
	return manifest.Render(o, manifest.Given{TLS: manifest.TLS{Cert: []byte("cert"), Key: []byte("sesame"), CA: []byte("ca")},
		Bundle: []byte("ca"), CertHash: "0123", Version: "v1.2.3"})
}

func printed(t *testing.T, f *installFlags) string {
	t.Helper()
	var out strings.Builder
	s := &session{Streams: term.Streams{Out: &out}}
	if err := s.printObjects(f, fixed(manifest.Defaults()).All()); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestPrintedObjects(t *testing.T) {
	for _, output := range []string{outputYAML, outputJSON, outputName} {
		t.Run(output, func(t *testing.T) {
			golden.Check(t, "install."+output, []byte(printed(t, &installFlags{output: output})))
		})
	}
}

// What is applied must be all of it, so only --show-secrets prints what one can apply.
func TestOnlyShowSecretsPrintsSecrets(t *testing.T) {
	const key = "c2VzYW1l" // sesame
	for _, output := range []string{outputYAML, outputJSON} {
		masked, whole := printed(t, &installFlags{output: output}), printed(t, &installFlags{output: output, showSecrets: true})
		if strings.Contains(masked, key) || strings.Contains(masked, "5e5a3e01") || !strings.Contains(masked, mask) {
			t.Errorf("%s shows a secret, or hides nothing:\n%s", output, masked)
		}
		if !strings.Contains(whole, key) || strings.Contains(whole, mask) {
			t.Errorf("%s masks:\n%s", output, whole)
		}
		if strings.HasPrefix(masked, "#") != (output == outputYAML) || strings.HasPrefix(whole, "#") {
			t.Errorf("%s has the wrong first line", output)
		}
		for _, text := range []string{"creationTimestamp", "status:", `"status"`} {
			if strings.Contains(whole, text) {
				t.Errorf("%s has %s", output, text)
			}
		}
	}
}

func TestOfflineNeedsNoCluster(t *testing.T) {
	noCredentials(t)
	args := []string{"install", "--cid", cid, "--image", "falcon:7", "--dry-run=client"}
	o := falcon(t, args...)
	o.must(t, 0)
	if !strings.HasPrefix(o.out, "namespace/falcon-system created (client dry run)\n") {
		t.Errorf("it printed\n%s", o.out)
	}
	o = falcon(t, append(args, "-o", "json", "--show-secrets")...)
	var all struct {
		Kind  string
		Items []map[string]any
	}
	if err := json.Unmarshal([]byte(o.out), &all); err != nil || all.Kind != "List" || len(all.Items) < 8 {
		t.Errorf("%v in\n%s", err, o.out)
	}
	o = falcon(t, append(args, "-o", "yaml")...)
	for _, document := range strings.Split(o.out, "---\n") {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil || object["kind"] == nil {
			t.Errorf("%v in\n%s", err, document)
		}
	}
	// A warning is for people.
	falcon(t, append(args, "--replicas=1", "-o", "name")...).must(t, 0, "warning: --replicas 1")
	// A source in the cluster needs one.
	falcon(t, "install", "--cid=secret:x", "--image=falcon:7", "--dry-run=client").must(t, 3, "there is no kubeconfig")
}

// asServed is an object as a server has it.
func asServed(t *testing.T, o kube.Object, version string) *unstructured.Unstructured {
	t.Helper()
	u, err := kube.ToUnstructured(o)
	if err != nil {
		t.Fatal(err)
	}
	u.SetResourceVersion(version)
	u.SetUID("0-0")
	u.SetGeneration(int64(len(version)))
	u.Object["status"] = map[string]any{"seen": version}
	return u
}

func TestDiff(t *testing.T) {
	before, after := manifest.Defaults(), manifest.Defaults()
	after.Replicas = 3
	was, is := fixed(before).All(), fixed(after).All()
	var all strings.Builder
	for n := range is {
		o := inject.Outcome{Name: kube.Describe(is[n]), Rendered: is[n], Before: asServed(t, was[n], "1"), After: asServed(t, is[n], "22")}
		switch kube.Describe(is[n]) {
		case "secret/injector-tls":
			values := o.After.Object["data"].(map[string]any)
			values["tls.key"], values["new"] = "b3BlbiE=", "b3BlbiE="
			o.Before.SetAnnotations(map[string]string{lastApplied: `{"data":{"tls.key":"c2VzYW1l"}}`})
			if whole, err := diff(o, true); err != nil || !strings.Contains(whole, "\n-  tls.key: c2VzYW1l\n+  tls.key: b3BlbiE=\n") {
				t.Errorf("with secrets: %v\n%s", err, whole)
			}
		case "service/injector":
			o.Before, o.After = nil, nil
		}
		one, err := diff(o, false)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString(one)
	}
	golden.Check(t, "install.diff", []byte(all.String()))
	if strings.Contains(all.String(), "c2VzYW1l") {
		t.Error("it shows a secret")
	}
}

func TestDiffIsPainted(t *testing.T) {
	const plain = "--- a\n+++ b\n@@ -1 +1 @@\n x\n-y\n+z\n"
	if painted(plain, term.Painter{}) != plain {
		t.Error("it is painted without a terminal")
	}
	const want = "\x1b[31m--- a\x1b[0m\n\x1b[32m+++ b\x1b[0m\n\x1b[2m@@ -1 +1 @@\x1b[0m\n x\n\x1b[31m-y\x1b[0m\n\x1b[32m+z\x1b[0m\n"
	if got := painted(plain, term.Painter{On: true}); got != want {
		t.Errorf("got %q", got)
	}
}

// With --diff the code 1 is an answer, so no error may have it.
func TestAFailedDiffIsNoDifference(t *testing.T) {
	args := []string{"install", "--cid", cid, "--image", "falcon:7", "--diff", "--server"}
	falcon(t, append(args, refusing(t, 500, "InternalError", "etcd is gone"))...).must(t, ExitNoDiff, "error: ", "etcd is gone")
	falcon(t, append(args, closedPort(t))...).must(t, ExitNoAccess, "cannot be reached")
}

func TestMissingRightsComeWithTheirRole(t *testing.T) {
	host := bareWithReviews(t, false)
	o := falcon(t, "install", "--cid", cid, "--image", "falcon:7", "--server", host)
	o.must(t, ExitNoAccess, "nothing was changed: you lack", "kind: ClusterRole")
	if !strings.HasPrefix(o.err, "# a ClusterRole with the rights that are missing:\napiVersion: rbac.authorization.k8s.io/v1\n") ||
		strings.Index(o.err, "kind: ClusterRole") > strings.Index(o.err, "error: ") {
		t.Errorf("it said\n%s", o.err)
	}
}

func TestReporterMapsEvents(t *testing.T) {
	var out, errs strings.Builder
	s := &session{Streams: term.Streams{Out: &out, Err: &errs}}
	report := reporter(s.progress())
	report(inject.Event{Object: "a/b", Change: kube.Created})
	report(inject.Event{Object: "a/b", State: "0 of 2"})
	report(inject.Event{Object: "a/b", Trouble: "no image"})
	report(inject.Event{Remark: "a sentence"})
	if out.String() != "a/b created\n" || errs.String() != "a/b: 0 of 2\na/b: no image\na sentence\n" {
		t.Errorf("got %q and %q", out.String(), errs.String())
	}
	out.Reset()
	reporter(s.quietProgress())(inject.Event{Object: "a/b", Change: kube.Created})
	if out.String() != "" {
		t.Errorf("stdout has %q", out.String())
	}
}

func TestExitWith(t *testing.T) {
	cause := problem.New(problem.NoAccess, "", "no")
	if err := error(exitWith{code: 4, err: cause}); exitCode(err) != ExitNoAccess || !errors.Is(err, cause) || err.Error() != "no" {
		t.Errorf("got %v", err)
	}
}
