package node

import (
	"crypto/tls"
	"crypto/x509"
	"os"
	"slices"
	"testing"

	"k8s.io/client-go/tools/clientcmd"
)

func roots(t *testing.T, pem []byte) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatalf("no certificate in %q", pem)
	}
	return pool
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestWriteKeys(t *testing.T) {
	spec := testSpec(t)
	keys, err := writeKeys(spec)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range []keyFile{keys.authority, keys.server, keys.kubeletClient, keys.accounts} {
		if info, err := os.Stat(file.key); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v, %v", file.key, info, err)
		}
	}
	ca := roots(t, readFile(t, keys.authority.cert))
	for _, pair := range []keyFile{keys.authority, keys.server, keys.kubeletClient} {
		if _, err := tls.LoadX509KeyPair(pair.cert, pair.key); err != nil {
			t.Errorf("%s: %v", pair.cert, err)
		}
	}
	server, err := tls.LoadX509KeyPair(keys.server.cert, keys.server.key)
	if err != nil {
		t.Fatal(err)
	}
	// The host's clients come by loopback, pods by the service's address and names, webhooks by the bridge.
	for _, host := range []string{"127.0.0.1", "localhost", "10.244.0.1", "10.96.0.1", "kubernetes.default.svc"} {
		if _, err := server.Leaf.Verify(x509.VerifyOptions{Roots: ca, DNSName: host}); err != nil {
			t.Error(err)
		}
	}
}

func TestKubeconfigs(t *testing.T) {
	for _, fargate := range []bool{false, true} {
		spec := testSpec(t)
		spec.Fargate = fargate
		keys, err := writeKeys(spec)
		if err != nil {
			t.Fatal(err)
		}
		ca := roots(t, readFile(t, keys.authority.cert))
		for file, want := range map[string]struct {
			server, user string
			groups       []string
		}{
			// The one for the lab's user goes through the host's loopback, the others stay inside.
			spec.Dir.Kubeconfig():                              {"https://127.0.0.1:12345", "lab-admin", []string{"system:masters"}},
			inNode(spec, "admin.kubeconfig"):                   {"https://127.0.0.1:6443", "lab-supervisor", []string{"system:masters"}},
			inNode(spec, "kube-controller-manager.kubeconfig"): {"https://127.0.0.1:6443", "system:kube-controller-manager", nil},
			inNode(spec, "kube-scheduler.kubeconfig"):          {"https://127.0.0.1:6443", "system:kube-scheduler", nil},
			// The node authorizer knows a kubelet by this name alone.
			inNode(spec, "kubelet.kubeconfig"): {"https://127.0.0.1:6443", "system:node:" + NodeName(spec), []string{"system:nodes"}},
		} {
			config, err := clientcmd.BuildConfigFromFlags("", file)
			if err != nil {
				t.Fatal(err)
			}
			pair, err := tls.X509KeyPair(config.CertData, config.KeyData)
			if err != nil {
				t.Fatal(err)
			}
			usage := []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			if _, err := pair.Leaf.Verify(x509.VerifyOptions{Roots: ca, KeyUsages: usage}); err != nil {
				t.Errorf("%s: %v", file, err)
			}
			subject := pair.Leaf.Subject
			if config.Host != want.server || subject.CommonName != want.user || !slices.Equal(subject.Organization, want.groups) {
				t.Errorf("%s goes to %s as %s, not to %s as %s %q", file, config.Host, subject, want.server, want.user, want.groups)
			}
			if info, err := os.Stat(file); err != nil || info.Mode() != 0o600 {
				t.Errorf("%s: %v, %v", file, info, err)
			}
		}
	}
}

func TestNodeName(t *testing.T) {
	spec := testSpec(t)
	if got := NodeName(spec); got != "lab-ut-node" {
		t.Errorf("node %q", got)
	}
	spec.Fargate = true
	if got := NodeName(spec); got != "fargate-ip-10-244-0-1.eu-west-1.compute.internal" {
		t.Errorf("node %q", got)
	}
}

// The taint keeps the cluster's own scheduler from Fargate's node; only Fargate's binds to it.
func TestKubeletOfFargate(t *testing.T) {
	const label, taint = "--node-labels=eks.amazonaws.com/compute-type=fargate",
		"--register-with-taints=eks.amazonaws.com/compute-type=fargate:NoSchedule"
	for _, fargate := range []bool{false, true} {
		spec := testSpec(t)
		spec.Fargate = fargate
		args := kubelet(spec, nil).args
		if slices.Contains(args, label) != fargate || slices.Contains(args, taint) != fargate {
			t.Errorf("fargate %v: %q", fargate, args)
		}
		if name := "--hostname-override=" + NodeName(spec); !slices.Contains(args, name) {
			t.Errorf("%s is missing in %q", name, args)
		}
	}
}
