package node

import (
	"context"
	"net"
	"path/filepath"
)

func etcd(spec Spec) component {
	const client = "http://127.0.0.1:2379"
	return component{
		name: "etcd",
		args: []string{
			"--data-dir=" + filepath.Join(spec.Dir.Node(), "etcd"),
			"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
			"--listen-peer-urls=http://127.0.0.1:2380",
			// The data is in memory and ends with the lab.
			"--unsafe-no-fsync",
			"--log-level=warn",
		},
		ready: dials("tcp", "127.0.0.1:2379"),
	}
}

func registryServer(spec Spec, p *probe) component {
	return component{
		name: "registry",
		args: []string{"serve", inNode(spec, "registry.yaml")},
		// Without it the registry keeps trying to send traces somewhere.
		env: []string{"OTEL_TRACES_EXPORTER=none"},
		ready: func(ctx context.Context) error {
			if err := dials("tcp", RegistryHost)(ctx); err != nil {
				return err
			}
			return p.pushPause(ctx)
		},
	}
}

const containerdSocket = "/run/containerd/containerd.sock"

func containerd(spec Spec) component {
	return component{
		name:  "containerd",
		args:  []string{"--config", inNode(spec, "containerd.toml"), "--log-level", "warn"},
		ready: dials("unix", containerdSocket),
	}
}

func apiServer(spec Spec, keys keyFiles, p *probe) component {
	return component{
		name: "kube-apiserver",
		args: []string{
			"--etcd-servers=http://127.0.0.1:2379",
			"--secure-port=" + apiPort, "--bind-address=0.0.0.0", "--advertise-address=" + bridgeIP,
			"--service-cluster-ip-range=" + serviceCIDR,
			"--tls-cert-file=" + keys.server.cert, "--tls-private-key-file=" + keys.server.key,
			"--client-ca-file=" + keys.authority.cert,
			"--kubelet-client-certificate=" + keys.kubeletClient.cert, "--kubelet-client-key=" + keys.kubeletClient.key,
			"--service-account-issuer=https://kubernetes.default.svc",
			"--service-account-signing-key-file=" + keys.accounts.key, "--service-account-key-file=" + keys.accounts.cert,
			// The other components wait, and complain, until they know whom aggregated requests come from.
			"--requestheader-client-ca-file=" + keys.front.cert, "--requestheader-allowed-names=" + frontProxyUser,
			"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-",
			"--proxy-client-cert-file=" + keys.frontClient.cert, "--proxy-client-key-file=" + keys.frontClient.key,
			"--authorization-mode=Node,RBAC", "--allow-privileged",
			// Webhooks are called at their pods' addresses, so there is no kube-proxy and no DNS to need.
			"--enable-aggregator-routing", "--endpoint-reconciler-type=none",
			// By name the node could not be found for logs and exec.
			"--kubelet-preferred-address-types=InternalIP",
		},
		ready: p.apiReady,
	}
}

func controllerManager(spec Spec, p *probe) component {
	config := inNode(spec, "kube-controller-manager.kubeconfig")
	keys := pathsOf(spec)
	return component{
		name: "kube-controller-manager",
		args: []string{
			"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
			"--bind-address=127.0.0.1", "--leader-elect=false", "--use-service-account-credentials",
			// The default of 20 requests a second is what its start would wait for.
			"--kube-api-qps=500", "--kube-api-burst=1000",
			"--service-account-private-key-file=" + keys.accounts.key, "--root-ca-file=" + keys.authority.cert,
			"--cluster-signing-cert-file=" + keys.authority.cert, "--cluster-signing-key-file=" + keys.authority.key,
		},
		ready: p.defaultAccount,
	}
}

func scheduler(spec Spec, p *probe) component {
	config := inNode(spec, "kube-scheduler.kubeconfig")
	return component{
		name: "kube-scheduler",
		args: []string{
			"--kubeconfig=" + config, "--authentication-kubeconfig=" + config, "--authorization-kubeconfig=" + config,
			"--bind-address=127.0.0.1", "--leader-elect=false",
		},
		ready: dials("tcp", "127.0.0.1:10259"),
	}
}

func kubelet(spec Spec, p *probe) component {
	args := []string{
		"--config=" + inNode(spec, "kubelet.yaml"),
		"--kubeconfig=" + inNode(spec, "kubelet.kubeconfig"),
		"--root-dir=" + inNode(spec, "kubelet"), "--cert-dir=" + inNode(spec, "kubelet-pki"),
		"--hostname-override=" + NodeName(spec), "--node-ip=" + bridgeIP,
	}
	if spec.Fargate {
		const mark = "eks.amazonaws.com/compute-type=fargate"
		args = append(args, "--node-labels="+mark, "--register-with-taints="+mark+":NoSchedule")
	}
	return component{name: "kubelet", args: args, ready: p.nodeReady}
}

// dials returns a condition that holds once something accepts at the address.
func dials(network, address string) func(context.Context) error {
	return func(ctx context.Context) error {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		if err != nil {
			return err
		}
		return conn.Close()
	}
}

func inNode(spec Spec, name string) string { return filepath.Join(spec.Dir.Node(), name) }
