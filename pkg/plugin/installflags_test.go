package plugin

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/spf13/pflag"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// completed is what a command line of install comes to; stdin has the text in.
func completed(t *testing.T, in string, args ...string) (*installFlags, error) {
	t.Helper()
	f, set := newInstallFlags(), pflag.NewFlagSet("", pflag.ContinueOnError)
	f.define(set)
	f.stdin.in = strings.NewReader(in)
	if err := set.Parse(args); err != nil {
		return f, err
	}
	return f, f.complete(set)
}

func noCredentials(t *testing.T) {
	t.Helper()
	t.Setenv("FALCON_CID", "")
	t.Setenv("FALCON_PROVISIONING_TOKEN", "")
}

// file writes a file and returns its name.
func file(t *testing.T, content string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "falcon.yaml")
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

const dockerConfig = `{"auths":{"r.example.com":{"auth":"dXNlcjpzZXNhbWU="}}}`

// Each flag changes its option, and no other.
func TestEachInstallFlagChangesItsOption(t *testing.T) {
	noCredentials(t)
	config := file(t, dockerConfig)
	one := func(name corev1.ResourceName, amount string) corev1.ResourceList {
		return corev1.ResourceList{name: resource.MustParse(amount)}
	}
	type both = func(*inject.Options, *inject.How)
	option := func(change func(*inject.Options)) both { return func(o *inject.Options, _ *inject.How) { change(o) } }
	how := func(change func(*inject.How)) both { return func(_ *inject.Options, h *inject.How) { change(h) } }
	tests := map[string]both{
		"--pull-policy=Always":               option(func(o *inject.Options) { o.PullPolicy = "Always" }),
		"--pull-secret=mine":                 option(func(o *inject.Options) { o.PullSecret = "mine" }),
		"--read-pull-secrets=false":          option(func(o *inject.Options) { o.ReadPullSecrets = false }),
		"--tags=b,a":                         option(func(o *inject.Options) { o.Tags = []string{"b", "a"} }),
		"--trace=debug":                      option(func(o *inject.Options) { o.Trace = "debug" }),
		"--billing=metered":                  option(func(o *inject.Options) { o.Billing = "metered" }),
		"--proxy-host=p":                     option(func(o *inject.Options) { o.ProxyHost = "p" }),
		"--proxy-host=p --proxy-port=81":     option(func(o *inject.Options) { o.ProxyHost, o.ProxyPort = "p", 81 }),
		"--proxy-disable=true":               option(func(o *inject.Options) { o.ProxyDisable = "true" }),
		"--falconctl-opt=A=x,y=z":            option(func(o *inject.Options) { o.Falconctl = map[string]string{"A": "x,y=z"} }),
		"--sensor-cpu-request=10m":           option(func(o *inject.Options) { o.SensorResources.Requests = one("cpu", "10m") }),
		"--sensor-cpu-limit=1":               option(func(o *inject.Options) { o.SensorResources.Limits = one("cpu", "1") }),
		"--sensor-memory-request=1Gi":        option(func(o *inject.Options) { o.SensorResources.Requests = one("memory", "1Gi") }),
		"--sensor-memory-limit=1Gi":          option(func(o *inject.Options) { o.SensorResources.Limits = one("memory", "1Gi") }),
		"--injector-cpu-request=10m":         option(func(o *inject.Options) { o.InjectorResources.Requests = one("cpu", "10m") }),
		"--injector-cpu-limit=1":             option(func(o *inject.Options) { o.InjectorResources.Limits = one("cpu", "1") }),
		"--injector-memory-request=1Gi":      option(func(o *inject.Options) { o.InjectorResources.Requests = one("memory", "1Gi") }),
		"--injector-memory-limit=1Gi":        option(func(o *inject.Options) { o.InjectorResources.Limits = one("memory", "1Gi") }),
		"--mount-path=/falcon":               option(func(o *inject.Options) { o.MountPath = "/falcon" }),
		"--namespace-injection=opt-in":       option(func(o *inject.Options) { o.NamespaceInjection = manifest.OptIn }),
		"--pod-injection=opt-in":             option(func(o *inject.Options) { o.PodInjection = manifest.OptIn }),
		"--exclude-namespace=a,b":            option(func(o *inject.Options) { o.ExcludeNamespaces = []string{"a", "b"} }),
		"--failure-policy=Ignore":            option(func(o *inject.Options) { o.FailurePolicy = "Ignore" }),
		"--timeout-seconds=3":                option(func(o *inject.Options) { o.TimeoutSeconds = 3 }),
		"--replicas=3":                       option(func(o *inject.Options) { o.Replicas = 3 }),
		"--port=5000":                        option(func(o *inject.Options) { o.Port = 5000 }),
		"--service-account-annotation=a/b=c": option(func(o *inject.Options) { o.ServiceAccountAnnotations = map[string]string{"a/b": "c"} }),
		"--node-selector=a=b":                option(func(o *inject.Options) { o.NodeSelector = map[string]string{"a": "b"} }),
		"--toleration=k=v:NoSchedule": option(func(o *inject.Options) {
			o.Tolerations = []corev1.Toleration{{Key: "k", Operator: "Equal", Value: "v", Effect: "NoSchedule"}}
		}),
		"--toleration=k:NoExecute": option(func(o *inject.Options) {
			o.Tolerations = []corev1.Toleration{{Key: "k", Operator: "Exists", Effect: "NoExecute"}}
		}),
		"--toleration=k":                    option(func(o *inject.Options) { o.Tolerations = []corev1.Toleration{{Key: "k", Operator: "Exists"}} }),
		"--toleration=k=":                   option(func(o *inject.Options) { o.Tolerations = []corev1.Toleration{{Key: "k", Operator: "Equal"}} }),
		"--priority-class=p":                option(func(o *inject.Options) { o.PriorityClass = "p" }),
		"--fargate":                         option(func(o *inject.Options) { o.Fargate = true }),
		"--cert-validity=10d":               option(func(o *inject.Options) { o.CertValidity = 10 * day }),
		"--cert-validity=1d12h":             option(func(o *inject.Options) { o.CertValidity = 36 * time.Hour }),
		"--tls-secret=s":                    option(func(o *inject.Options) { o.TLSSecret = "s" }),
		"--tls-secret=s --cert-manager=n/c": option(func(o *inject.Options) { o.TLSSecret, o.CertManager = "s", "n/c" }),
		"--pull-secret-file=" + config: option(func(o *inject.Options) {
			o.PullSecret, o.PullSecretConfig = manifest.DefaultPullSecret, []byte(dockerConfig)
		}),
		"--pull-secret=a --pull-secret-file=" + config: option(func(o *inject.Options) { o.PullSecret, o.PullSecretConfig = "a", []byte(dockerConfig) }),
		"--renew-before=10d":                           how(func(h *inject.How) { h.RenewBefore = 10 * day }),
		"--wait=false":                                 how(func(h *inject.How) { h.Wait = false }),
		"--timeout=1m":                                 how(func(h *inject.How) { h.Timeout = time.Minute }),
		"--force-conflicts":                            how(func(h *inject.How) { h.ForceConflicts = true }),
		"--adopt":                                      how(func(h *inject.How) { h.Adopt = true }),
		"--rollback-on-failure=false":                  how(func(h *inject.How) { h.Rollback = false }),
		"":                                             option(func(*inject.Options) {}),
	}
	for line, change := range tests {
		t.Run(line, func(t *testing.T) {
			f, err := completed(t, "", append(strings.Fields(line), "--cid", " "+cid+"\n", "--image", "falcon:7")...)
			if err != nil {
				t.Fatal(err)
			}
			want := newInstallFlags()
			want.o.CID, want.o.Image, want.how.Version = cid, "falcon:7", version().Version
			change(&want.o, &want.how)
			f.o.Inputs = nil
			if !reflect.DeepEqual(f.o, want.o) {
				t.Errorf("got\n%+v\nwant\n%+v", f.o, want.o)
			}
			if f.how != want.how {
				t.Errorf("got\n%+v\nwant\n%+v", f.how, want.how)
			}
		})
	}
}

