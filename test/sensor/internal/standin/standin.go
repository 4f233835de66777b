// Package standin holds what every program of the stand-in sensor image shares:
// the notice that it is a stand-in, the names it uses in pods and in the
// environment, and a process as a plain value so that programs run in tests.
//
// The image stands in for CrowdStrike's Falcon Container sensor in this
// project's own test lab. It is an approximation made from public facts and not
// a CrowdStrike product. Nothing in it may protect, detect or report anything.
package standin

import (
	"context"
	"io"
	"strings"
)

// Notice is printed wherever a person could take the stand-in for the real
// sensor.
const Notice = "this is the kubectl-falcon project's stand-in for a container sensor: " +
	"an approximation for tests, not a CrowdStrike product"

// The environment of the injector, as its ConfigMap sets it.
const (
	EnvNamespace       = "CP_NAMESPACE"
	EnvImage           = "FALCON_IMAGE"
	EnvPullPolicy      = "FALCON_IMAGE_PULL_POLICY"
	EnvPullSecret      = "FALCON_IMAGE_PULL_SECRET"
	EnvListenPort      = "FALCON_INJECTOR_LISTEN_PORT"
	EnvResources       = "FALCON_RESOURCES"
	EnvLogVolume       = "FALCON_LOG_VOLUME"
	EnvMountEnabled    = "FALCON_MOUNT_ENABLED"
	EnvDefaultDisabled = "INJECTION_DEFAULT_DISABLED"
)

// The environment of the sensor. Every variable with OptionPrefix, and
// EnvOptions, is handed on from the injector to the sidecars.
const (
	OptionPrefix = "FALCONCTL_OPT_"
	EnvOptions   = "FALCONCTL_OPTS"
	EnvCID       = OptionPrefix + "CID"
)

// The stand-in's own environment, which the real image knows nothing of.
const (
	Prefix             = "FALCON_STANDIN_"
	EnvTLSDir          = Prefix + "TLS_DIR"
	EnvLog             = Prefix + "LOG"
	EnvSidecarName     = Prefix + "SIDECAR_NAME"
	EnvSidecarPosition = Prefix + "SIDECAR_POSITION"
	EnvRegistryTimeout = Prefix + "REGISTRY_TIMEOUT"
	EnvFault           = Prefix + "FAULT"
	EnvFaultDelay      = Prefix + "FAULT_DELAY"
	EnvMount           = Prefix + "MOUNT"
	EnvStateDir        = Prefix + "STATE_DIR"
	EnvAID             = Prefix + "AID"
	EnvAIDDelay        = Prefix + "AID_DELAY"
	EnvForm            = Prefix + "FALCONCTL_FORM"
)

// InjectionKey is the namespace label and the pod annotation that opt in and
// out.
const InjectionKey = "sensor.falcon-system.crowdstrike.com/injection"

// EntrypointPath is where the loader lies below the mounted sensor volume.
const EntrypointPath = "rootfs/bin/falcon-entrypoint"

// DefaultStateDir is where the sidecar keeps what must live as long as its pod.
const DefaultStateDir = "/var/lib/crowdstrike"

// Env is a process environment. It is passed as a value because programs must
// behave the same in a test as in a container.
type Env map[string]string

// ParseEnv reads KEY=value lines as os.Environ gives them.
func ParseEnv(lines []string) Env {
	env := Env{}
	for _, line := range lines {
		if key, value, ok := strings.Cut(line, "="); ok {
			env[key] = value
		}
	}
	return env
}

// Get returns the value of key, or fallback when it is unset or empty.
func (e Env) Get(key, fallback string) string {
	if value := e[key]; value != "" {
		return value
	}
	return fallback
}

// Option returns what FALCONCTL_OPT_<NAME> says, or else the --name= word of
// FALCONCTL_OPTS, which older installations use instead.
func (e Env) Option(name string) string {
	if value := e[OptionPrefix+name]; value != "" {
		return value
	}
	flag := "--" + strings.ToLower(name) + "="
	for _, word := range strings.Fields(e[EnvOptions]) {
		if value, ok := strings.CutPrefix(word, flag); ok {
			return value
		}
	}
	return ""
}

// Process is one run of a program: everything it may read and write.
type Process struct {
	Args []string
	Env  Env
	Out  io.Writer
	Err  io.Writer
}

// Program runs until it is done or ctx ends and returns the exit code.
type Program func(ctx context.Context, p Process) int
