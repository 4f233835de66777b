//go:build e2e

package e2e

import (
	"net"
	"strings"
	"testing"
)

// TestBadInput gives wrong input of every kind: one clear line, what to do, the right exit code, and
// nothing changed in the cluster.
func TestBadInput(t *testing.T) {
	l := shared()
	// A port on which nothing listens any more.
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := "https://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	before := l.kubectl(t, "get", "namespaces,mutatingwebhookconfigurations", "-o", "name")
	cases := []struct {
		name  string
		args  []string
		code  int
		words []string
	}{
		{"short cid", []string{"install", "--cid", "123", "--image", sensorImage}, 2, []string{`"123" is not a customer id`, "32 hexadecimal"}},
		{"cid without checksum", []string{"install", "--cid", cid[:32], "--image", sensorImage}, 2, []string{"not a customer id"}},
		{"no cid", []string{"install", "--image", sensorImage}, 2, []string{"--cid", "Falcon console"}},
		{"no image", []string{"install", "--cid", cid}, 2, []string{"--image"}},
		{"image that does not parse", []string{"install", "--cid", cid, "--image", "UPPER CASE"}, 2, []string{"is not an image", "REGISTRY/NAME:TAG"}},
		{"cluster that is not there", good("--server", nowhere), 3, []string{nowhere, "cannot be reached", "connection refused"}},
		{"context that is not there", good("--context", "no-such"), 3, []string{"no-such"}},
		{"user without rights", good("--as", "nobody-in-particular"), 3, []string{"nothing was changed", "you lack", "list namespaces"}},
		{"pod that is not there", []string{"aid", "no-such-pod"}, 2, []string{`no pod "no-such-pod" in namespace default`, "kubectl get pods"}},
		{"not a pod", []string{"aid", "service/web"}, 2, []string{`"service/web" is not a pod`}},
		{"workload that is not there", []string{"aid", "deployment/no-such"}, 2, []string{"there is no deployment/no-such in namespace default"}},
		{"verify of a workload that is not there", []string{"verify", "deployment/no-such"}, 2, []string{"there is no deployment/no-such in namespace default", "kubectl get deployments -n default"}},
		{"restart of a workload that is not there", []string{"restart", "deployment/no-such", "--yes"}, 2, []string{"there is no deployment/no-such in namespace default"}},
		{"pods everywhere and by name", []string{"aid", "-A", "web"}, 2, []string{"cannot be in all namespaces"}},
		{"namespace that is not there", []string{"verify", "-n", "no-such-namespace"}, 2, []string{`no namespace "no-such-namespace"`}},
		{"demo in no namespace", []string{"demo", "-n", "no-such-namespace"}, 2, []string{"no-such-namespace", "kubectl create namespace"}},
		{"demo image that does not parse", []string{"demo", "--image", "::"}, 2, []string{"is not an image"}},
		{"format that is not there", []string{"verify", "-o", "xml"}, 2, []string{`"xml"`, "not a format", "json"}},
		{"command that is not there", []string{"instal"}, 2, []string{`no command "instal"`, "kubectl falcon install"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			r := l.falcon(t, c.args...)
			wantCode(t, r, c.code)
			wantContains(t, "the error", r.stderr, c.words...)
			if lines := errorsIn(r); lines != 1 {
				t.Errorf("there are %d errors: %s", lines, r.stderr)
			}
			if r.stdout != "" {
				t.Errorf("an error printed %q as data", r.stdout)
			}
		})
	}
	if after := l.kubectl(t, "get", "namespaces,mutatingwebhookconfigurations", "-o", "name"); after != before {
		t.Errorf("bad input changed the cluster from\n%s\nto\n%s", before, after)
	}
}

