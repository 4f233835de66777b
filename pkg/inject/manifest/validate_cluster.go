package manifest

import (
	"maps"
	"slices"
	"strings"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
)

const (
	failIgnore = admissionv1.Ignore

	// Below lowestPort is privileged for the injector's user; above highestPort nodes lend ports out.
	lowestPort, highestPort = 1024, 32767
	// longestTimeout is the API server's.
	longestTimeout = 30
	// ShortestValidity leaves the time to notice and renew.
	ShortestValidity = 24 * time.Hour
)

func (o *Options) checkScope() error {
	if err := oneOf("--namespace-injection", string(o.NamespaceInjection), string(All), string(OptIn)); err != nil {
		return err
	}
	return oneOf("--pod-injection", string(o.PodInjection), string(All), string(OptIn))
}

func (o *Options) checkExcluded() error {
	for _, name := range o.ExcludeNamespaces {
		if err := checkNamespaceName("--exclude-namespace", name); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) checkFailure() error {
	err := oneOf("--failure-policy", string(o.FailurePolicy), string(admissionv1.Fail), string(failIgnore))
	if err == nil && (o.TimeoutSeconds < 1 || o.TimeoutSeconds > longestTimeout) {
		err = bad("give one from 1 to 30", "--timeout-seconds: %d is not what API servers wait", o.TimeoutSeconds)
	}
	return err
}

func (o *Options) checkPods() error {
	switch {
	case o.Replicas < 1:
		return bad("give 1 or more; 2 survive the loss of a node",
			"--replicas: with %d of them no injector answers", o.Replicas)
	case o.Port >= 1 && o.Port < lowestPort:
		return bad("give one from 1024 to 32767",
			"--port: %d is privileged, and the injector does not run as root", o.Port)
	case o.Port < lowestPort || o.Port > highestPort:
		return bad("give one from 1024 to 32767", "--port: %d is not a port for the injector", o.Port)
	}
	return nil
}

func (o *Options) checkPlacement() error {
	const fargateNext = "leave it out, or leave out --fargate; the Fargate profile says which pods run there"
	switch {
	case o.Fargate && len(o.NodeSelector) > 0:
		return bad(fargateNext, "--node-selector does not go with --fargate: Fargate pods run on nodes of their own")
	case o.Fargate && len(o.Tolerations) > 0:
		return bad(fargateNext, "--toleration does not go with --fargate: Fargate pods run on nodes of their own")
	}
	for _, key := range slices.Sorted(maps.Keys(o.NodeSelector)) {
		if err := checkKey("--node-selector", key); err != nil {
			return err
		}
		if wrong := content.IsLabelValue(o.NodeSelector[key]); len(wrong) > 0 {
			return bad("use up to 63 letters, digits, dashes, underscores and dots, with a letter or digit at both ends",
				"--node-selector: %q cannot be the value of a label", o.NodeSelector[key])
		}
	}
	if o.PriorityClass != "" {
		return checkName("--priority-class", o.PriorityClass)
	}
	return nil
}

func (o *Options) checkAnnotations() error {
	for _, key := range slices.Sorted(maps.Keys(o.ServiceAccountAnnotations)) {
		// Annotations may be in upper case where labels may not: in the domain.
		if err := checkKey("--service-account-annotation", strings.ToLower(key)); err != nil {
			return bad("write it as KEY=VALUE or DOMAIN/KEY=VALUE", "--service-account-annotation: %q cannot be a key", key)
		}
	}
	return nil
}

func (o *Options) checkInjectorResources() error {
	return checkResources("--injector", o.InjectorResources)
}

func (o *Options) checkCertificates() error {
	if o.TLSSecret != "" {
		if err := checkSecretName("--tls-secret", o.TLSSecret); err != nil {
			return err
		}
		if o.TLSSecret == o.PullSecret {
			return bad("name two Secrets", "--tls-secret and --pull-secret are both %q, and a Secret cannot be both", o.TLSSecret)
		}
	}
	if o.CertManager != "" {
		const next = "write it as NAMESPACE/NAME, the two of the Certificate"
		namespace, name, ok := strings.Cut(o.CertManager, "/")
		if !ok || checkNamespaceName("", namespace) != nil || checkName("", name) != nil {
			return bad(next, "--cert-manager: %q does not name a Certificate", o.CertManager)
		}
		if o.TLSSecret == "" {
			return bad("give the Secret that cert-manager writes (the Certificate's spec.secretName) with --tls-secret",
				"--cert-manager: the injector needs the Secret of %s, too", o.CertManager)
		}
	}
	if o.CertValidity < ShortestValidity {
		return bad("give 24h or more", "--cert-validity: %s is too short to renew a certificate in", o.CertValidity)
	}
	return nil
}
