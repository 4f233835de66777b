package node

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/cgroup"
	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/pki"
)

const pauseImage = "pause:lab"

// frontProxyUser is the API server towards the APIs that it aggregates.
const frontProxyUser = "front-proxy-client"

type keyFile struct{ cert, key string }

// keyFiles are the paths of what the components sign and serve with.
type keyFiles struct{ authority, server, kubeletClient, accounts, front, frontClient keyFile }

func pathsOf(spec Spec) keyFiles {
	at := func(name string) keyFile {
		return keyFile{cert: inNode(spec, "pki/"+name+".crt"), key: inNode(spec, "pki/"+name+".key")}
	}
	return keyFiles{authority: at("ca"), server: at("apiserver"), kubeletClient: at("apiserver-kubelet-client"), accounts: at("sa"),
		front: at("front-proxy-ca"), frontClient: at("front-proxy-client")}
}

// writeKeys makes the cluster's authority, its certificates, and a kubeconfig for each component and for
// the user of the lab.
func writeKeys(spec Spec) (keyFiles, error) {
	paths := pathsOf(spec)
	ca, err := pki.NewAuthority()
	if err != nil {
		return paths, err
	}
	caKey, err := ca.KeyPEM()
	if err != nil {
		return paths, err
	}
	server, err := ca.Server("kube-apiserver", "127.0.0.1", "localhost", bridgeIP, serviceIP,
		"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local")
	if err != nil {
		return paths, err
	}
	kubeletClient, err := ca.Client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return paths, err
	}
	front, err := pki.NewAuthority()
	if err != nil {
		return paths, err
	}
	frontClient, err := front.Client(frontProxyUser)
	if err != nil {
		return paths, err
	}
	frontKey, err := front.KeyPEM()
	if err != nil {
		return paths, err
	}
	private, public, err := pki.NewSigningKey()
	if err != nil {
		return paths, err
	}
	for file, pair := range map[keyFile]pki.Pair{
		paths.authority:     {Cert: ca.PEM, Key: caKey},
		paths.server:        server,
		paths.kubeletClient: kubeletClient,
		paths.accounts:      {Cert: public, Key: private},
		paths.front:         {Cert: front.PEM, Key: frontKey},
		paths.frontClient:   frontClient,
	} {
		if err := writeFile(file.cert, string(pair.Cert)); err != nil {
			return paths, err
		}
		if err := writeFile(file.key, string(pair.Key)); err != nil {
			return paths, err
		}
	}
	return paths, writeKubeconfigs(spec, ca)
}

func writeKubeconfigs(spec Spec, ca *pki.Authority) error {
	inside := "https://127.0.0.1:" + apiPort
	for _, c := range []struct{ path, server, user, group string }{
		{inNode(spec, "admin.kubeconfig"), inside, "lab-supervisor", "system:masters"},
		{inNode(spec, "kube-controller-manager.kubeconfig"), inside, "system:kube-controller-manager", ""},
		{inNode(spec, "kube-scheduler.kubeconfig"), inside, "system:kube-scheduler", ""},
		{inNode(spec, "kubelet.kubeconfig"), inside, "system:node:" + NodeName(spec), "system:nodes"},
		{spec.Dir.Kubeconfig(), fmt.Sprintf("https://127.0.0.1:%d", spec.APIPort), "lab-admin", "system:masters"},
	} {
		var groups []string
		if c.group != "" {
			groups = []string{c.group}
		}
		client, err := ca.Client(c.user, groups...)
		if err != nil {
			return err
		}
		if err := ca.WriteKubeconfig(c.path, "falcon-lab-"+spec.Dir.Name(), c.server, client); err != nil {
			return err
		}
	}
	return nil
}

// writeConfigs writes what containerd, the registry, CNI and the kubelet read.
func writeConfigs(spec Spec) error {
	for path, content := range map[string]string{
		"containerd.toml": containerdConfig(spec),
		"certs.d/" + RegistryHost + "/hosts.toml": fmt.Sprintf(
			"server = %[1]q\n[host.%[1]q]\ncapabilities = [\"pull\", \"resolve\"]\n", "http://"+RegistryHost),
		"registry.yaml":         registryConfig(spec),
		"cni/10-lab.conflist":   cniConfig(spec),
		"kubelet.yaml":          kubeletConfig(spec),
		"resolv.conf":           "# The lab has no name server.\n",
		"kubelet/plugins/.keep": "",
	} {
		if err := writeFile(inNode(spec, path), content); err != nil {
			return err
		}
	}
	return nil
}

func writeFile(path, content string) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	return os.WriteFile(path, []byte(content), 0o600)
}

func containerdConfig(spec Spec) string {
	return fmt.Sprintf(`version = 3
root = %[1]q
state = "/run/containerd"

[grpc]
  address = %[2]q

[plugins.'io.containerd.cri.v1.runtime']
  # A root user without CAP_SYS_RESOURCE may not lower the score, and then no sandbox starts.
  restrict_oom_score_adj = true
  # For a figure that nothing here asks for, every shim reads its cgroups each second by default: a hundred
  # pods that do nothing take more than one processor.
  stats_collect_period = '10m'
  stats_retention_period = '20m'
  [plugins.'io.containerd.cri.v1.runtime'.containerd]
    default_runtime_name = 'runc'
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
      runtime_type = 'io.containerd.runc.v2'
      [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
        BinaryName = %[3]q
        SystemdCgroup = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = [%[4]q]
    conf_dir = %[5]q

[plugins.'io.containerd.cri.v1.images']
  snapshotter = 'overlayfs'
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = %[6]q
  [plugins.'io.containerd.cri.v1.images'.registry]
    config_path = %[7]q
`, inNode(spec, "containerd"), containerdSocket, filepath.Join(spec.Programs, "runc"), spec.Programs,
		inNode(spec, "cni"), RegistryHost+"/"+pauseImage, inNode(spec, "certs.d"))
}

func registryConfig(spec Spec) string {
	return fmt.Sprintf(`version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: %q}
  delete: {enabled: true}
http: {addr: %q}
`, inNode(spec, "registry"), RegistryHost)
}

func cniConfig(spec Spec) string {
	return fmt.Sprintf(`{
  "cniVersion": "1.0.0", "name": "lab",
  "plugins": [{
    "type": "bridge", "bridge": %q, "isGateway": true, "hairpinMode": true,
    "ipam": {"type": "host-local", "dataDir": %q, "subnet": %q, "gateway": %q, "routes": [{"dst": "0.0.0.0/0"}]}
  }]
}
`, bridgeName, inNode(spec, "cni-data"), podNetwork, bridgeIP)
}

func kubeletConfig(spec Spec) string {
	return fmt.Sprintf(`apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://%[1]s
authentication:
  anonymous: {enabled: false}
  webhook: {enabled: true}
  x509: {clientCAFile: %[2]q}
authorization: {mode: Webhook}
cgroupDriver: cgroupfs
cgroupRoot: %[3]s
failCgroupV1: false
failSwapOn: false
localStorageCapacityIsolation: false
evictionHard: {}
imageGCHighThresholdPercent: 100
makeIPTablesUtilChains: false
maxPods: 500
podLogsDir: %[4]q
volumePluginDir: %[5]q
resolvConf: %[6]q
clusterDomain: cluster.local
serializeImagePulls: false
registryPullQPS: 0
eventRecordQPS: 0
`, containerdSocket, pathsOf(spec).authority.cert, cgroup.Root(spec.Dir.Name()), inNode(spec, "pod-logs"),
		inNode(spec, "kubelet/plugins"), inNode(spec, "resolv.conf"))
}
