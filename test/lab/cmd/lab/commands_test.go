package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/pki"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

func TestCommandsOfALabThatIsNotUp(t *testing.T) {
	t.Setenv("FALCON_LAB_CACHE", t.TempDir())
	for _, command := range []string{"kubeconfig", "status"} {
		out, err := run(t, command, "--name", "ut-none")
		if want := `lab "ut-none" is not up; start it with: lab up --name ut-none`; err == nil || err.Error() != want || out != "" {
			t.Errorf("%s prints %q, fails with %v", command, out, err)
		}
	}
	if out, err := run(t, "logs", "--name", "ut-none"); err == nil || !strings.HasPrefix(err.Error(), `lab "ut-none" has no logs`) || out != "" {
		t.Errorf("logs prints %q, fails with %v", out, err)
	}
}

func TestCommandsOfALabThatHasEnded(t *testing.T) {
	dir := newLab(t, "ut-ended")
	record(t, dir, os.Getpid(), func(l *state.Lab) { l.Start++ })
	for _, command := range []string{"kubeconfig", "status"} {
		_, err := run(t, command, "--name", "ut-ended")
		if want := `lab "ut-ended" has ended; why may stand in ` + dir.Log("lab"); err == nil || err.Error() != want {
			t.Errorf("%s: %v", command, err)
		}
	}
}

func TestCommandsRefuseBadNames(t *testing.T) {
	t.Setenv("FALCON_LAB_CACHE", t.TempDir())
	for _, command := range []string{"up", "down", "kubeconfig", "status", "logs"} {
		if _, err := run(t, command, "--name", "../x"); err == nil || !strings.Contains(err.Error(), "lower-case letters") {
			t.Errorf("%s: %v", command, err)
		}
		if _, err := run(t, command, "one", "two"); err == nil || !strings.Contains(err.Error(), "arg") && !strings.Contains(err.Error(), "unknown command") {
			t.Errorf("%s takes any argument: %v", command, err)
		}
	}
}

func TestKubeconfig(t *testing.T) {
	dir := newLab(t, "ut-config")
	record(t, dir, os.Getpid(), nil)
	if out, err := run(t, "kubeconfig", "--name", "ut-config"); out != dir.Kubeconfig()+"\n" || err != nil {
		t.Errorf("it prints %q, %v", out, err)
	}
}

func TestLogs(t *testing.T) {
	dir := newLab(t, "ut-logs")
	for component, text := range map[string]string{"etcd": "from etcd\n", "kubelet": "from kubelet\n"} {
		if err := os.WriteFile(dir.Log(component), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(string(dir), "secret.log"), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	// A lab that did not come up has logs too, so no record is needed.
	for arg, want := range map[string]string{"": "etcd\nkubelet\n", "etcd": "from etcd\n", "kubelet": "from kubelet\n"} {
		args := []string{"logs", "--name", "ut-logs"}
		if arg != "" {
			args = append(args, arg)
		}
		if out, err := run(t, args...); out != want || err != nil {
			t.Errorf("logs %s prints %q, %v", arg, out, err)
		}
	}
	for _, arg := range []string{"other", "../secret"} {
		out, err := run(t, "logs", "--name", "ut-logs", arg)
		want := fmt.Sprintf(`lab "ut-logs" has no component %q; it has etcd, kubelet`, arg)
		if out != "" || err == nil || err.Error() != want {
			t.Errorf("logs %s prints %q, %v", arg, out, err)
		}
	}
}

// serveNodes stands in for an API server whose cluster has the nodes given.
func serveNodes(t *testing.T, dir state.Dir, nodes ...corev1.Node) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, in *http.Request) {
		if in.URL.Path != "/api/v1/nodes" {
			http.NotFound(out, in)
			return
		}
		out.Header().Set("Content-Type", "application/json")
		list := corev1.NodeList{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "NodeList"}, Items: nodes}
		if err := json.NewEncoder(out).Encode(list); err != nil {
			t.Error(err)
		}
	}))
	t.Cleanup(server.Close)
	ca, err := pki.NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	client, err := ca.Client("lab-admin")
	if err != nil {
		t.Fatal(err)
	}
	if err := ca.WriteKubeconfig(dir.Kubeconfig(), "lab", server.URL, client); err != nil {
		t.Fatal(err)
	}
	return server
}

func nodeThatIs(name string, ready corev1.ConditionStatus) corev1.Node {
	node := corev1.Node{}
	node.Name, node.Status.NodeInfo.KubeletVersion = name, "v1.2.3"
	node.Status.Conditions = []corev1.NodeCondition{{Type: "MemoryPressure", Status: "True"}, {Type: "Ready", Status: ready}}
	return node
}

func TestStatus(t *testing.T) {
	dir := newLab(t, "ut-status")
	server := serveNodes(t, dir, nodeThatIs("lab-one", "True"), nodeThatIs("lab-two", "Unknown"))
	record(t, dir, os.Getpid(), func(l *state.Lab) {
		l.API, l.Registry, l.Created = 11111, 22222, time.Now().Add(-time.Hour)
	})
	out, err := run(t, "status", "--name", "ut-status")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`lab "ut-status": up for 1h0m`, fmt.Sprintf(`, process %d`, os.Getpid()),
		"https://127.0.0.1:11111\n", "http://127.0.0.1:22222, inside 10.244.0.1:5000\n",
		dir.Kubeconfig() + "\n", "/programs/kubectl\n", dir.Logs() + "\n",
		"lab-one, Ready, v1.2.3\n", "lab-two, not Ready, v1.2.3\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	// A lab whose API server has gone must not look well.
	server.Close()
	if _, err := run(t, "status", "--name", "ut-status"); err == nil || !strings.Contains(err.Error(), "the API server does not answer") {
		t.Errorf("without an API server: %v", err)
	}
}
