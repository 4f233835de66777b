package node

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/util/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/test/lab/internal/state"
)

// testSpec is a lab in a folder whose name needs quotes in every format there is.
func testSpec(t *testing.T) Spec {
	t.Helper()
	t.Setenv("FALCON_LAB_CACHE", filepath.Join(t.TempDir(), `it's a "cache": #1`))
	dir, err := state.Open("ut-node")
	if err != nil {
		t.Fatal(err)
	}
	if err := dir.Create(); err != nil {
		t.Fatal(err)
	}
	return Spec{Dir: dir, Programs: t.TempDir(), APIPort: 12345}
}

// at returns the value at a path of keys, or nothing.
func at(tree any, keys ...any) any {
	for _, key := range keys {
		switch k := key.(type) {
		case string:
			m, _ := tree.(map[string]any)
			tree = m[k]
		case int:
			l, _ := tree.([]any)
			if k >= len(l) {
				return nil
			}
			tree = l[k]
		}
	}
	return tree
}

type expected struct {
	path []any
	want any
}

func path(keys ...any) []any { return keys }

func check(t *testing.T, tree any, values []expected) {
	t.Helper()
	for _, v := range values {
		if got := at(tree, v.path...); !reflect.DeepEqual(got, v.want) {
			t.Errorf("%v is %#v, not %#v", v.path, got, v.want)
		}
	}
}

func parseYAML(t *testing.T, text string) map[string]any {
	t.Helper()
	var tree map[string]any
	if err := yaml.UnmarshalStrict([]byte(text), &tree); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return tree
}

func TestKubeletConfig(t *testing.T) {
	spec := testSpec(t)
	data := spec.Dir.Node() + "/"
	check(t, parseYAML(t, kubeletConfig(spec)), []expected{
		{path("apiVersion"), "kubelet.config.k8s.io/v1beta1"},
		{path("kind"), "KubeletConfiguration"},
		{path("containerRuntimeEndpoint"), "unix:///run/containerd/containerd.sock"},
		{path("authentication", "anonymous", "enabled"), false},
		{path("authentication", "x509", "clientCAFile"), data + "pki/ca.crt"},
		{path("authorization", "mode"), "Webhook"},
		{path("cgroupDriver"), "cgroupfs"},
		// Of the lab's own, so that what is left of it can be found and removed.
		{path("cgroupRoot"), "/kubectl-falcon-lab/ut-node"},
		// The machines that it must run on: cgroup v1, swap, a tmpfs.
		{path("failCgroupV1"), false},
		{path("failSwapOn"), false},
		{path("localStorageCapacityIsolation"), false},
		{path("evictionHard"), map[string]any{}},
		{path("makeIPTablesUtilChains"), false},
		// Folders that are the host's by default.
		{path("podLogsDir"), data + "pod-logs"},
		{path("volumePluginDir"), data + "kubelet/plugins"},
		{path("resolvConf"), data + "resolv.conf"},
	})
}

func TestRegistryConfig(t *testing.T) {
	spec := testSpec(t)
	check(t, parseYAML(t, registryConfig(spec)), []expected{
		{path("version"), 0.1},
		{path("storage", "filesystem", "rootdirectory"), spec.Dir.Node() + "/registry"},
		{path("http", "addr"), "10.244.0.1:5000"},
	})
}

func TestCNIConfig(t *testing.T) {
	spec := testSpec(t)
	var tree map[string]any
	if err := json.Unmarshal([]byte(cniConfig(spec)), &tree); err != nil {
		t.Fatal(err)
	}
	check(t, tree, []expected{
		{path("cniVersion"), "1.0.0"},
		{path("name"), "lab"},
		{path("plugins", 0, "type"), "bridge"},
		{path("plugins", 0, "bridge"), "cni0"},
		{path("plugins", 0, "isGateway"), true},
		// A pod that calls its own Service needs it.
		{path("plugins", 0, "hairpinMode"), true},
		{path("plugins", 0, "ipam", "type"), "host-local"},
		{path("plugins", 0, "ipam", "dataDir"), spec.Dir.Node() + "/cni-data"},
		{path("plugins", 0, "ipam", "subnet"), "10.244.0.0/16"},
		{path("plugins", 0, "ipam", "gateway"), "10.244.0.1"},
	})
}

