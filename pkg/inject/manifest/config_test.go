package manifest

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

func deploymentOf(t *testing.T, o Options, given Given) *appsv1.Deployment {
	t.Helper()
	for _, object := range Render(o, given).Objects {
		if d, ok := object.(*appsv1.Deployment); ok {
			return d
		}
	}
	t.Fatal("there is no Deployment")
	return nil
}

func TestSettingsAreTheVendorsKeys(t *testing.T) {
	want := map[string]string{
		"CP_NAMESPACE": "falcon-system", "FALCON_IMAGE": goodImage, "FALCON_IMAGE_PULL_POLICY": "Always",
		"FALCON_IMAGE_PULL_SECRET": "crowdstrike-falcon-pull-secret", "FALCON_INJECTOR_LISTEN_PORT": "8443",
		"FALCON_MOUNT_ENABLED": "T", "INJECTION_DEFAULT_DISABLED": "T", "FALCONCTL_OPT_CID": goodCID,
		"FALCONCTL_OPT_TAGS": "a,eu/prod,web", "FALCONCTL_OPT_TRACE": "info", "FALCONCTL_OPT_BILLING": "metered",
		"FALCONCTL_OPT_APH": "proxy.example.com", "FALCONCTL_OPT_APP": "3128", "FALCONCTL_OPT_APD": "false",
		"FALCONCTL_OPT_FEATURE": "none", "FALCONCTL_OPT_CLOUD": "eu-1",
	}
	got := settings(everythingSet())
	resources, err := base64.StdEncoding.DecodeString(got["FALCON_RESOURCES"])
	if err != nil {
		t.Fatal(err)
	}
	var read corev1.ResourceRequirements
	if err := json.Unmarshal(resources, &read); err != nil {
		t.Fatal(err)
	}
	if read.Requests.Cpu().String() != "50m" || read.Limits.Memory().String() != "1Gi" {
		t.Errorf("the sidecars' resources are read as %s", resources)
	}
	delete(got, "FALCON_RESOURCES")
	if !maps.Equal(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// The vendor's defaults are left to the sensor: a key with nothing in it could mean something else.
func TestSettingsSayNothingThatWasNotSet(t *testing.T) {
	want := []string{"CP_NAMESPACE", "FALCONCTL_OPT_CID", "FALCON_IMAGE", "FALCON_IMAGE_PULL_POLICY", "FALCON_INJECTOR_LISTEN_PORT"}
	if got := slices.Sorted(maps.Keys(settings(goodOptions()))); !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// The injector reads its configuration only when it starts, so a change that does not reach the pods'
// template changes nothing until someone restarts them; and one that means nothing must not roll them.
func TestAChangedConfigurationRollsThePods(t *testing.T) {
	template := func(o Options, given Given) string {
		text, err := yaml.Marshal(deploymentOf(t, o, given).Spec.Template)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	base := everythingSet()
	same := template(base, fixed())
	for name, change := range map[string]func(*Options, *Given){
		"customer id": func(o *Options, _ *Given) { o.CID = "f" + goodCID[1:] },
		"image":       func(o *Options, _ *Given) { o.Image += "1" },
		"token":       func(o *Options, _ *Given) { o.ProvisioningToken = "8badf00e" },
		"tag":         func(o *Options, _ *Given) { o.Tags = append(o.Tags, "b") },
		"option":      func(o *Options, _ *Given) { o.Falconctl["FEATURE"] = "other" },
		"certificate": func(_ *Options, g *Given) { g.CertHash = "0123456789abcdef" },
	} {
		o, given := everythingSet(), fixed()
		change(&o, &given)
		if template(o, given) == same {
			t.Errorf("another %s leaves the pods' template as it is", name)
		}
	}
	for name, change := range map[string]func(*Options, *Given){
		"version":         func(_ *Options, g *Given) { g.Version = "v9" },
		"scope":           func(o *Options, _ *Given) { o.NamespaceInjection, o.ExcludeNamespaces = All, nil },
		"order of tags":   func(o *Options, _ *Given) { o.Tags = []string{"a", "web", "eu/prod"} },
		"inputs":          func(o *Options, _ *Given) { o.Inputs = nil },
		"number of pods":  func(o *Options, _ *Given) { o.Replicas = 9 },
		"certificate age": func(o *Options, _ *Given) { o.CertValidity *= 2 },
	} {
		o, given := everythingSet(), fixed()
		change(&o, &given)
		if template(o, given) != same {
			t.Errorf("another %s rolls the pods", name)
		}
	}
}

// Pods from before an upgrade restart into the configuration that they had, because each has its own.
func TestConfigurationIsImmutableAndNamedAfterItsContent(t *testing.T) {
	config, secret := configuration(everythingSet())
	if !regexp.MustCompile(`^injector-config-[0-9a-f]{10}$`).MatchString(config.Name) || secret.Name != config.Name {
		t.Errorf("the names are %s and %s", config.Name, secret.Name)
	}
	if !*config.Immutable || !*secret.Immutable {
		t.Error("they can be changed")
	}
	from := deploymentOf(t, everythingSet(), fixed()).Spec.Template.Spec.Containers[0].EnvFrom
	if len(from) != 2 || from[0].ConfigMapRef.Name != config.Name || from[1].SecretRef.Name != config.Name {
		t.Errorf("the injector reads %v", from)
	}
	other, none := configuration(goodOptions())
	if none != nil || other.Name == config.Name {
		t.Errorf("without a token there are %s and %v", other.Name, none)
	}
	if from := deploymentOf(t, goodOptions(), fixed()).Spec.Template.Spec.Containers[0].EnvFrom; len(from) != 1 {
		t.Errorf("the injector reads %v", from)
	}
}

// The token is in its Secret and nowhere else, even if whoever noted the inputs forgot.
func TestTheTokenIsOnlyInItsSecret(t *testing.T) {
	o := everythingSet()
	o.Inputs["provisioning-token"] = goodToken
	plan := Render(o, fixed())
	secrets := 0
	for _, object := range plan.All() {
		if _, ok := object.(*corev1.Secret); ok {
			secrets++
			continue
		}
		text := string(toYAML(t, object))
		for _, form := range []string{goodToken, base64.StdEncoding.EncodeToString([]byte(goodToken))} {
			if strings.Contains(text, form) {
				t.Errorf("the token is in\n%s", text)
			}
		}
	}
	if secrets != 3 {
		t.Errorf("there are %d Secrets", secrets)
	}
	if got := plan.Record.Data[RecordInputs]; strings.Contains(got, "provisioning-token") || !strings.Contains(got, "tags: web") {
		t.Errorf("the record has the inputs\n%s", got)
	}
}

// More people may read ConfigMaps than Secrets.
func TestTheRecordHoldsNoSecret(t *testing.T) {
	for name, r := range renderings() {
		text := string(toYAML(t, Render(r.o, r.given).Record))
		for _, secret := range []string{goodToken, "dXNlcjpwYXNz", "bm90IGEga2V5"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s: %q is in\n%s", name, secret, text)
			}
		}
	}
}

func TestTheInjectorAsksForNoMoreThanItsLimits(t *testing.T) {
	var set corev1.ResourceRequirements
	if got := injectorResources(set); got.Requests.Cpu().String() != "10m" || got.Requests.Memory().String() != "20Mi" {
		t.Errorf("it asks for %v by itself", got)
	}
	set.Limits = amounts("cpu", "5m", "memory", "1Gi")
	set.Requests = amounts("memory", "64Mi")
	if got := injectorResources(set); got.Requests.Cpu().String() != "5m" || got.Requests.Memory().String() != "64Mi" {
		t.Errorf("it asks for %v", got)
	}
	if len(set.Requests) != 1 {
		t.Error("the input was changed")
	}
}
