package manifest

import (
	"strings"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Keys of the record.
const (
	// RecordVersion is the version of this program.
	RecordVersion = "version"
	// RecordImage is the sensor image.
	RecordImage = "image"
	// RecordInputs is what the user set: YAML, by the name of the flag.
	RecordInputs = "inputs"
	// RecordObjects is what was made: a line kind/name each, in the order of application.
	RecordObjects = "objects"
)

// RecordsPullSecret says whether a record is of an installation that made pull secrets.
func RecordsPullSecret(record *corev1.ConfigMap) bool {
	var inputs map[string]string
	// Whoever has written something else into it has not made one here.
	if err := yaml.Unmarshal([]byte(record.Data[RecordInputs]), &inputs); err != nil {
		return false
	}
	return inputs["pull-secret"] != "" || inputs["pull-secret-file"] != ""
}

// record says what was installed. There is no time in it, so that a second run changes nothing, and no
// secret, since more people may read it than Secrets.
func record(o Options, given Given, plan Plan) *corev1.ConfigMap {
	inputs := map[string]string{}
	for name, value := range o.Inputs {
		// The caller leaves secrets out; this is for the day on which it forgets.
		if o.ProvisioningToken == "" || !strings.Contains(value, o.ProvisioningToken) {
			inputs[name] = value
		}
	}
	// A map of strings always marshals, with its keys in order.
	text, _ := yaml.Marshal(inputs)
	var objects strings.Builder
	for _, object := range append(append([]kube.Object{}, plan.Objects...), plan.Webhook) {
		// A namespace that somebody else made is not part of the installation.
		if Ours(object) {
			objects.WriteString(kube.Describe(object) + "\n")
		}
	}
	return &corev1.ConfigMap{
		TypeMeta:   metav1.TypeMeta{APIVersion: "v1", Kind: "ConfigMap"},
		ObjectMeta: meta(RecordName),
		Data: map[string]string{
			RecordVersion: given.Version,
			RecordImage:   o.Image,
			RecordInputs:  string(text),
			RecordObjects: objects.String(),
		},
	}
}