func TestBadInstallFlagsAreToldWithoutACluster(t *testing.T) {
	noCredentials(t)
	empty := file(t, " \n")
	for line, says := range map[string]string{
		"--dry-run":                               "write --dry-run=none|client|server",
		"--dry-run=maybe":                         "use none, client or server",
		"--dry-run -o yaml":                       "use none, client or server",
		"-o xml":                                  "use yaml, json or name",
		"--diff -o yaml":                          "--diff and -o do not go together",
		"--diff --dry-run=client":                 "--diff compares with the server's dry run",
		"--show-secrets":                          "no secret is printed anyway",
		"--show-secrets -o name":                  "no secret is printed anyway",
		"--replicas=two":                          "it must be a whole number",
		"--replicas=99999999999":                  "it must be a whole number",
		"--sensor-cpu-limit=lots":                 "write an amount such as 100m",
		"--toleration=k:Sometimes":                "the effect is NoSchedule, PreferNoSchedule or NoExecute",
		"--toleration==v":                         "write it as KEY[=VALUE][:EFFECT]",
		"--node-selector=a":                       "write it as KEY=VALUE",
		"--node-selector=a=b --node-selector=a=c": "a is given twice",
		"--cert-validity=soon":                    "write it as 30d or 36h",
		"--cert-validity=0d":                      "it must be more than 0",
		"--cert-validity=-3d":                     "write it as 30d or 36h",
		"--cert-validity=99999999d":               "write it as 30d or 36h",
		"--pull-policy=always":                    "use Always, IfNotPresent or Never",
		"--pull-secret-file=/nowhere":             "--pull-secret-file /nowhere: it cannot be read: no such file",
		"--pull-secret-file=" + empty:             "it is empty",
		"--registry-ca=" + empty:                  "it is empty",
		"--pull-secret-file=/dev/zero":            "more than 1 MiB",
		"-f /nowhere":                             "--filename /nowhere: it cannot be read",
		"--filename=":                             "names no file",
	} {
		t.Run(line, func(t *testing.T) {
			falcon(t, append([]string{"install", "--cid", cid, "--image", "falcon:7"}, strings.Fields(line)...)...).must(t, 2, says)
		})
	}
}

