package verify

import (
	"path"
	"slices"
	"strings"

	"github.com/distribution/reference"
	corev1 "k8s.io/api/core/v1"
)

// judgePullSecret looks at the pull secret in the injector's namespace, which is the one that copies are of.
func judgePullSecret(v *View, c *Config) Outcome {
	s := v.Main.PullSecret
	if c.PullSecret == "" {
		return passed()
	}
	if s == nil {
		return skipped("the pull secret %s was not seen", c.PullSecret)
	}
	object := v.Main.Namespace + "/secret/" + c.PullSecret
	hint := remake(c.PullSecret, v.Main.Namespace)
	f := func(format string, args ...any) Outcome {
		one := finding(object, format, args...)
		one.Hint, one.Command = "make the pull secret anew from a docker config with credentials for the registry", hint
		if s.Type != "" {
			one.Command = "kubectl delete secret -n " + v.Main.Namespace + " " + c.PullSecret + " && " + hint
		}
		return found(one)
	}
	switch {
	case s.Type == "" && len(s.In) == 0 && v.sensorPulled() != "":
		// The guide's installer and the operator name one whether or not there is any: nodes of a cloud
		// pull from its registry without.
		return skipped("there is no secret %s, and sensors are pulled without it", c.PullSecret)
	case s.Type == "" && len(s.In) == 0:
		return f("pods are told to pull with the secret %s, which is nowhere", c.PullSecret)
	case s.Type == "":
		return undecided("there is no secret %s in namespace %s, where it can be looked at", c.PullSecret, v.Main.Namespace)
	case s.Type != string(corev1.SecretTypeDockerConfigJson) && s.Type != string(corev1.SecretTypeDockercfg):
		return f("its type is %s, with which nothing can be pulled", s.Type)
	case s.Unreadable:
		return f("its content is no docker config")
	}
	named, unread := parsedImage(c)
	if unread != nil {
		return *unread
	}
	if slices.ContainsFunc(s.Hosts, func(key string) bool { return credentialsFor(key, named) }) {
		return passed()
	}
	if len(s.Hosts) == 0 {
		return f("it has no credentials, and the image is from %s", reference.Domain(named))
	}
	return f("it has credentials for %s, and the image is from %s", strings.Join(s.Hosts, ", "), reference.Domain(named))
}

// credentialsFor says whether a key of a docker config is for an image, as a kubelet decides it: the host
// may have wildcards between dots, a port must be the same, and a path is the beginning of the image's.
func credentialsFor(key string, image reference.Named) bool {
	key = strings.TrimPrefix(strings.TrimPrefix(key, "https://"), "http://")
	host, rest, _ := strings.Cut(key, "/")
	if host == "index.docker.io" {
		host = "docker.io"
	}
	// What older clients write behind the host is no path of an image.
	rest = strings.TrimSuffix(strings.TrimSuffix(rest, "/"), "v1")
	rest = strings.TrimSuffix(rest, "v2")
	if !strings.HasPrefix(reference.Path(image), rest) {
		return false
	}
	want, have := strings.Split(host, "."), strings.Split(reference.Domain(image), ".")
	if len(want) != len(have) {
		return false
	}
	for n := range want {
		if ok, err := path.Match(want[n], have[n]); err != nil || !ok {
			return false
		}
	}
	return true
}

// remake is the command that makes a pull secret without its content on the command line.
func remake(name, namespace string) string {
	return "kubectl create secret generic " + name + " -n " + namespace +
		" --type=kubernetes.io/dockerconfigjson --from-file=.dockerconfigjson=FILE"
}

// sensorPulled returns a namespace in which the sensor's image has been pulled, or nothing.
func (v *View) sensorPulled() string {
	for n := range v.Pods {
		if s := v.Pods[n].Sidecar; s != nil && (s.Ready || s.ImageID != "") {
			return v.Pods[n].Namespace
		}
	}
	return ""
}

func judgePullSecretCopies(v *View, c *Config) Outcome {
	switch {
	case c.PullSecret == "":
		return passed()
	case v.Main.PullSecret == nil:
		return skipped("the pull secret %s was not seen", c.PullSecret)
	case v.Main.PullSecret.Type == "" && len(v.Main.PullSecret.In) == 0:
		return skipped("there is no secret %s in any namespace (FC506)", c.PullSecret)
	}
	var all []said
	covered := v.covered()
	for _, name := range covered {
		if v.lacksPullSecret(name) {
			all = append(all, said{name, remark{why: "it has no secret " + c.PullSecret + ", with which the sensor is pulled",
				hint:    "copy it there; kubectl falcon install --pull-secret-file does that for every namespace in scope",
				command: remake(c.PullSecret, anyNamespace)}})
		}
	}
	return found(perNamespace(all, len(covered), v.common())...)
}

// lacksPullSecret says whether a covered namespace lacks the pull secret that others have: then FC507
// reports it, and what follows from it is not reported again.
func (v *View) lacksPullSecret(namespace string) bool {
	if v.Main == nil || v.Main.Config == nil || v.Main.PullSecret == nil || v.Main.Config.PullSecret == "" {
		return false
	}
	s := v.Main.PullSecret
	if _, denied := v.denied("list secrets"); denied || s.Type == "" && len(s.In) == 0 {
		return false
	}
	return v.ScopeOf(namespace).Covered && !slices.Contains(s.In, namespace)
}
