// Package node is what runs inside a lab's namespaces: it lays out mounts and network, starts the
// cluster's programs in order, says when each is ready, and ends the lab if one of them ends.
//
// It must never touch the host outside the lab's folder: everything it makes is in namespaces that die
// with it.
package node

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/fargate"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

// Addresses inside the lab. They are the same in every lab, since each has a network of its own.
const (
	bridgeName  = "cni0"
	bridgeIP    = "10.244.0.1"
	podNetwork  = "10.244.0.0/16"
	serviceCIDR = "10.96.0.0/16"
	serviceIP   = "10.96.0.1"
	apiPort     = "6443"
	// RegistryHost is the registry's name in image references, for the node and for pods alike.
	RegistryHost = bridgeIP + ":5000"
)

// Spec is what the host tells the lab's first process.
type Spec struct {
	Dir      state.Dir
	Programs string
	// APIPort is the loopback port of the host behind which the API server will be.
	APIPort int
	Fargate bool
}

// Event is one line from the lab to whoever starts it.
type Event struct {
	// Component came up, after Took.
	Component string        `json:"component,omitempty"`
	Took      time.Duration `json:"took,omitempty"`
	// Failed is the component that did not come up, or the step, with the cause and the log's last lines.
	Failed string `json:"failed,omitempty"`
	Cause  string `json:"cause,omitempty"`
	Tail   string `json:"tail,omitempty"`
	// Ready ends the start: the node is Ready.
	Ready bool `json:"ready,omitempty"`
}

// Run lays out and starts the lab, writes Events to events, and returns only when a component ends or
// ctx does. api and registry are sockets of the host's network on which it accepts for the two.
func Run(ctx context.Context, spec Spec, api, registry net.Listener, events io.WriteCloser) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tell := json.NewEncoder(events)
	s := newSupervisor(spec, func(e Event) { _ = tell.Encode(e) })
	if err := start(ctx, spec, s, api, registry); err != nil {
		s.fail(err)
		return err
	}
	s.tell(Event{Ready: true})
	// The starter may be gone; nothing more is told.
	_ = events.Close()
	return s.wait(ctx)
}

func start(ctx context.Context, spec Spec, s *supervisor, api, registry net.Listener) error {
	if err := setUpMounts(spec); err != nil {
		return fmt.Errorf("mounts: %w", err)
	}
	if err := setUpNetwork(); err != nil {
		return fmt.Errorf("network: %w", err)
	}
	keys, err := writeKeys(spec)
	if err != nil {
		return fmt.Errorf("certificates: %w", err)
	}
	if err := writeConfigs(spec); err != nil {
		return fmt.Errorf("configuration: %w", err)
	}
	go forward(api, "127.0.0.1:"+apiPort)
	go forward(registry, RegistryHost)
	// In a pod, the API server is at the service's address; without kube-proxy this is what is there.
	inCluster, err := net.Listen("tcp", serviceIP+":443")
	if err != nil {
		return err
	}
	go forward(inCluster, "127.0.0.1:"+apiPort)

	probe, err := newProbe(spec)
	if err != nil {
		return err
	}
	if err := s.inParallel(ctx,
		[]component{etcd(spec), apiServer(spec, keys, probe)},
		[]component{registryServer(spec, probe)},
		[]component{containerd(spec)},
	); err != nil {
		return err
	}
	if spec.Fargate {
		if err := startFargate(ctx, spec, s); err != nil {
			return err
		}
	}
	return s.inParallel(ctx,
		[]component{controllerManager(spec, probe)},
		[]component{scheduler(spec, probe)},
		[]component{kubelet(spec, probe)},
	)
}

// startFargate runs the imitation of EKS Fargate in this process.
func startFargate(ctx context.Context, spec Spec, s *supervisor) error {
	begin := time.Now()
	done, err := fargate.Start(ctx, filepath.Join(spec.Dir.Node(), "admin.kubeconfig"), NodeName(spec), spec.Dir.Log("fargate"))
	if err != nil {
		return fmt.Errorf("fargate: %w", err)
	}
	go func() { s.exited <- exit{name: "fargate", err: <-done} }()
	s.tell(Event{Component: "fargate", Took: time.Since(begin)})
	return nil
}

// NodeName is the name of the lab's one node, in the form of an EKS Fargate node where it imitates one.
func NodeName(spec Spec) string {
	if spec.Fargate {
		return "fargate-ip-10-244-0-1.eu-west-1.compute.internal"
	}
	return "lab-" + spec.Dir.Name()
}

func forward(from net.Listener, to string) {
	for {
		conn, err := from.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			target, err := net.Dial("tcp", to)
			if err != nil {
				return
			}
			defer target.Close()
			// Either side may end its half first and still be spoken to.
			var both sync.WaitGroup
			both.Go(func() { pipe(target, conn) })
			both.Go(func() { pipe(conn, target) })
			both.Wait()
		}()
	}
}

// pipe copies one direction and passes its end on, so that half-closed streams stay half-closed.
func pipe(to, from net.Conn) {
	_, _ = io.Copy(to, from)
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}

// Init is the lab's first process, PID 1 of its namespace. It starts the node as a child with the same
// files, reaps every orphan (each pod's shim leaves some), and ends with the child; the kernel then ends
// everything else.
func Init(args []string, files []*os.File) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 1, err
	}
	child, err := os.StartProcess(self, args, &os.ProcAttr{
		Env:   os.Environ(),
		Files: append([]*os.File{os.Stdin, os.Stdout, os.Stderr}, files...),
	})
	if err != nil {
		return 1, err
	}
	for _, f := range files {
		_ = f.Close()
	}
	return reapUntil(child.Pid)
}

// ParseSpec reads what the host wrote for the node.
func ParseSpec(text string) (Spec, error) {
	var spec Spec
	return spec, json.Unmarshal([]byte(text), &spec)
}
