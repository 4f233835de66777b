package manifest

import (
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

func TestValidateOfTheSensorsSettings(t *testing.T) {
	tags := func(all ...string) func(*Options) { return func(o *Options) { o.Tags = all } }
	proxy := func(host string) func(*Options) { return func(o *Options) { o.ProxyHost = host } }
	option := func(key string) func(*Options) {
		return func(o *Options) { o.Falconctl = map[string]string{key: "a secret"} }
	}
	sensor := func(requests, limits corev1.ResourceList) func(*Options) {
		return func(o *Options) { o.SensorResources = corev1.ResourceRequirements{Requests: requests, Limits: limits} }
	}
	const notToken = "--provisioning-token: it is not a token: it has 8 hexadecimal digits (what was given is not shown)"
	checkRefused(t, map[string]refused{
		"a short token":      {func(o *Options) { o.ProvisioningToken = goodToken[1:] }, notToken, "Falcon console"},
		"a token and more":   {func(o *Options) { o.ProvisioningToken = goodToken + "\n" }, notToken, "Falcon console"},
		"an empty tag":       {tags("a", ""), "--tags: one of the tags is empty", "--tags prod,eu/web"},
		"a tag with a space": {tags("a b"), `--tags: "a b" is not a tag`, "slashes"},
		"a tag with a dot":   {tags("a", "1.0"), `--tags: "1.0" is not a tag`, "slashes"},
		"tags too long": {tags(strings.Repeat("a", 128), strings.Repeat("b", 128)),
			"--tags: they have 257 characters with their commas, and the sensor takes 256", "leave some out"},
		"trace":             {func(o *Options) { o.Trace = "all" }, `--trace: "all" is none of its values`, "none|err|warn|info|debug"},
		"billing":           {func(o *Options) { o.Billing = "free" }, `--billing: "free" is none of its values`, "default|metered"},
		"proxy-disable":     {func(o *Options) { o.ProxyDisable = "yes" }, `--proxy-disable: "yes" is none of its values`, "true|false"},
		"a URL":             {proxy("http://proxy:3128"), `--proxy-host: "http://proxy:3128" is a URL, not a host`, "proxy.example.com"},
		"a password":        {proxy("http://me:secret@proxy"), "--proxy-host: the sensor takes no user or password for a proxy", "proxy.example.com"},
		"a space":           {proxy("proxy 1"), `--proxy-host: "proxy 1" has a space in it`, ""},
		"a port":            {proxy("proxy:3128"), `--proxy-host: "proxy:3128" has a port in it`, "--proxy-port"},
		"a path":            {proxy("proxy/x"), `--proxy-host: "proxy/x" is not a host`, ""},
		"no proxy":          {func(o *Options) { o.ProxyPort = 3128 }, "--proxy-port: 3128 has no proxy to go with", "--proxy-host"},
		"port 65536":        {func(o *Options) { o.ProxyHost, o.ProxyPort = "p", 65536 }, "--proxy-port: 65536 is not a port", "1 to 65535"},
		"port -1":           {func(o *Options) { o.ProxyHost, o.ProxyPort = "p", -1 }, "--proxy-port: -1 is not a port", "1 to 65535"},
		"a key in lower":    {option("feature"), `--falconctl-opt: "feature" is not an option`, "upper-case"},
		"a key of digits":   {option("1A"), `--falconctl-opt: "1A" is not an option`, "upper-case"},
		"an empty key":      {option(""), `--falconctl-opt: "" is not an option`, "upper-case"},
		"a whole key":       {option("FALCONCTL_OPT_CLOUD"), `--falconctl-opt: "FALCONCTL_OPT_CLOUD" has a prefix that is put there anyway`, "--falconctl-opt CLOUD=VALUE"},
		"the tags' key":     {option("TAGS"), "--falconctl-opt: TAGS has a flag of its own, --tags", "--tags"},
		"the CID's key":     {option("CID"), "--falconctl-opt: CID has a flag of its own, --cid", "--cid"},
		"the trace's key":   {option("TRACE"), "--falconctl-opt: TRACE has a flag of its own, --trace", "--trace"},
		"the billing's key": {option("BILLING"), "--falconctl-opt: BILLING has a flag of its own, --billing", "--billing"},
		"the host's key":    {option("APH"), "--falconctl-opt: APH has a flag of its own, --proxy-host", "--proxy-host"},
		"the port's key":    {option("APP"), "--falconctl-opt: APP has a flag of its own, --proxy-port", "--proxy-port"},
		"the proxy's key":   {option("APD"), "--falconctl-opt: APD has a flag of its own, --proxy-disable", "--proxy-disable"},
		"the token's key": {option("PROVISIONING_TOKEN"),
			"--falconctl-opt: PROVISIONING_TOKEN has a flag of its own, --provisioning-token", "--provisioning-token"},
		"a negative": {sensor(amounts("memory", "-1Mi"), nil), "--sensor-memory-request: it is negative: -1Mi", "128Mi"},
		"a negative limit": {func(o *Options) { o.InjectorResources.Limits = amounts("cpu", "-1") },
			"--injector-cpu-limit: it is negative: -1", "100m"},
		"more than its limit": {sensor(amounts("cpu", "10m", "memory", "2Gi"), amounts("memory", "1Gi")),
			"--sensor-memory-request: 2Gi is more than the limit, 1Gi", "raise the limit to 2Gi"},
		"an unknown resource": {sensor(nil, amounts("mem", "1Gi")), `--sensor resources: "mem" is not one`, "ephemeral-storage"},
		"a mount elsewhere":   {func(o *Options) { o.MountPath = "/opt" }, `--mount-path: "/opt" is none of its values`, "/tmp|/falcon"},
	})
}

func TestValidateOfWhatTheClusterGets(t *testing.T) {
	const fargate = "the Fargate profile says"
	checkRefused(t, map[string]refused{
		"namespace scope":     {func(o *Options) { o.NamespaceInjection = "none" }, `--namespace-injection: "none" is none of its values`, "all|opt-in"},
		"pod scope":           {func(o *Options) { o.PodInjection = "" }, `--pod-injection: "" is none of its values`, "all|opt-in"},
		"a pattern":           {func(o *Options) { o.ExcludeNamespaces = []string{"a", "kube-*"} }, `--exclude-namespace: "kube-*" cannot be the name of a namespace`, "63"},
		"an empty namespace":  {func(o *Options) { o.ExcludeNamespaces = []string{""} }, `--exclude-namespace: "" cannot be the name of a namespace`, "63"},
		"failure policy":      {func(o *Options) { o.FailurePolicy = "fail" }, `--failure-policy: "fail" is none of its values`, "Fail|Ignore"},
		"no timeout":          {func(o *Options) { o.TimeoutSeconds = 0 }, "--timeout-seconds: 0 is not what API servers wait", "1 to 30"},
		"a long timeout":      {func(o *Options) { o.TimeoutSeconds = 31 }, "--timeout-seconds: 31 is not what API servers wait", "1 to 30"},
		"no replica":          {func(o *Options) { o.Replicas = 0 }, "--replicas: with 0 of them no injector answers", "1 or more"},
		"a privileged port":   {func(o *Options) { o.Port = 443 }, "--port: 443 is privileged, and the injector does not run as root", "1024 to 32767"},
		"port 0":              {func(o *Options) { o.Port = 0 }, "--port: 0 is not a port for the injector", "1024 to 32767"},
		"port 32768":          {func(o *Options) { o.Port = 32768 }, "--port: 32768 is not a port for the injector", "1024 to 32767"},
		"a selector's key":    {func(o *Options) { o.NodeSelector = map[string]string{"a b": "c"} }, `--node-selector: "a b" cannot be a key`, "DOMAIN/KEY"},
		"a selector's value":  {func(o *Options) { o.NodeSelector = map[string]string{"a": "b c"} }, `--node-selector: "b c" cannot be the value of a label`, "63"},
		"a priority class":    {func(o *Options) { o.PriorityClass = "High" }, `--priority-class: "High" cannot be the name of an object`, "lower-case"},
		"an annotation's key": {func(o *Options) { o.ServiceAccountAnnotations = map[string]string{"a/B/c": ""} }, `--service-account-annotation: "a/B/c" cannot be a key`, "DOMAIN/KEY=VALUE"},
		"a TLS secret":        {func(o *Options) { o.TLSSecret = "ns/name" }, `--tls-secret: "ns/name" cannot be the name of an object`, "lower-case"},
		"half a certificate":  {func(o *Options) { o.TLSSecret, o.CertManager = "own", "injector" }, `--cert-manager: "injector" does not name a Certificate`, "NAMESPACE/NAME"},
		"too much of it":      {func(o *Options) { o.TLSSecret, o.CertManager = "own", "a/b/c" }, `--cert-manager: "a/b/c" does not name a Certificate`, "NAMESPACE/NAME"},
		"no secret with it":   {func(o *Options) { o.CertManager = "a/b" }, "--cert-manager: the injector needs the Secret of a/b, too", "--tls-secret"},
		"hours":               {func(o *Options) { o.CertValidity = 23 * time.Hour }, "--cert-validity: 23h0m0s is too short to renew a certificate in", "24h"},
		"Fargate and nodes": {func(o *Options) { o.Fargate, o.NodeSelector = true, map[string]string{"a": "b"} },
			"--node-selector does not go with --fargate: Fargate pods run on nodes of their own", fargate},
		"Fargate and taints": {func(o *Options) {
			o.Fargate, o.Tolerations = true, []corev1.Toleration{{Operator: corev1.TolerationOpExists}}
		},
			"--toleration does not go with --fargate: Fargate pods run on nodes of their own", fargate},
	})
}
