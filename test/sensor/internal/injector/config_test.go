package injector

import (
	"bytes"
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/mutate"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const testCID = "0123456789ABCDEF0123456789ABCDEF-1F"

// minimal is the least an injector starts with, and what the test adds.
func minimal(extra standin.Env) standin.Env {
	env := standin.Env{standin.EnvCID: testCID, standin.EnvImage: "registry.example/falcon:1"}
	for key, value := range extra {
		env[key] = value
	}
	return env
}

func encoded(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig(minimal(nil))
	if err != nil {
		t.Fatal(err)
	}
	if c.Port != 4433 || c.TLSDir != "/run/secrets/tls" || c.Namespace != "falcon-system" ||
		c.RegistryTimeout != 5*time.Second || c.LogForm != LogPlain || c.Settings.Mount != mutate.MountTmp {
		t.Errorf("defaults: %+v", c)
	}
	c, err = ParseConfig(minimal(standin.Env{
		"CP_NAMESPACE":                    "other",
		"FALCON_IMAGE_PULL_POLICY":        "Always",
		"FALCON_IMAGE_PULL_SECRET":        "pull",
		"FALCON_INJECTOR_LISTEN_PORT":     "8443",
		"FALCON_RESOURCES":                encoded(`{"limits":{"memory":"128Mi"}}`),
		"FALCON_LOG_VOLUME":               encoded(`{"name":"logs","emptyDir":{}}`),
		"FALCON_MOUNT_ENABLED":            "T",
		"INJECTION_DEFAULT_DISABLED":      "T",
		"FALCONCTL_OPT_TAGS":              "a,b",
		"FALCONCTL_OPTS":                  "--trace=none",
		"FALCON_STANDIN_REGISTRY_TIMEOUT": "2s",
		"FALCON_STANDIN_LOG":              "logrus",
		"PATH":                            "/bin",
	}))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Settings
	if c.Port != 8443 || c.Namespace != "other" || c.RegistryTimeout != 2*time.Second || c.LogForm != LogLogrus ||
		s.PullPolicy != corev1.PullAlways || s.PullSecret != "pull" || s.Resources.Limits.Memory().String() != "128Mi" ||
		s.LogVolume.Name != "logs" || s.Mount != mutate.MountFalcon || !s.DefaultDisabled {
		t.Errorf("everything set: %+v", c)
	}
	if len(s.Env) != 5 || s.Env["FALCONCTL_OPTS"] == "" || s.Env["FALCONCTL_OPT_TAGS"] != "a,b" || s.Env["FALCON_STANDIN_LOG"] == "" {
		t.Errorf("handed on to sidecars: %v", s.Env)
	}
}

func TestRefusesToStart(t *testing.T) {
	tests := []struct{ key, value string }{
		{"FALCONCTL_OPT_CID", ""},
		{"FALCONCTL_OPT_CID", "123"},
		{"FALCON_IMAGE", ""},
		{"FALCON_IMAGE", "UPPER CASE"},
		{"FALCON_IMAGE_PULL_POLICY", "Sometimes"},
		{"FALCON_INJECTOR_LISTEN_PORT", "http"},
		{"FALCON_INJECTOR_LISTEN_PORT", "70000"},
		{"FALCON_RESOURCES", "{}"},
		{"FALCON_RESOURCES", encoded("none")},
		{"FALCON_RESOURCES", encoded(`{"limit":{}}`)},
		{"FALCON_LOG_VOLUME", encoded(`{"emptyDir":{}}`)},
		{"FALCON_LOG_VOLUME", "%%%"},
		{"FALCON_MOUNT_ENABLED", "yes"},
		{"INJECTION_DEFAULT_DISABLED", "true"},
		{"FALCON_STANDIN_REGISTRY_TIMEOUT", "0s"},
		{"FALCON_STANDIN_REGISTRY_TIMEOUT", "-1s"},
		{"FALCON_STANDIN_FAULT", "sloww"},
		{"FALCON_STANDIN_FAULT_DELAY", "5"},
		{"FALCON_STANDIN_LOG", "json"},
		{"FALCON_STANDIN_SIDECAR_POSITION", "middle"},
		{"FALCON_STANDIN_SIDECAR_NAME", "A"},
	}
	for _, tt := range tests {
		t.Run(tt.key+"="+tt.value, func(t *testing.T) {
			var out bytes.Buffer
			code := Run(t.Context(), standin.Process{Env: minimal(standin.Env{tt.key: tt.value}), Err: &out})
			text := out.String()
			if code != 1 || !strings.HasPrefix(text, "injector: "+tt.key) || strings.Count(text, "\n") != 1 {
				t.Errorf("exit code %d, says %q", code, text)
			}
		})
	}
}

func TestLogForms(t *testing.T) {
	at := func() time.Time { return time.Date(2021, 2, 3, 16, 5, 51, 0, time.UTC) }
	tests := []struct {
		form LogForm
		want string
	}{
		{LogPlain, "injector server starting ...\n" +
			standin.Notice + "\n" +
			"2021/02/03 16:05:51 Handling webhook request with id u-1 in namespace default ...\n" +
			"2021/02/03 16:05:51 Webhook request with id u-1 in namespace default handled successfully!\n" +
			"2021/02/03 16:05:51 Failed to handle webhook request: no \"x\"\n"},
		{LogLogrus, `time="2021-02-03T16:05:51Z" level=info msg="injector server starting ..."` + "\n" +
			`time="2021-02-03T16:05:51Z" level=info msg="` + standin.Notice + "\"\n" +
			`time="2021-02-03T16:05:51Z" level=info msg="Handling webhook request with id u-1 in namespace default ..."` + "\n" +
			`time="2021-02-03T16:05:51Z" level=info msg="Found registry" image="nginx:1" namespace=default podName="" registry=docker.io` + "\n" +
			`time="2021-02-03T16:05:51Z" level=info msg="Webhook request with id u-1 in namespace default handled successfully!"` + "\n" +
			`time="2021-02-03T16:05:51Z" level=error msg="Failed to handle webhook request" error="no \"x\""` + "\n"},
	}
	for _, tt := range tests {
		t.Run(string(tt.form), func(t *testing.T) {
			var out bytes.Buffer
			log := NewLog(&out, tt.form)
			log.now = at
			log.Starting()
			log.Handling("u-1", "default")
			log.FoundRegistry("nginx:1", "default", "", "docker.io")
			log.Handled("u-1", "default")
			log.Failed(errors.New(`no "x"`))
			if out.String() != tt.want {
				t.Errorf("log is\n%s\nwant\n%s", out.String(), tt.want)
			}
		})
	}
}

func TestHTTPErrorsGoToTheLog(t *testing.T) {
	var out bytes.Buffer
	if _, err := NewLog(&out, LogPlain).Write([]byte("http: TLS handshake error\n")); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^\d{4}/\d\d/\d\d \d\d:\d\d:\d\d http: TLS handshake error\n$`).MatchString(out.String()) {
		t.Errorf("log is %q", out.String())
	}
}
