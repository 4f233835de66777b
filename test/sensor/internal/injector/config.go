// Package injector is the stand-in's admission webhook: its configuration from
// the environment, its HTTPS server, its log, and the faults tests ask it for.
// What it does to a pod is package mutate's business.
package injector

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	corev1 "k8s.io/api/core/v1"

	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/mutate"
	"github.com/kubectl-falcon/kubectl-falcon/test/sensor/internal/standin"
)

const (
	defaultNamespace       = "falcon-system"
	defaultPort            = "4433"
	defaultTLSDir          = "/run/secrets/tls"
	defaultRegistryTimeout = "5s"
)

// Config is the environment, checked.
type Config struct {
	Namespace       string
	Port            int
	TLSDir          string
	RegistryTimeout time.Duration
	LogForm         LogForm
	Fault           Fault
	FaultDelay      time.Duration
	Settings        mutate.Settings
}

// ParseConfig checks env. Its error is one line that names the variable.
func ParseConfig(env standin.Env) (Config, error) {
	c := Config{
		Namespace: env.Get(standin.EnvNamespace, defaultNamespace),
		TLSDir:    env.Get(standin.EnvTLSDir, defaultTLSDir),
	}
	var err error
	if c.Settings, err = parseSettings(env); err != nil {
		return Config{}, err
	}
	port := env.Get(standin.EnvListenPort, defaultPort)
	if c.Port, err = strconv.Atoi(port); err != nil || c.Port < 1 || c.Port > 65535 {
		return Config{}, fmt.Errorf("%s=%q: want a port number", standin.EnvListenPort, port)
	}
	if c.RegistryTimeout, err = duration(env, standin.EnvRegistryTimeout, defaultRegistryTimeout); err != nil {
		return Config{}, err
	}
	if c.RegistryTimeout == 0 {
		return Config{}, fmt.Errorf("%s: must be longer than nothing", standin.EnvRegistryTimeout)
	}
	if c.LogForm, err = parseLogForm(env); err != nil {
		return Config{}, err
	}
	if c.Fault, c.FaultDelay, err = parseFault(env); err != nil {
		return Config{}, err
	}
	return c, nil
}

func parseSettings(env standin.Env) (mutate.Settings, error) {
	s := mutate.Settings{
		Image:      env[standin.EnvImage],
		PullPolicy: corev1.PullPolicy(env[standin.EnvPullPolicy]),
		PullSecret: env[standin.EnvPullSecret],
		Mount:      mutate.MountTmp,
		Env:        inherited(env),
	}
	if err := checkIdentity(env); err != nil {
		return s, err
	}
	switch s.PullPolicy {
	case "", corev1.PullAlways, corev1.PullIfNotPresent, corev1.PullNever:
	default:
		return s, fmt.Errorf("%s=%q: want Always, IfNotPresent or Never", standin.EnvPullPolicy, s.PullPolicy)
	}
	mountEnabled, err := flag(env, standin.EnvMountEnabled)
	if err != nil {
		return s, err
	}
	if mountEnabled {
		s.Mount = mutate.MountFalcon
	}
	if s.DefaultDisabled, err = flag(env, standin.EnvDefaultDisabled); err != nil {
		return s, err
	}
	if err := decode(env, standin.EnvResources, &s.Resources); err != nil {
		return s, err
	}
	if env[standin.EnvLogVolume] != "" {
		s.LogVolume = &corev1.Volume{}
		if err := decode(env, standin.EnvLogVolume, s.LogVolume); err != nil {
			return s, err
		}
		if s.LogVolume.Name == "" {
			return s, fmt.Errorf("%s: the volume has no name", standin.EnvLogVolume)
		}
	}
	return s, s.Check()
}

func checkIdentity(env standin.Env) error {
	switch cid := env[standin.EnvCID]; {
	case cid == "":
		return errors.New(standin.EnvCID + " is not set")
	case !standin.ValidCID(cid):
		return fmt.Errorf("%s=%q: want 32 hex digits, a dash and two more", standin.EnvCID, cid)
	}
	image := env[standin.EnvImage]
	if image == "" {
		return errors.New(standin.EnvImage + " is not set")
	}
	if _, err := name.ParseReference(image, name.WeakValidation); err != nil {
		return fmt.Errorf("%s: %w", standin.EnvImage, err)
	}
	return nil
}

// inherited is the part of the environment that sidecars get too.
func inherited(env standin.Env) standin.Env {
	kept := standin.Env{}
	for key, value := range env {
		if strings.HasPrefix(key, standin.OptionPrefix) || strings.HasPrefix(key, standin.Prefix) ||
			key == standin.EnvOptions {
			kept[key] = value
		}
	}
	return kept
}

// flag reads the injector's own kind of switch: T, or nothing.
func flag(env standin.Env, key string) (bool, error) {
	switch value := env[key]; value {
	case "T":
		return true, nil
	case "", "F":
		return false, nil
	default:
		return false, fmt.Errorf("%s=%q: want T or nothing", key, value)
	}
}

// decode reads base64 of JSON into into.
func decode(env standin.Env, key string, into any) error {
	if env[key] == "" {
		return nil
	}
	text, err := base64.StdEncoding.DecodeString(env[key])
	if err != nil {
		return fmt.Errorf("%s: not base64: %w", key, err)
	}
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: not the JSON wanted: %w", key, err)
	}
	return nil
}

func duration(env standin.Env, key, fallback string) (time.Duration, error) {
	text := env.Get(key, fallback)
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%s=%q: want a duration such as 5s", key, text)
	}
	return d, nil
}
