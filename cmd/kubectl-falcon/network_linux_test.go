package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// The test of where the program connects to runs it in a network namespace of its own, in which there is
// nothing but a loopback with a name server that knows every name and a server that takes itself for a
// cluster. This file is that namespace; connections_linux_test.go has the command lines and the judgement.

// insideVar says that this process was started to be in the namespace, and what is to be run there.
const insideVar = "KUBECTL_FALCON_TEST_INSIDE"

const (
	nameServer = "127.0.0.53"
	// clusterName is the host that the kubeconfig names, clusterAddress where it is.
	clusterName    = "cluster.test"
	clusterAddress = "127.0.0.80"
	// perRun is how long a run may go on: what it connects to is known by then.
	perRun = 15 * time.Second
)

// request is what to run inside, and contacts what one run asked for: names, and addresses with ports.
type request struct {
	Program string
	Runs    [][]string
	Env     []string
}

type contacts struct {
	Names, Addresses []string
	Output           string
}

// isolated runs command lines of a program in a namespace, and returns whom each tried to reach. The
// addresses that belong to a name are given by it.
func isolated(t *testing.T, program string, env []string, runs ...[]string) []contacts {
	t.Helper()
	asked, err := json.Marshal(request{program, runs, env})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), insideVar+"="+string(asked))
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("a namespace with a network of its own: %v\n%s", err, &stderr)
	}
	var found []contacts
	if err := json.Unmarshal(out, &found); err != nil || len(found) != len(runs) {
		t.Fatalf("%v: %s", err, out)
	}
	return found
}

// inside is the process in the namespace.
func inside(asked string) error {
	var r request
	if err := json.Unmarshal([]byte(asked), &r); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "falcon-network-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := furnish(dir); err != nil {
		return err
	}
	names, err := serveNames()
	if err != nil {
		return err
	}
	kubeconfig, err := serveCluster(dir)
	if err != nil {
		return err
	}
	env := append([]string{"HOME=" + dir, "KUBECONFIG=" + kubeconfig, "PATH=" + os.Getenv("PATH"), "AWS_MAX_ATTEMPTS=1"}, r.Env...)
	var all []contacts
	for _, args := range r.Runs {
		one, err := record(dir, names, env, append([]string{r.Program}, args...))
		if err != nil {
			return err
		}
		all = append(all, one)
	}
	return json.NewEncoder(os.Stdout).Encode(all)
}

// furnish brings the loopback up and puts our name server where the system's was.
func furnish(dir string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	lo, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	lo.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	resolv := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(resolv, []byte("nameserver "+nameServer+"\noptions timeout:1 attempts:1\n"), 0o644); err != nil {
		return err
	}
	target, err := filepath.EvalSymlinks("/etc/resolv.conf")
	if err != nil {
		return err
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("keep mounts to this namespace: %w", err)
	}
	if err := unix.Mount(resolv, target, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("put our own %s there: %w", target, err)
	}
	return nil
}

// names is a name server that knows every name and keeps which were asked.
type names struct {
	mu        sync.Mutex
	asked     []string
	addresses map[string]string // by name
	of        map[string]string // by address
}

func serveNames() (*names, error) {
	conn, err := net.ListenPacket("udp", nameServer+":53")
	if err != nil {
		return nil, err
	}
	n := &names{addresses: map[string]string{clusterName: clusterAddress}, of: map[string]string{clusterAddress: clusterName}}
	go func() {
		buffer := make([]byte, 4096)
		for {
			size, from, err := conn.ReadFrom(buffer)
			if err != nil {
				return
			}
			if reply := n.answer(buffer[:size]); reply != nil {
				_, _ = conn.WriteTo(reply, from)
			}
		}
	}()
	return n, nil
}

// answer gives every name an address of its own on the loopback, and none of IPv6.
func (n *names) answer(query []byte) []byte {
	const header = 12
	var labels []string
	at := header
	for at < len(query) && query[at] != 0 {
		end := at + 1 + int(query[at])
		if end >= len(query) {
			return nil
		}
		labels = append(labels, string(query[at+1:end]))
		at = end
	}
	if at+5 > len(query) {
		return nil
	}
	kind := binary.BigEndian.Uint16(query[at+1:])
	reply := append([]byte{}, query[:at+5]...)
	copy(reply[2:], []byte{0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0})
	address := n.addressOf(strings.ToLower(strings.Join(labels, ".")))
	if kind == 1 {
		reply[7] = 1
		reply = append(reply, 0xc0, header, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4)
		reply = append(reply, net.ParseIP(address).To4()...)
	}
	return reply
}

func (n *names) addressOf(name string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asked = append(n.asked, name)
	if n.addresses[name] == "" {
		n.addresses[name] = fmt.Sprintf("127.1.%d.%d", len(n.addresses)/200, len(n.addresses)%200+1)
		n.of[n.addresses[name]] = name
	}
	return n.addresses[name]
}