// TestBadOptions gives options of install that cannot be meant: each is refused without a cluster, by its
// name and with what it should be, and no secret is shown.
func TestBadOptions(t *testing.T) {
	nowhere := &lab{kubeconfig: "/nonexistent/kubeconfig"}
	const secret = "s3cr3t-of-mine"
	file := func(content string) string { return write(t, "file", content) }
	for _, c := range []struct {
		name  string
		args  []string
		words []string
	}{
		{"cid in a file", []string{"--cid", "file:" + file(secret)}, []string{"--cid file:", "is not a customer id", "32 hexadecimal"}},
		{"cid in no file", []string{"--cid", "file:/no/such/file"}, []string{"--cid file:/no/such/file", "cannot be read", "no such file"}},
		{"cid in no variable", []string{"--cid", "env:NO_SUCH_VARIABLE"}, []string{"env:NO_SUCH_VARIABLE", "nothing in it"}},
		{"token itself", []string{"--provisioning-token", secret}, []string{"--provisioning-token takes where the token is", "file:PATH"}},
		{"token in a file", []string{"--provisioning-token", "file:" + file(secret)}, []string{"--provisioning-token", "8 hexadecimal digits"}},
		{"tag", []string{"--tags", "good,not good"}, []string{`--tags: "not good" is not a tag`, "letters, digits"}},
		{"many tags", []string{"--tags", strings.Repeat("0123456789,", 24) + "x"}, []string{"--tags: they have 265 characters", "256"}},
		{"port", []string{"--port", "80"}, []string{"--port: 80 is privileged", "from 1024 to 32767"}},
		{"port that is no number", []string{"--port", "https"}, []string{"--port", "whole number"}},
		{"proxy", []string{"--proxy-host", "http://me:" + secret + "@proxy"}, []string{"--proxy-host", "no user or password"}},
		{"resources", []string{"--sensor-cpu-request", "many"}, []string{"--sensor-cpu-request", "100m of cpu"}},
		{"resources over the limit", []string{"--sensor-memory-request", "2Gi", "--sensor-memory-limit", "1Gi"},
			[]string{"--sensor-memory-request: 2Gi is more than the limit, 1Gi"}},
		{"replicas", []string{"--replicas", "0"}, []string{"--replicas", "no injector answers"}},
		{"wrong key in a file", []string{"-f", file("replicas: 2\nreplica: 3\n")}, []string{"file:2", `no flag "replica"`, "did you mean: replicas?"}},
		{"wrong value in a file", []string{"-f", file("tags: [a]\n\nport: " + secret + "\n")}, []string{"file:3", "port takes a whole number"}},
		{"no YAML in a file", []string{"-f", file("image: [\n")}, []string{"file:", "this is not YAML"}},
		{"no docker config", []string{"--pull-secret-file", file(`{"user":"` + secret + `"}`)}, []string{"--pull-secret-file: it is not a docker config", `"auths"`}},
		{"docker config without credentials", []string{"--pull-secret-file", file(`{"auths":{"r":{}},"credsStore":"desktop"}`)},
			[]string{"the docker config holds no credentials", "credsStore"}},
		{"no certificate", []string{"--registry-ca", file("hello")}, []string{"--registry-ca: there is no PEM certificate in it"}},
		{"one word of many", []string{"--failure-policy", "maybe"}, []string{"--failure-policy", "use Fail or Ignore"}},
		{"flags that exclude each other", []string{"--diff", "-o", "yaml"}, []string{"--diff and -o do not go together"}},
		{"flag of old", []string{"--tag", "x"}, []string{"unknown flag: --tag"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := nowhere.falcon(t, good(c.args...)...)
			wantCode(t, r, 2)
			wantContains(t, "the error", unfolded(r.stderr), append(c.words, "error: ", "next: ")...)
			wantNone(t, "the error", r.stderr+r.stdout, secret)
			if lines := errorsIn(r); lines != 1 || r.stdout != "" {
				t.Errorf("there are %d errors: %v", lines, r)
			}
		})
	}
}

// TestTerminatingNamespace has the injector's namespace be on its way out, held by a finalizer.
func TestTerminatingNamespace(t *testing.T) {
	l := shared()
	l.kubectl(t, "create", "namespace", "falcon-system")
	l.kubectl(t, "create", "configmap", "held", "-n", "falcon-system")
	l.kubectl(t, "patch", "configmap/held", "-n", "falcon-system", "-p", `{"metadata":{"finalizers":["example.com/held"]}}`)
	l.kubectl(t, "delete", "namespace", "falcon-system", "--wait=false")
	t.Cleanup(func() {
		l.kubectl(t, "patch", "configmap/held", "-n", "falcon-system", "-p", `{"metadata":{"finalizers":null}}`)
		l.kubectl(t, "wait", "--for=delete", "namespace/falcon-system", "--timeout=60s")
	})
	l.kubectl(t, "wait", "--for=condition=NamespaceContentRemaining", "namespace/falcon-system", "--timeout=60s")
	same := l.unchanged(t, "commands while the namespace goes")
	for _, args := range [][]string{good(), good("--dry-run=server"), {"certs", "rotate"}} {
		r := l.falcon(t, args...)
		wantCode(t, r, 1)
		wantContains(t, args[0], unfolded(r.stderr), "namespace falcon-system is being deleted", "wait until it is gone")
	}
	s := l.falcon(t, "status")
	wantContains(t, "status", unfolded(s.stdout), "namespace falcon-system is being deleted")
	same()
}

// TestVersionNeedsNoCluster runs version without any kubeconfig.
func TestVersionNeedsNoCluster(t *testing.T) {
	nowhere := &lab{kubeconfig: "/nonexistent/kubeconfig"}
	r := nowhere.mustFalcon(t, "version")
	wantContains(t, "version", r.stdout, "kubectl falcon ", "linux/")
}
