package manifest

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"unicode"

	corev1 "k8s.io/api/core/v1"
)

const (
	// maxTags is how long the tags may be together, with the commas between them.
	maxTags = 256

	mountTmp    = "/tmp"
	mountFalcon = "/falcon"
)

var (
	tokenForm     = regexp.MustCompile(`^[0-9a-fA-F]{8}$`)
	tagForm       = regexp.MustCompile(`^[a-zA-Z0-9/_-]+$`)
	hostForm      = regexp.MustCompile(`^[a-zA-Z0-9]([a-zA-Z0-9._-]*[a-zA-Z0-9])?$`)
	falconctlForm = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
)

// ownFlag are the options of falconctl that have a flag here. Two ways to say one thing could say two.
var ownFlag = map[string]string{
	"CID":                "--cid",
	"PROVISIONING_TOKEN": "--provisioning-token",
	"TAGS":               "--tags",
	"TRACE":              "--trace",
	"BILLING":            "--billing",
	"APH":                "--proxy-host",
	"APP":                "--proxy-port",
	"APD":                "--proxy-disable",
}

func (o *Options) checkToken() error {
	if o.ProvisioningToken != "" && !tokenForm.MatchString(o.ProvisioningToken) {
		return bad("copy it from the Falcon console, under installation tokens",
			"--provisioning-token: it is not a token: it has 8 hexadecimal digits (what was given is not shown)")
	}
	return nil
}

func (o *Options) checkTags() error {
	const next = "write tags of letters, digits, slashes, dashes and underscores, with commas between them: --tags prod,eu/web"
	if len(o.Tags) == 0 {
		return nil
	}
	all := strings.Join(o.Tags, ",")
	for tag := range strings.SplitSeq(all, ",") {
		switch {
		case tag == "":
			return bad(next, "--tags: one of the tags is empty")
		case !tagForm.MatchString(tag):
			return bad(next, "--tags: %q is not a tag", tag)
		}
	}
	if len(all) > maxTags {
		return bad("leave some out, or shorten them",
			"--tags: they have %d characters with their commas, and the sensor takes %d", len(all), maxTags)
	}
	return nil
}

func (o *Options) checkTraceAndBilling() error {
	if o.Trace != "" {
		if err := oneOf("--trace", o.Trace, "none", "err", "warn", "info", "debug"); err != nil {
			return err
		}
	}
	if o.Billing != "" {
		return oneOf("--billing", o.Billing, "default", "metered")
	}
	return nil
}

func (o *Options) checkProxy() error {
	if o.ProxyHost != "" {
		if err := checkHost(o.ProxyHost); err != nil {
			return err
		}
	}
	switch {
	case o.ProxyPort < 0 || o.ProxyPort > 65535:
		return bad("give one from 1 to 65535", "--proxy-port: %d is not a port", o.ProxyPort)
	case o.ProxyPort != 0 && o.ProxyHost == "":
		return bad("give the proxy with --proxy-host, too", "--proxy-port: %d has no proxy to go with", o.ProxyPort)
	}
	if o.ProxyDisable != "" {
		return oneOf("--proxy-disable", o.ProxyDisable, "true", "false")
	}
	return nil
}

// checkHost is about the proxy's name. People paste what their browser takes, which may hold a password.
func checkHost(host string) error {
	const next = "write only the name or address of the proxy: --proxy-host proxy.example.com"
	name, _, splits := net.SplitHostPort(host)
	_, addressFault := netip.ParseAddr(host)
	switch {
	case strings.Contains(host, "@"):
		return bad(next, "--proxy-host: the sensor takes no user or password for a proxy")
	case strings.Contains(host, "://"):
		return bad(next, "--proxy-host: %q is a URL, not a host", host)
	case strings.ContainsFunc(host, unicode.IsSpace):
		return bad(next, "--proxy-host: %q has a space in it", host)
	case addressFault == nil || hostForm.MatchString(host):
		return nil
	case splits == nil && name != "":
		return bad("write the port with --proxy-port", "--proxy-host: %q has a port in it", host)
	}
	return bad(next, "--proxy-host: %q is not a host", host)
}

// checkFalconctl shows only keys: what else the sensor takes may be secret.
func (o *Options) checkFalconctl() error {
	for _, key := range slices.Sorted(maps.Keys(o.Falconctl)) {
		upper := strings.ToUpper(strings.ReplaceAll(key, "-", "_"))
		if bare, ok := strings.CutPrefix(upper, falconctlPrefix); ok {
			return bad("write --falconctl-opt "+bare+"=VALUE", "--falconctl-opt: %q has a prefix that is put there anyway", key)
		}
		if flag, ok := ownFlag[upper]; ok {
			return bad("give it with "+flag, "--falconctl-opt: %s has a flag of its own, %s", key, flag)
		}
		if !falconctlForm.MatchString(key) {
			return bad("write it in upper-case letters, digits and underscores: --falconctl-opt FEATURE=VALUE",
				"--falconctl-opt: %q is not an option", key)
		}
	}
	return nil
}

func (o *Options) checkMountPath() error {
	return oneOf("--mount-path", o.MountPath, mountTmp, mountFalcon)
}

func (o *Options) checkSensorResources() error {
	return checkResources("--sensor", o.SensorResources)
}

// checkResources finds what the API server would refuse. For the sidecars it would do so with every pod.
func checkResources(flag string, r corev1.ResourceRequirements) error {
	for _, part := range []struct {
		name string
		list corev1.ResourceList
	}{{"request", r.Requests}, {"limit", r.Limits}} {
		for _, name := range slices.Sorted(maps.Keys(part.list)) {
			amount := part.list[name]
			if !knownResource(name) {
				return bad("the resources are cpu, memory and ephemeral-storage",
					"%s resources: %q is not one", flag, name)
			}
			if amount.Sign() < 0 {
				return bad("give an amount such as 100m of cpu or 128Mi of memory",
					"%s-%s-%s: it is negative: %s", flag, name, part.name, amount.String())
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Requests)) {
		request := r.Requests[name]
		if limit, ok := r.Limits[name]; ok && request.Cmp(limit) > 0 {
			return bad(fmt.Sprintf("raise the limit to %s or more, or lower the request", request.String()),
				"%s-%s-request: %s is more than the limit, %s", flag, name, request.String(), limit.String())
		}
	}
	return nil
}

// knownResource takes what a container can have; one with a domain is for the cluster to know.
func knownResource(name corev1.ResourceName) bool {
	switch name {
	case corev1.ResourceCPU, corev1.ResourceMemory, corev1.ResourceEphemeralStorage:
		return true
	}
	return strings.Contains(string(name), "/") || strings.HasPrefix(string(name), corev1.ResourceHugePagesPrefix)
}
