package manifest

import (
	"strings"
	"testing"
)

// A Secret that install makes goes with the options, and must not be the one that they name.
func TestReservedNames(t *testing.T) {
	for name, want := range map[string]string{
		SecretName:                    `--tls-secret: "injector-tls" is the name of a Secret that install makes itself`,
		ConfigMapName + "-0123456789": "is the name of a Secret that install makes itself",
		"pull":                        `--tls-secret and --pull-secret are both "pull"`,
		"injector-tls-mine":           "",
		"mine":                        "",
	} {
		o := Defaults()
		o.CID, o.Image, o.PullSecret, o.TLSSecret = "0123456789ABCDEF0123456789ABCDEF-12", "falcon:7", "pull", name
		err := o.Validate()
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
