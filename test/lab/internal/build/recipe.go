// Package build compiles the cluster's programs from Go modules, once per version and machine.
//
// It must never fetch a prebuilt program: everything comes from the module proxy as source.
package build

// program is one `go build` of the lab's module.
type program struct {
	// name is the file it makes in the cache.
	name string
	// pkg is the main package's import path, or a ./path inside the lab's module.
	pkg string
	// tags are Go build tags.
	tags string
	// ldflags follow "-s -w".
	ldflags string
	// cgo is true for runc alone, whose seccomp filter needs libseccomp.
	cgo bool
}

// kubeVersion is stamped into the Kubernetes programs, which otherwise call themselves v0.0.0-master.
// A test holds it equal to the version in go.mod.
const kubeVersion = "v1.37.2"

const (
	versionPackage = "k8s.io/component-base/version"
	kubeLDFlags    = "-X " + versionPackage + ".gitVersion=" + kubeVersion +
		" -X " + versionPackage + ".gitMajor=1 -X " + versionPackage + ".gitMinor=37" +
		" -X k8s.io/client-go/pkg/version.gitVersion=" + kubeVersion
	cni        = "github.com/containernetworking/plugins/plugins/"
	containerd = "github.com/containerd/containerd/v2/cmd/"
	// Storage that needs C headers or a device the lab does not have.
	containerdTags = "no_btrfs no_devmapper no_zfs"
)

// recipe is in the order of building. The largest comes first: what follows finds most of its packages
// compiled.
var recipe = []program{
	{name: "kube", pkg: "./cmd/kube", ldflags: kubeLDFlags},
	{name: "kubectl", pkg: "k8s.io/kubernetes/cmd/kubectl", ldflags: kubeLDFlags},
	{name: "etcd", pkg: "go.etcd.io/etcd/server/v3"},
	{name: "registry", pkg: "./cmd/registry"},
	{name: "containerd", pkg: containerd + "containerd", tags: containerdTags},
	{name: "containerd-shim-runc-v2", pkg: containerd + "containerd-shim-runc-v2", tags: containerdTags},
	{name: "runc", pkg: "github.com/opencontainers/runc", tags: "seccomp", cgo: true},
	{name: "bridge", pkg: cni + "main/bridge"},
	{name: "loopback", pkg: cni + "main/loopback"},
	{name: "host-local", pkg: cni + "ipam/host-local"},
	{name: "pause", pkg: "./cmd/pause"},
}

// links are the names by which the kube program is called; see cmd/kube.
var links = []string{"kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet"}
