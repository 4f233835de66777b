package manifest

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

const (
	// falconctlPrefix begins the keys that the injector hands to each sensor.
	falconctlPrefix = "FALCONCTL_OPT_"
	tokenKey        = falconctlPrefix + "PROVISIONING_TOKEN"
	// on is how the vendor's keys say yes.
	on = "T"

	// PullSecretKey is the setting with the name of the pull secret that sidecars get.
	PullSecretKey = "FALCON_IMAGE_PULL_SECRET"
	// PodsOptInKey is the setting by which only pods that ask for the sensor get it, if it is PodsOptInValue.
	PodsOptInKey   = "INJECTION_DEFAULT_DISABLED"
	PodsOptInValue = on
)

// configuration is the injector's: the settings, and those that are secret, or nil if none is. Both are
// immutable and named after their content. The injector reads them only when it starts, so this rolls the
// pods exactly when something changes, and no pod ever restarts into another's configuration.
func configuration(o Options) (*corev1.ConfigMap, *corev1.Secret) {
	data, immutable := settings(o), true
	name := ConfigMapName + "-" + contentHash(data, o.ProvisioningToken)
	config := &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(name),
		Immutable:  &immutable,
		Data:       data,
	}
	if o.ProvisioningToken == "" {
		return config, nil
	}
	immutableToo := true
	return config, &corev1.Secret{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "Secret"},
		ObjectMeta: meta(name),
		Immutable:  &immutableToo,
		Type:       corev1.SecretTypeOpaque,
		Data:       map[string][]byte{tokenKey: []byte(o.ProvisioningToken)},
	}
}

// settings are the vendor's keys, without the secret ones.
func settings(o Options) map[string]string {
	data := map[string]string{
		"CP_NAMESPACE":                Namespace,
		"FALCON_IMAGE":                o.Image,
		"FALCON_IMAGE_PULL_POLICY":    string(o.PullPolicy),
		"FALCON_INJECTOR_LISTEN_PORT": strconv.Itoa(int(o.Port)),
		falconctlPrefix + "CID":       o.CID,
	}
	set := func(key, value string) {
		if value != "" {
			data[key] = value
		}
	}
	set(PullSecretKey, o.PullSecret)
	set("FALCON_RESOURCES", encoded(o.SensorResources))
	if o.MountPath == mountFalcon {
		data["FALCON_MOUNT_ENABLED"] = on
	}
	if o.PodInjection == OptIn {
		data[PodsOptInKey] = PodsOptInValue
	}
	// The order of tags means nothing, so another one must not roll the pods.
	tags := slices.Compact(slices.Sorted(slices.Values(o.Tags)))
	set(falconctlPrefix+"TAGS", strings.Join(tags, ","))
	set(falconctlPrefix+"TRACE", o.Trace)
	set(falconctlPrefix+"BILLING", o.Billing)
	set(falconctlPrefix+"APH", o.ProxyHost)
	if o.ProxyPort != 0 {
		data[falconctlPrefix+"APP"] = strconv.Itoa(int(o.ProxyPort))
	}
	set(falconctlPrefix+"APD", o.ProxyDisable)
	for key, value := range o.Falconctl {
		data[falconctlPrefix+key] = value
	}
	return data
}

// encoded is how the injector reads resources, or nothing if none are set.
func encoded(r corev1.ResourceRequirements) string {
	if len(r.Requests) == 0 && len(r.Limits) == 0 {
		return ""
	}
	// Quantities always marshal, and maps do with their keys in order.
	content, _ := json.Marshal(r)
	return base64.StdEncoding.EncodeToString(content)
}

// contentHash names a configuration with 10 hexadecimal digits.
func contentHash(data map[string]string, token string) string {
	// Strings always marshal, and maps do with their keys in order.
	content, _ := json.Marshal([]any{data, stretched(token)})
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])[:10]
}

// stretched makes it slow to find the token from the name of its configuration, which more people may
// read than the Secret: a token has only 32 bits, and a plain hash of each is a matter of seconds.
func stretched(token string) string {
	if token == "" {
		return ""
	}
	sum := sha256.Sum256([]byte(token))
	for range 1 << 18 {
		sum = sha256.Sum256(append(sum[:], token...))
	}
	return hex.EncodeToString(sum[:])
}

// registryCA is where the vendor's chart puts it: the injector looks up images at their registries itself.
func registryCA(o Options) *corev1.ConfigMap {
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(RegistryCAName),
		Data:       map[string]string{corev1.TLSCertKey: string(o.RegistryCA)},
	}
}