// take returns the names asked since the last time.
func (n *names) take() (asked []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	asked, n.asked = n.asked, nil
	return asked
}

// called is an address as a person knows it.
func (n *names) called(address string) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	if name := n.of[address]; name != "" {
		return name
	}
	return address
}

// connected finds where a traced process sent or connected to.
var connected = regexp.MustCompile(`sin6?_port=htons\((\d+)\).*?(?:inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)")`)

// record runs one command line and returns whom it tried to reach.
func record(dir string, n *names, env, line []string) (contacts, error) {
	trace := filepath.Join(dir, "trace")
	ctx, cancel := context.WithTimeout(context.Background(), perRun)
	defer cancel()
	cmd := exec.CommandContext(ctx, "strace", append([]string{"-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-e", "signal=none", "-o", trace, "--"}, line...)...)
	// A cluster that takes everything makes some commands wait: they end like at Ctrl-C.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	cmd.Env, cmd.Dir = env, dir
	output, err := cmd.CombinedOutput()
	if _, ended := err.(*exec.ExitError); err != nil && !ended && ctx.Err() == nil {
		return contacts{}, fmt.Errorf("%s: %w", strings.Join(line, " "), err)
	}
	text, err := os.ReadFile(trace)
	if err != nil {
		return contacts{}, err
	}
	c := contacts{Names: n.take(), Output: string(output)}
	for _, m := range connected.FindAllStringSubmatch(string(text), -1) {
		address := m[2] + m[3]
		if address == nameServer && m[1] == "53" {
			continue
		}
		c.Addresses = append(c.Addresses, n.called(address)+":"+m[1])
	}
	return c, nil
}

// lists are what the cluster has of each kind: nothing.
var lists = map[string]string{
	"namespaces": "v1 NamespaceList", "pods": "v1 PodList", "configmaps": "v1 ConfigMapList", "secrets": "v1 SecretList",
	"services": "v1 ServiceList", "events": "v1 EventList", "nodes": "v1 NodeList", "deployments": "apps/v1 DeploymentList",
	"daemonsets": "apps/v1 DaemonSetList", "statefulsets": "apps/v1 StatefulSetList", "replicasets": "apps/v1 ReplicaSetList",
	"jobs": "batch/v1 JobList", "cronjobs": "batch/v1 CronJobList", "endpointslices": "discovery.k8s.io/v1 EndpointSliceList",
	"mutatingwebhookconfigurations": "admissionregistration.k8s.io/v1 MutatingWebhookConfigurationList",
	"poddisruptionbudgets":          "policy/v1 PodDisruptionBudgetList",
}

// serveCluster serves a cluster that has nothing and takes everything, and writes the kubeconfig for it.
func serveCluster(dir string) (kubeconfig string, err error) {
	l, err := net.Listen("tcp", clusterAddress+":0")
	if err != nil {
		return "", err
	}
	s := httptest.NewUnstartedServer(http.HandlerFunc(cluster))
	_ = s.Listener.Close()
	s.Listener = l
	s.Start()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	kubeconfig = filepath.Join(dir, "kubeconfig")
	return kubeconfig, os.WriteFile(kubeconfig, fmt.Appendf(nil, `{"apiVersion": "v1", "kind": "Config", "current-context": "lab",
"clusters": [{"name": "lab", "cluster": {"server": "http://%s:%s"}}], "contexts": [{"name": "lab", "context": {"cluster": "lab"}}]}`,
		clusterName, port), 0o600)
}

func cluster(w http.ResponseWriter, r *http.Request) {
	kind, name := path.Base(path.Dir(r.URL.Path)), path.Base(r.URL.Path)
	w.Header().Set("Content-Type", "application/json")
	switch {
	case name == "selfsubjectaccessreviews":
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"apiVersion":"authorization.k8s.io/v1","kind":"SelfSubjectAccessReview","status":{"allowed":true}}`)
	case r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "as=PartialObjectMetadataList"):
		fmt.Fprint(w, `{"apiVersion":"meta.k8s.io/v1","kind":"PartialObjectMetadataList","items":[]}`)
	case r.Method == http.MethodGet && lists[name] != "":
		version, list, _ := strings.Cut(lists[name], " ")
		fmt.Fprintf(w, `{"apiVersion":%q,"kind":%q,"items":[]}`, version, list)
	case r.Method == http.MethodGet && kind == "namespaces":
		fmt.Fprintf(w, `{"apiVersion":"v1","kind":"Namespace","metadata":{"name":%q}}`, name)
	case r.Method == http.MethodGet || r.Method == http.MethodDelete:
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprint(w, `{"apiVersion":"v1","kind":"Status","status":"Failure","code":404,"reason":"NotFound","message":"not found"}`)
	default:
		_, _ = io.Copy(w, r.Body)
	}
}
