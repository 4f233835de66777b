package manifest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

const (
	goodCID   = "0123456789ABCDEF0123456789abcdef-1f"
	goodImage = "123456789123.dkr.ecr.eu-west-1.amazonaws.com/falcon-sensor:7.40.0"
	digest    = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	goodToken = "8badf00d"
	goodAuths = `{"auths":{"registry.example.com":{"auth":"dXNlcjpwYXNz"}}}`
)

func goodOptions() Options {
	o := Defaults()
	o.CID, o.Image = goodCID, goodImage
	return o
}

// changed is a good installation but for one thing.
func changed(change func(*Options)) *Options {
	o := goodOptions()
	change(&o)
	return &o
}

func amounts(pairs ...string) corev1.ResourceList {
	list := corev1.ResourceList{}
	for i := 0; i < len(pairs); i += 2 {
		list[corev1.ResourceName(pairs[i])] = resource.MustParse(pairs[i+1])
	}
	return list
}

// certificate is a real one: this check looks into it.
func certificate(t *testing.T) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestValidateTakesWhatCanBeMeant(t *testing.T) {
	ca := certificate(t)
	for name, change := range map[string]func(*Options){
		"the defaults":          func(*Options) {},
		"a CID in upper case":   func(o *Options) { o.CID = strings.ToUpper(o.CID) },
		"a CID in lower case":   func(o *Options) { o.CID = strings.ToLower(o.CID) },
		"a digest":              func(o *Options) { o.Image = "registry.example.com/falcon@" + digest },
		"a tag and a digest":    func(o *Options) { o.Image = "registry.example.com/falcon:7@" + digest },
		"a port":                func(o *Options) { o.Image = "10.244.0.1:5000/falcon-sensor:7" },
		"a port and no tag":     func(o *Options) { o.Image = "localhost:5000/falcon-sensor" },
		"a short name":          func(o *Options) { o.Image = "falcon-sensor:latest" },
		"an upper-case tag":     func(o *Options) { o.Image = "falcon-sensor:7.40.0-7502.container.x86_64.Release.US-1" },
		"a path":                func(o *Options) { o.Image = "registry.crowdstrike.com/falcon-container/us-1/release/falcon-sensor:7" },
		"an upper-case host":    func(o *Options) { o.Image = "Registry.Example.Com/falcon:1" },
		"an address of IPv6":    func(o *Options) { o.Image = "[fd00::1]:5000/falcon:1" },
		"an underscore in it":   func(o *Options) { o.Image = "registry.example.com/falcon_sensor:1" },
		"each pull policy":      func(o *Options) { o.PullPolicy = corev1.PullNever },
		"a pull secret that is": func(o *Options) { o.PullSecret = "mine" },
		"a pull secret made":    func(o *Options) { o.PullSecret, o.PullSecretConfig = "mine", []byte(goodAuths) },
		"one of two helped": func(o *Options) {
			o.PullSecret, o.PullSecretConfig = "mine", []byte(`{"auths":{"a":{},"b":{"username":"u","password":"p"}},"credsStore":"desktop"}`)
		},
		"a registry's authority": func(o *Options) { o.RegistryCA = ca },
		"two and a text":         func(o *Options) { o.RegistryCA = append(append([]byte("# ours\n"), ca...), ca...) },
		"a token":                func(o *Options) { o.ProvisioningToken = goodToken },
		"256 characters of tags": func(o *Options) { o.Tags = []string{strings.Repeat("a", 127), strings.Repeat("b", 128)} },
		"tags with slashes":      func(o *Options) { o.Tags = []string{"SensorGroupingTags/eu_west-1", "b"} },
		"a trace":                func(o *Options) { o.Trace = "debug" },
		"billing":                func(o *Options) { o.Billing = "metered" },
		"a proxy":                func(o *Options) { o.ProxyHost, o.ProxyPort, o.ProxyDisable = "proxy.example.com", 65535, "false" },
		"a proxy by address":     func(o *Options) { o.ProxyHost = "10.0.0.1" },
		"a proxy by IPv6":        func(o *Options) { o.ProxyHost = "fd00::1" },
		"an option of falconctl": func(o *Options) { o.Falconctl = map[string]string{"FEATURE": "x", "MEMFAIL_EVERY_N": ""} },
		"the other mount":        func(o *Options) { o.MountPath = "/falcon" },
		"equal request and limit": func(o *Options) {
			o.SensorResources.Requests, o.SensorResources.Limits = amounts("cpu", "1"), amounts("cpu", "1000m")
		},
		"a device": func(o *Options) {
			o.InjectorResources.Limits = amounts("example.com/card", "1", "hugepages-2Mi", "2Mi")
		},
		"opt-in":                  func(o *Options) { o.NamespaceInjection, o.PodInjection = OptIn, OptIn },
		"a namespace of digits":   func(o *Options) { o.ExcludeNamespaces = []string{"42", "a-b"} },
		"Ignore, at the ends":     func(o *Options) { o.FailurePolicy, o.TimeoutSeconds, o.Port = "Ignore", 30, 1024 },
		"the other ends":          func(o *Options) { o.TimeoutSeconds, o.Port, o.Replicas = 1, 32767, 1 },
		"a node selector":         func(o *Options) { o.NodeSelector = map[string]string{"kubernetes.io/os": "linux", "empty": ""} },
		"Fargate with a priority": func(o *Options) { o.Fargate, o.PriorityClass = true, "system-cluster-critical" },
		"an IAM role": func(o *Options) {
			o.ServiceAccountAnnotations = map[string]string{"eks.amazonaws.com/role-arn": "arn:x"}
		},
		"upper case in annotation": func(o *Options) { o.ServiceAccountAnnotations = map[string]string{"Example.com/Key": ""} },
		"a TLS secret":             func(o *Options) { o.TLSSecret = "own.tls" },
		"cert-manager":             func(o *Options) { o.TLSSecret, o.CertManager = "own", "falcon-system/injector" },
		"a day":                    func(o *Options) { o.CertValidity = 24 * time.Hour },
	} {
		t.Run(name, func(t *testing.T) {
			if err := changed(change).Validate(); err != nil {
				t.Error(err)
			}
		})
	}
}