// The record is read by more people than Secrets, and must not change when nothing has.
func TestInputsAreStableAndHoldNoSecret(t *testing.T) {
	noCredentials(t)
	t.Setenv("TOKEN", "5e5a3e01")
	config := file(t, dockerConfig)
	f, err := completed(t, "", "--cid", cid, "--image", "falcon:7", "--provisioning-token=env:TOKEN", "--tags=b", "--tags=a",
		"--falconctl-opt=B=2", "--falconctl-opt=A=1", "--pull-secret-file", config, "--timeout=9m", "--wait=false", "--dry-run=client", "-o", "yaml")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"image": "falcon:7", "tags": "a,b", "falconctl-opt": "A,B", "pull-secret-file": config}
	if !reflect.DeepEqual(f.o.Inputs, want) {
		t.Errorf("got %v, want %v", f.o.Inputs, want)
	}
	if f.o.ProvisioningToken != "5e5a3e01" {
		t.Error("the token was not read")
	}
}

func TestRBACNeedsNoClusterAndFollowsTheFlags(t *testing.T) {
	for _, what := range []string{"install", "uninstall", "break-glass", "status", "certs"} {
		o := falcon(t, "rbac", what)
		o.must(t, 0)
		if !strings.Contains(o.out, "name: kubectl-falcon-"+what+"\n") || !strings.Contains(o.out, "kind: ClusterRole\n") {
			t.Errorf("%s:\n%s", what, o.out)
		}
	}
	// What an installation with them has made is still to be taken away.
	if o := falcon(t, "rbac", "install", "--read-pull-secrets=false"); !strings.Contains(o.out, "  - clusterrolebindings\n  verbs:\n  - get\n  - delete\n") {
		t.Errorf("it grants more than to take roles away:\n%s", o.out)
	}
	if falcon(t, "rbac", "install", "--pull-secret=x").out == falcon(t, "rbac", "install").out {
		t.Error("--pull-secret changes nothing")
	}
	falcon(t, "rbac", "instal").must(t, 2, `no command "instal"`)
}
