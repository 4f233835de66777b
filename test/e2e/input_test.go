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
	l := shared
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
	good := []string{"install", "--cid", cid, "--image", sensorImage}
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
		{"cluster that is not there", append(good, "--server", nowhere), 3, []string{nowhere, "cannot be reached", "connection refused"}},
		{"context that is not there", append(good, "--context", "no-such"), 3, []string{"no-such"}},
		{"user without rights", append(good, "--as", "nobody-in-particular"), 3, []string{"nobody-in-particular", "not permitted"}},
		{"pod that is not there", []string{"aid", "no-such-pod"}, 2, []string{`no pod "no-such-pod" in namespace default`, "kubectl get pods"}},
		{"not a pod", []string{"aid", "deployment/web"}, 2, []string{`"deployment/web" is not a pod`}},
		{"no pod named", []string{"aid"}, 2, []string{"POD is missing"}},
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
			if lines := strings.Count(r.stderr, "\n"); lines > 2 {
				t.Errorf("the error has %d lines: %s", lines, r.stderr)
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

// TestVersionNeedsNoCluster runs version without any kubeconfig.
func TestVersionNeedsNoCluster(t *testing.T) {
	nowhere := &lab{kubeconfig: "/nonexistent/kubeconfig"}
	r := nowhere.mustFalcon(t, "version")
	wantContains(t, "version", r.stdout, "kubectl falcon ", "linux/")
}
