package kube

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// k9s passes on what KUBECONFIG has as --kubeconfig, with all its files.
func TestKubeconfigMayBeSeveralFilesAsTheVariable(t *testing.T) {
	folder := t.TempDir()
	one := func(name, context string) string {
		path := filepath.Join(folder, name)
		content := "{apiVersion: v1, kind: Config, contexts: [{name: " + context + ", context: {cluster: c}}]}"
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b, odd := one("a", "first"), one("b", "second"), one("with"+string(os.PathListSeparator)+"sign", "third")
	for given, want := range map[string]string{
		a: "first", a + string(os.PathListSeparator) + b: "first second",
		a + string(os.PathListSeparator) + filepath.Join(folder, "absent"): "first", odd: "third",
	} {
		f := NewFlags()
		f.file = given
		raw, err := f.Loader().RawConfig()
		if err != nil {
			t.Errorf("%s: %v", given, err)
		}
		var got []string
		for name := range raw.Contexts {
			got = append(got, name)
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q", given, got)
		}
	}
}

func TestTargetTypesAreThoseThatAreUnderstood(t *testing.T) {
	for begins, want := range map[string]string{
		"": "cronjob daemonset deployment job pod replicaset statefulset", "d": "daemonset deployment", "D": "daemonset deployment",
		"po": "pod", "sts": "sts", "pods": "pods", "x": "",
	} {
		got := TargetTypes(begins)
		if strings.Join(got, " ") != want {
			t.Errorf("%q: %q", begins, got)
		}
		for _, word := range got {
			if _, known := TargetResource(word); !known {
				t.Errorf("%s has no resource", word)
			}
			if _, _, err := ParseTarget(word + "/x"); err != nil {
				t.Errorf("%s: %v", word, err)
			}
		}
	}
	for word, kind := range targets {
		if of, known := TargetResource(word); !known || !strings.EqualFold(of.Resource, kind+"s") {
			t.Errorf("%s: %v", word, of)
		}
	}
}