// refused is what Validate says: exactly, so that whoever changes a message sees the whole of it.
type refused struct {
	change     func(*Options)
	says, next string
}

func checkRefused(t *testing.T, tests map[string]refused) {
	t.Helper()
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			p, ok := errors.AsType[*problem.Error](changed(test.change).Validate())
			if !ok {
				t.Fatal("it is accepted")
			}
			if p.Kind() != problem.BadInput {
				t.Errorf("kind %d", p.Kind())
			}
			if p.Error() != test.says {
				t.Errorf("it says\n%s\nwant\n%s", p, test.says)
			}
			if !strings.Contains(p.Next(), test.next) {
				t.Errorf("advice %q does not say %q", p.Next(), test.next)
			}
		})
	}
}

func TestValidateOfCIDAndImage(t *testing.T) {
	const cidNext, imageNext = "Falcon console", "REGISTRY/NAME:TAG"
	cid := func(value string) func(*Options) { return func(o *Options) { o.CID = value } }
	notCID := func(quoted string) string {
		return "--cid: " + quoted + " is not a customer id: it has 32 hexadecimal digits, a dash and 2 more"
	}
	tests := map[string]refused{
		"nothing":             {func(o *Options) { *o = Options{} }, "the customer id is missing: give it with --cid", cidNext},
		"no image":            {func(o *Options) { o.Image = "" }, "the sensor image is missing: give it with --image REGISTRY/NAME:TAG", "your own registry"},
		"too short":           {cid(goodCID[1:]), notCID(`"` + goodCID[1:] + `"`), cidNext},
		"too long":            {cid("0" + goodCID), notCID(`"0` + goodCID + `"`), cidNext},
		"no checksum":         {cid(goodCID[:32]), notCID(`"` + goodCID[:32] + `"`), cidNext},
		"half a checksum":     {cid(goodCID[:34]), notCID(`"` + goodCID[:34] + `"`), cidNext},
		"no dash":             {cid(goodCID[:32] + "1f"), notCID(`"` + goodCID[:32] + `1f"`), cidNext},
		"not hexadecimal":     {cid("g" + goodCID[1:]), notCID(`"g` + goodCID[1:] + `"`), cidNext},
		"a newline after it":  {cid(goodCID + "\n"), notCID(`"` + goodCID + `\n"`), cidNext},
		"a space before it":   {cid(" " + goodCID), notCID(`" ` + goodCID + `"`), cidNext},
		"an unknown policy":   {func(o *Options) { o.PullPolicy = "always" }, `--pull-policy: "always" is none of its values`, "Always|IfNotPresent|Never"},
		"an empty policy":     {func(o *Options) { o.PullPolicy = "" }, `--pull-policy: "" is none of its values`, "Always|"},
		"an upper-case image": {func(o *Options) { o.Image = "example.com/F:1" }, `--image: "example.com/F:1" is not an image: invalid reference format: repository name (F) must be lowercase`, imageNext},
	}
	for _, image := range []string{"registry.example.com/falcon :1", goodImage + " ", " ", "https://registry.example.com/falcon:1", "falcon:", "falcon@sha256:0123"} {
		tests["the image "+image] = refused{func(o *Options) { o.Image = image },
			`--image: "` + image + `" is not an image: invalid reference format`, imageNext}
	}
	checkRefused(t, tests)
}

