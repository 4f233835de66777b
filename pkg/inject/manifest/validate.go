package manifest

import (
	"regexp"
	"slices"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/validate/content"
	"k8s.io/apimachinery/pkg/util/validation"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/problem"
)

// cidForm is the customer id with checksum; the checksum's algorithm is not public, so only the shape
// can be checked (vendor's chart, values.schema.json).
var cidForm = regexp.MustCompile(`^[0-9a-fA-F]{32}-[0-9a-fA-F]{2}$`)

// Validate returns the first thing about the options that cannot be meant, and what it should be. Secrets
// are never in what it says.
func (o *Options) Validate() error {
	for _, check := range []func() error{
		o.checkCID, o.checkImage, o.checkPullSecret, o.checkRegistryCA,
		o.checkToken, o.checkTags, o.checkTraceAndBilling, o.checkProxy, o.checkFalconctl,
		o.checkSensorResources, o.checkMountPath,
		o.checkScope, o.checkExcluded, o.checkFailure,
		o.checkPods, o.checkPlacement, o.checkAnnotations, o.checkInjectorResources,
		o.checkCertificates,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// bad is an option that cannot be meant, and how to write it.
func bad(next, format string, args ...any) error {
	return problem.New(problem.BadInput, next, format, args...)
}

// oneOf takes the value of a flag that knows only some words.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	return bad("write "+flag+" "+strings.Join(words, "|"), "%s: %q is none of its values", flag, value)
}

func (o *Options) checkCID() error {
	const next = "copy it whole from the Falcon console, under sensor downloads"
	switch {
	case o.CID == "":
		return bad(next, "the customer id is missing: give it with --cid")
	case !cidForm.MatchString(o.CID):
		return bad(next, "--cid: %q is not a customer id: it has 32 hexadecimal digits, a dash and 2 more", o.CID)
	}
	return nil
}

func (o *Options) checkImage() error {
	if o.Image == "" {
		return bad("it is the image that you pushed to your own registry",
			"the sensor image is missing: give it with --image REGISTRY/NAME:TAG")
	}
	if _, err := reference.ParseNormalizedNamed(o.Image); err != nil {
		return bad("write it as REGISTRY/NAME:TAG or REGISTRY/NAME@sha256:DIGEST",
			"--image: %q is not an image: %w", o.Image, err)
	}
	return oneOf("--pull-policy", string(o.PullPolicy),
		string(corev1.PullAlways), string(corev1.PullIfNotPresent), string(corev1.PullNever))
}

// Warnings are about what can be meant and is seldom wanted.
func (o *Options) Warnings() []string {
	var all []string
	if named, err := reference.ParseNormalizedNamed(o.Image); err == nil {
		_, pinned := named.(reference.Digested)
		tagged, ok := named.(reference.Tagged)
		const consequence = "pods of different days get different sensors; pin a digest (NAME@sha256:DIGEST)"
		switch {
		case pinned:
		case !ok:
			all = append(all, "--image: "+o.Image+" has no tag, which means latest: "+consequence)
		case tagged.Tag() == "latest":
			all = append(all, "--image: "+o.Image+" has the tag latest, which moves: "+consequence)
		}
	}
	if o.FailurePolicy == failIgnore {
		all = append(all, "--failure-policy Ignore: pods start unprotected while no injector answers")
	}
	if o.Replicas == 1 {
		all = append(all, "--replicas 1: while its one pod is down or moves, "+outage(o))
	}
	return all
}

// outage is what becomes of pods while no injector answers.
func outage(o *Options) string {
	if o.FailurePolicy == failIgnore {
		return "pods start unprotected; 2 survive the loss of a node"
	}
	return "no pod in scope can be created; 2 survive the loss of a node"
}

// checkName is about a flag that names an object.
func checkName(flag, name string) error {
	if wrong := validation.IsDNS1123Subdomain(name); len(wrong) > 0 {
		return bad("use lower-case letters, digits, dashes and dots, with a letter or digit at both ends",
			"%s: %q cannot be the name of an object", flag, name)
	}
	return nil
}

// checkSecretName is about a flag that names a Secret of the user's: those that are made here change and go
// with the options.
func checkSecretName(flag, name string) error {
	if err := checkName(flag, name); err != nil {
		return err
	}
	if name == SecretName || strings.HasPrefix(name, ConfigMapName+"-") {
		return bad("give the Secret another name, or leave the option out",
			"%s: %q is the name of a Secret that install makes itself", flag, name)
	}
	return nil
}

// checkNamespaceName is about a flag that names a namespace.
func checkNamespaceName(flag, name string) error {
	if wrong := validation.IsDNS1123Label(name); len(wrong) > 0 {
		return bad("use up to 63 lower-case letters, digits and dashes, with a letter or digit at both ends",
			"%s: %q cannot be the name of a namespace", flag, name)
	}
	return nil
}

// checkKey is about the key of a label or annotation.
func checkKey(flag, key string) error {
	if wrong := content.IsLabelKey(key); len(wrong) > 0 {
		return bad("write it as KEY or DOMAIN/KEY, of letters, digits, dashes, underscores and dots",
			"%s: %q cannot be a key", flag, key)
	}
	return nil
}

// IsCID says whether a text has the form of a customer id with its checksum.
func IsCID(text string) bool { return cidForm.MatchString(text) }
