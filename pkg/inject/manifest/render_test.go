package manifest

import (
	"bytes"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
	"github.com/kubectl-falcon/kubectl-falcon/test/golden"
)

// fakePEM are not real certificates: rendering must not look into them.
func fakePEM(kind, text string) []byte {
	return []byte("-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n")
}

func fixedTLS() TLS {
	return TLS{
		CA:   fakePEM("CERTIFICATE", "dGhlIGF1dGhvcml0eQ=="),
		Cert: fakePEM("CERTIFICATE", "dGhlIGluamVjdG9y"),
		Key:  fakePEM("PRIVATE KEY", "bm90IGEga2V5"),
	}
}

func fixed() Given {
	tls := fixedTLS()
	return Given{
		TLS: tls, Bundle: tls.CA, CertHash: CertHash(tls), Version: "v1.2.3",
		NamespaceUID: "00000000-0000-4000-8000-000000000001",
	}
}

// everythingSet is every option at once, as far as they go together.
func everythingSet() Options {
	seconds := int64(60)
	o := goodOptions()
	o.PullPolicy = corev1.PullAlways
	o.PullSecret, o.PullSecretConfig = DefaultPullSecret, []byte(goodAuths)
	o.RegistryCA = fakePEM("CERTIFICATE", "dGhlIHJlZ2lzdHJ5")
	o.ProvisioningToken = goodToken
	o.Tags = []string{"web", "eu/prod", "a", "web"}
	o.Trace, o.Billing = "info", "metered"
	o.ProxyHost, o.ProxyPort, o.ProxyDisable = "proxy.example.com", 3128, "false"
	o.Falconctl = map[string]string{"FEATURE": "none", "CLOUD": "eu-1"}
	o.SensorResources.Requests = amounts("memory", "128Mi", "cpu", "50m")
	o.SensorResources.Limits = amounts("memory", "1Gi")
	o.MountPath = "/falcon"
	o.NamespaceInjection, o.PodInjection = OptIn, OptIn
	o.ExcludeNamespaces = []string{"zoo", "kube-system", "build", "zoo"}
	o.FailurePolicy, o.TimeoutSeconds = "Ignore", 5
	o.Replicas, o.Port = 3, 8443
	o.InjectorResources.Requests = amounts("memory", "64Mi")
	o.InjectorResources.Limits = amounts("cpu", "5m", "memory", "256Mi")
	o.ServiceAccountAnnotations = map[string]string{"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789123:role/falcon"}
	o.NodeSelector = map[string]string{"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
	o.Tolerations = []corev1.Toleration{{
		Key: "dedicated", Operator: corev1.TolerationOpExists, Effect: corev1.TaintEffectNoExecute, TolerationSeconds: &seconds}}
	o.PriorityClass = "system-cluster-critical"
	o.CertValidity = 90 * 24 * time.Hour
	o.Inputs = map[string]string{"tags": "web,eu/prod,a,web", "image": goodImage, "cid": goodCID, "replicas": "3"}
	return o
}

type rendering struct {
	o     Options
	given Given
}

// renderings are the main installations.
func renderings() map[string]rendering {
	// Others made the certificate: only their Secret is known here.
	foreign := fixed()
	foreign.TLS = TLS{}
	certManager := foreign
	certManager.Bundle, certManager.CertHash = nil, ""
	all := fixed()
	all.PortName, all.ForeignNamespace = "api", true
	return map[string]rendering{
		"default":      {goodOptions(), fixed()},
		"opt-in":       {*changed(func(o *Options) { o.NamespaceInjection, o.PodInjection = OptIn, OptIn }), fixed()},
		"fargate":      {*changed(func(o *Options) { o.Fargate = true }), fixed()},
		"everything":   {everythingSet(), all},
		"tls-secret":   {*changed(func(o *Options) { o.TLSSecret = "own-tls" }), foreign},
		"cert-manager": {*changed(func(o *Options) { o.TLSSecret, o.CertManager = "own-tls", "falcon-system/injector" }), certManager},
		"digest":       {*changed(func(o *Options) { o.Image = "registry.example.com/falcon:7@" + digest }), fixed()},
		"no-role":      {*changed(func(o *Options) { o.ReadPullSecrets = false }), Given{}},
		"existing":     {*changed(func(o *Options) { o.PullSecret = "mine" }), fixed()},
	}
}

func toYAML(t *testing.T, objects ...kube.Object) []byte {
	t.Helper()
	var all bytes.Buffer
	for _, o := range objects {
		content, err := yaml.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		all.WriteString("---\n")
		all.Write(content)
	}
	return all.Bytes()
}

// The golden files are what a reviewer reads: any change to what is put into a cluster shows there.
func TestRenderGolden(t *testing.T) {
	for name, r := range renderings() {
		t.Run(name, func(t *testing.T) {
			golden.Check(t, name+".yaml", toYAML(t, Render(r.o, r.given).All()...))
		})
	}
	t.Run("canary", func(t *testing.T) { golden.Check(t, "canary.yaml", toYAML(t, CanaryNamespaceObject())) })
}

// Only what is valid is worth a golden file; the fake authority is the one thing that is not.
func TestTheGoldenOptionsAreValid(t *testing.T) {
	for name, r := range renderings() {
		r.o.RegistryCA = nil
		if err := r.o.Validate(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Maps come in another order at each turn; whatever lets that through shows within a few.
func TestRenderIsDeterministic(t *testing.T) {
	for name, r := range renderings() {
		first := Render(r.o, r.given)
		before := toYAML(t, first.All()...)
		for range 20 {
			again := renderings()[name]
			if after := toYAML(t, Render(again.o, again.given).All()...); !bytes.Equal(before, after) {
				t.Fatalf("%s: the same input gives\n%s\nand\n%s", name, before, after)
			}
		}
	}
}

// Whoever changes a rendered object must not change the next plan, nor the input.
func TestRenderSharesNothing(t *testing.T) {
	r, fresh := renderings()["everything"], renderings()["everything"]
	before := toYAML(t, Render(r.o, r.given).All()...)
	for _, o := range Render(r.o, r.given).All() {
		o.GetLabels()["app"] = "changed"
		o.SetName("changed")
		switch o := o.(type) {
		case *corev1.ServiceAccount:
			clear(o.Annotations)
		case *corev1.Secret:
			for _, value := range o.Data {
				clear(value)
			}
		case *appsv1.Deployment:
			spec := &o.Spec.Template.Spec
			*spec.SecurityContext.RunAsUser, *o.Spec.Replicas, *spec.Tolerations[0].TolerationSeconds = 0, 0, 0
			clear(spec.NodeSelector)
			clear(spec.Containers[0].Resources.Requests)
			clear(spec.Containers[0].Resources.Limits)
			clear(o.Spec.Selector.MatchLabels)
		}
	}
	plan := Render(r.o, r.given)
	clear(plan.Webhook.Webhooks[0].ClientConfig.CABundle)
	clear(plan.Webhook.Webhooks[0].NamespaceSelector.MatchExpressions[1].Values)
	if after := toYAML(t, Render(r.o, r.given).All()...); !bytes.Equal(before, after) {
		t.Error("a change to one plan is seen in the next")
	}
	if !reflect.DeepEqual(r.o, fresh.o) || !reflect.DeepEqual(r.given, fresh.given) {
		t.Error("the input was changed")
	}
	if !slices.Equal(AlwaysOut, []string{"falcon-system", "kube-system", "kube-public", "kube-node-lease"}) {
		t.Errorf("what is always out is now %v", AlwaysOut)
	}
}

// Uninstall and every later version recognise what they made by this label alone.
func TestEveryObjectIsMarkedAsOurs(t *testing.T) {
	for name, r := range renderings() {
		for _, o := range append(Render(r.o, r.given).All(), CanaryNamespaceObject()) {
			foreign := r.given.ForeignNamespace && o.GetName() == Namespace
			if Ours(o) == foreign || (o.GetLabels()["app.kubernetes.io/managed-by"] != "kubectl-falcon") != foreign {
				t.Errorf("%s: %s has the labels %v", name, kube.Describe(o), o.GetLabels())
			}
		}
	}
	if Ours(&corev1.ConfigMap{}) {
		t.Error("an object without labels is taken for ours")
	}
}

func TestAForeignNamespaceGetsNothingButTheOptOut(t *testing.T) {
	ns := Render(goodOptions(), Given{ForeignNamespace: true}).Objects[0]
	if want := map[string]string{InjectionKey: Disabled}; !reflect.DeepEqual(ns.GetLabels(), want) || ns.GetName() != Namespace {
		t.Errorf("%s has the labels %v", ns.GetName(), ns.GetLabels())
	}
}

// An object in a namespace cannot be made before it, nor a pod before what it mounts and reads.
func TestRenderOrdersWhatIsNeededFirst(t *testing.T) {
	r := renderings()["everything"]
	var got []string
	config := ""
	for _, o := range Render(r.o, r.given).All() {
		name := kube.Describe(o)
		if secret, ok := o.(*corev1.Secret); ok && strings.HasPrefix(secret.Name, ConfigMapName) {
			config = secret.Name
		}
		got = append(got, name)
	}
	want := []string{"namespace/falcon-system", "serviceaccount/injector",
		"clusterrole/falcon-injector", "clusterrolebinding/falcon-injector",
		"secret/crowdstrike-falcon-pull-secret", "secret/injector-tls", "secret/" + config,
		"configmap/injector-registry-ca", "configmap/" + config, "deployment/injector", "service/injector",
		"poddisruptionbudget/injector", "mutatingwebhookconfiguration/injector.falcon-system.svc",
		"configmap/injector-record"}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestPullSecretIsForAnyNamespace(t *testing.T) {
	s := PullSecret(everythingSet(), "team-a")
	if s.Name != DefaultPullSecret || s.Namespace != "team-a" || s.Type != "kubernetes.io/dockerconfigjson" ||
		string(s.Data[".dockerconfigjson"]) != goodAuths || !Ours(s) {
		t.Errorf("it is %+v", s)
	}
}

func TestCertHashNamesTheCertificate(t *testing.T) {
	one, other := fixedTLS(), fixedTLS()
	other.Cert = append(other.Cert, '\n')
	if h := CertHash(one); len(h) != 16 || strings.Trim(h, "0123456789abcdef") != "" || h == CertHash(other) {
		t.Errorf("the hashes are %q and %q", h, CertHash(other))
	}
	if h := CertHash(TLS{}); h != "" {
		t.Errorf("no certificate has the hash %q", h)
	}
}