// values reads the plain part of TOML that containerdConfig writes: "table.key" to the text of the value.
func values(t *testing.T, text string) map[string]string {
	t.Helper()
	found := map[string]string{}
	table := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if strings.HasPrefix(line, "[") {
			table = strings.Trim(line, "[]") + "."
			continue
		}
		key, value, ok := strings.Cut(line, " = ")
		if _, twice := found[table+key]; twice || !ok {
			t.Fatalf("line %q", line)
		}
		found[table+key] = value
	}
	return found
}

func TestContainerdConfig(t *testing.T) {
	spec := testSpec(t)
	quoted := func(s string) string { return fmt.Sprintf("%q", s) }
	const runtime, images = "plugins.'io.containerd.cri.v1.runtime'.", "plugins.'io.containerd.cri.v1.images'."
	got := values(t, containerdConfig(spec))
	for key, want := range map[string]string{
		"version":      "3",
		"root":         quoted(spec.Dir.Node() + "/containerd"),
		"state":        `"/run/containerd"`,
		"grpc.address": `"/run/containerd/containerd.sock"`,
		// Without it no sandbox starts for a root user who lacks CAP_SYS_RESOURCE.
		runtime + "restrict_oom_score_adj":                         "true",
		runtime + "containerd.runtimes.runc.runtime_type":          "'io.containerd.runc.v2'",
		runtime + "containerd.default_runtime_name":                "'runc'",
		runtime + "containerd.runtimes.runc.options.BinaryName":    quoted(filepath.Join(spec.Programs, "runc")),
		runtime + "containerd.runtimes.runc.options.SystemdCgroup": "false",
		runtime + "cni.bin_dirs":                                   "[" + quoted(spec.Programs) + "]",
		runtime + "cni.conf_dir":                                   quoted(spec.Dir.Node() + "/cni"),
		images + "snapshotter":                                     "'overlayfs'",
		images + "pinned_images.sandbox":                           `"10.244.0.1:5000/pause:lab"`,
		images + "registry.config_path":                            quoted(spec.Dir.Node() + "/certs.d"),
	} {
		if got[key] != want {
			t.Errorf("%s is %s, not %s", key, got[key], want)
		}
	}
}

func TestWriteConfigs(t *testing.T) {
	spec := testSpec(t)
	if err := writeConfigs(spec); err != nil {
		t.Fatal(err)
	}
	for file, want := range map[string]string{
		"containerd.toml":       containerdConfig(spec),
		"registry.yaml":         registryConfig(spec),
		"kubelet.yaml":          kubeletConfig(spec),
		"cni/10-lab.conflist":   cniConfig(spec),
		"kubelet/plugins/.keep": "",
		// Plain HTTP has to be said for each registry.
		"certs.d/10.244.0.1:5000/hosts.toml": "server = \"http://10.244.0.1:5000\"\n[host.\"http://10.244.0.1:5000\"]\n" +
			"capabilities = [\"pull\", \"resolve\"]\n",
	} {
		if got, err := os.ReadFile(filepath.Join(spec.Dir.Node(), file)); string(got) != want || err != nil {
			t.Errorf("%s holds %q, %v", file, got, err)
		}
	}
	// A name server of the host's could answer for names that the lab must not have.
	resolv, err := fs.ReadFile(os.DirFS(spec.Dir.Node()), "resolv.conf")
	if err != nil || strings.Contains(string(resolv), "nameserver") {
		t.Errorf("resolv.conf holds %q, %v", resolv, err)
	}
}