func TestValidateOfTheRegistry(t *testing.T) {
	config := func(content string) func(*Options) {
		return func(o *Options) { o.PullSecret, o.PullSecretConfig = DefaultPullSecret, []byte(content) }
	}
	ca := func(content string) func(*Options) { return func(o *Options) { o.RegistryCA = []byte(content) } }
	const (
		is        = "--pull-secret-file: it is not a docker config: "
		form      = `{"auths": {"REGISTRY":`
		elsewhere = "--pull-secret-file: the docker config holds no credentials: it only says that docker keeps them elsewhere (credsStore, credHelpers)"
		login     = "DOCKER_CONFIG=DIRECTORY docker login"
		shape     = is + `it, its "auths" or another part is of another type than there`
	)
	good := string(certificate(t))
	checkRefused(t, map[string]refused{
		"our certificate's name": {func(o *Options) { o.PullSecret = SecretName }, `--pull-secret: "injector-tls" is the name of a Secret that install makes itself`, "another name"},
		"a configuration's name": {func(o *Options) { o.PullSecret = ConfigMapName + "-0123456789" }, `--pull-secret: "injector-config-0123456789" is the name of a Secret that install makes itself`, "another name"},
		"a bad name":             {func(o *Options) { o.PullSecret = "A_b" }, `--pull-secret: "A_b" cannot be the name of an object`, "lower-case"},
		"no name":                {func(o *Options) { o.PullSecretConfig = []byte(goodAuths) }, "--pull-secret-file: there is no name for the Secret", DefaultPullSecret},
		"no JSON":                {config("auths: {}"), is + "it is not JSON", form},
		"a list":                 {config("[]"), shape, form},
		"auths a text":           {config(`{"auths":"x"}`), shape, form},
		"null":                   {config("null"), is + `it has no "auths"`, form},
		"no auths":               {config(`{"HttpHeaders":{}}`), is + `it has no "auths"`, form},
		"empty auths":            {config(`{"auths":{}}`), is + `its "auths" are empty`, form},
		"an entry of text":       {config(`{"auths":{"a.example.com":"dXNlcjpwYXNz"}}`), is + "its entry for a.example.com is not an object", form},
		"an entry of null":       {config(`{"auths":{"a.example.com":null}}`), is + "its entry for a.example.com is not an object", form},
		"an empty entry":         {config(`{"auths":{"a":{}}}`), `--pull-secret-file: the docker config holds no credentials: none of its "auths" has an "auth"`, form},
		"only a store":           {config(`{"credsStore":"desktop"}`), elsewhere, login},
		"only helpers":           {config(`{"auths":{},"credHelpers":{"a":"ecr-login"}}`), elsewhere, login},
		"docker's desktop":       {config(`{"auths":{"a":{}},"credsStore":"desktop"}`), elsewhere, login},
		"no PEM":                 {ca("hello"), "--registry-ca: there is no PEM certificate in it", "BEGIN CERTIFICATE"},
		"a key":                  {ca("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), "--registry-ca: it holds a PRIVATE KEY, which is not a certificate", ""},
		"half of one":            {ca(good[:len(good)-40]), "--registry-ca: 1 of the 1 blocks in it are cut off or damaged", ""},
		"one and a half":         {ca(good + good[:len(good)-40]), "--registry-ca: 1 of the 2 blocks in it are cut off or damaged", ""},
		"no certificate": {ca("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
			"--registry-ca: certificate 1 in it cannot be read: x509: malformed certificate", ""},
	})
}

// Whatever is wrong, in whichever option, the secrets are not in what is said.
func TestValidateShowsNoSecret(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"token":         func(o *Options) { o.ProvisioningToken = "sesame" },
		"docker config": func(o *Options) { o.PullSecret, o.PullSecretConfig = "x", []byte(`{"auths":{"a":"sesame"}}`) },
		"no JSON":       func(o *Options) { o.PullSecret, o.PullSecretConfig = "x", []byte("sesame") },
		"proxy":         func(o *Options) { o.ProxyHost = "http://user:sesame@proxy:1" },
		"falconctl":     func(o *Options) { o.Falconctl = map[string]string{"provisioning-token": "sesame"} },
	} {
		p, ok := errors.AsType[*problem.Error](changed(change).Validate())
		if !ok || strings.Contains(p.Error()+p.Next(), "sesame") {
			t.Errorf("%s: %v", name, p)
		}
	}
}

func TestWarnings(t *testing.T) {
	const moves = "pods of different days get different sensors; pin a digest (NAME@sha256:DIGEST)"
	tests := map[string]struct {
		change func(*Options)
		want   []string
	}{
		"the defaults":       {func(*Options) {}, nil},
		"a digest":           {func(o *Options) { o.Image = "falcon@" + digest }, nil},
		"latest by digest":   {func(o *Options) { o.Image = "falcon:latest@" + digest }, nil},
		"no tag":             {func(o *Options) { o.Image = "localhost:5000/falcon" }, []string{"--image: localhost:5000/falcon has no tag, which means latest: " + moves}},
		"latest":             {func(o *Options) { o.Image = "falcon:latest" }, []string{"--image: falcon:latest has the tag latest, which moves: " + moves}},
		"one replica":        {func(o *Options) { o.Replicas = 1 }, []string{"--replicas 1: while its one pod is down or moves, no pod in scope can be created; 2 survive the loss of a node"}},
		"Ignore":             {func(o *Options) { o.FailurePolicy = "Ignore" }, []string{"--failure-policy Ignore: pods start unprotected while no injector answers"}},
		"no image, no panic": {func(o *Options) { o.Image = "" }, nil},
		"Ignore with one": {func(o *Options) { o.FailurePolicy, o.Replicas = "Ignore", 1 }, []string{
			"--failure-policy Ignore: pods start unprotected while no injector answers",
			"--replicas 1: while its one pod is down or moves, pods start unprotected; 2 survive the loss of a node"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got := changed(test.change).Warnings()
			if strings.Join(got, "\n") != strings.Join(test.want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}
