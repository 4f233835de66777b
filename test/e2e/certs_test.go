//go:build e2e

package e2e

import (
	"encoding/base64"
	"fmt"
	"path/filepath"
	"testing"
)

// places is the answer of certs -o json.
type places []struct {
	Where, Fault string
	Certificates []struct {
		SHA256 string
		CA     bool
		Days   int
	}
}

func (l *lab) certs(t *testing.T) places {
	t.Helper()
	return read[places](t, l.mustFalcon(t, "certs", "-o", "json").stdout)
}

// TestCerts shows the certificates in their three places, and replaces them while pods are created.
func TestCerts(t *testing.T) {
	l := shared()
	l.install(t)
	ns := l.namespace(t, "certs")
	shown := l.mustFalcon(t, "certs")
	wantOrder(t, shown.stdout, "webhook injector.falcon-system.svc", "secret/injector-tls", "pod/injector-", "pod/injector-")
	wantNarrow(t, shown.stdout)
	first := l.certs(t)
	if len(first) != 4 || first[0].Certificates[0].Days < 3640 {
		t.Fatalf("certs shows %+v", first)
	}
	one, pods := first[2].Certificates[0].SHA256, l.injectors(t)
	if one != first[1].Certificates[0].SHA256 || one != first[3].Certificates[0].SHA256 {
		t.Errorf("the Secret and the pods differ: %+v", first)
	}

	done := l.creating(t, ns)
	rotated := l.mustFalcon(t, "certs", "rotate", "--cert-validity", "60d")
	done()
	wantOrder(t, rotated.stdout, "secret/injector-tls configured", "deployment/injector configured", "mutatingwebhookconfiguration/injector.falcon-system.svc configured")
	second := l.certs(t)
	if second[2].Certificates[0].SHA256 == one || len(second[0].Certificates) != 1 || second[0].Certificates[0].Days != 59 {
		t.Errorf("after the rotation certs shows %+v", second)
	}
	if l.injectors(t) == pods {
		t.Error("the injector was not rolled")
	}
	l.pod(t, ns, "after")
	wantContains(t, "pods", l.kubectl(t, "get", "pods", "-n", ns), "2/2")

	again := l.mustFalcon(t, good()...)
	wantNone(t, "an install after the rotation", again.stdout, "created", "configured")
	done = l.creating(t, ns)
	renewed := l.mustFalcon(t, good("--renew-before", "90d")...)
	done()
	wantContains(t, "install --renew-before", renewed.stdout, "secret/injector-tls configured", "deployment/injector configured")
	third := l.certs(t)
	if third[2].Certificates[0].SHA256 == second[2].Certificates[0].SHA256 || len(third[0].Certificates) != 1 || third[0].Certificates[0].Days < 3640 {
		t.Errorf("after the renewal certs shows %+v", third)
	}
}

// tlsFiles are a certificate, its key and its authority, as the plugin makes them.
func (l *lab) tlsFiles(t *testing.T) (dir string) {
	t.Helper()
	list := read[struct {
		Items []struct {
			Metadata struct{ Name string }
			Data     map[string]string
		}
	}](t, l.mustFalcon(t, good("--dry-run=client", "-o", "json", "--show-secrets")...).stdout)
	for _, item := range list.Items {
		if item.Metadata.Name != "injector-tls" {
			continue
		}
		for name, value := range item.Data {
			content, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				t.Fatal(err)
			}
			path := write(t, name, string(content))
			// Each file has a folder of its own; they belong together.
			if dir == "" {
				dir = filepath.Dir(path)
			} else {
				rename(t, path, filepath.Join(dir, name))
			}
		}
	}
	return dir
}

func (l *lab) secretOf(t *testing.T, name, certificate, key, ca string) {
	t.Helper()
	l.kubectl(t, "create", "secret", "generic", name, "-n", "falcon-system", "--from-file="+filepath.Join(certificate, "tls.crt"),
		"--from-file="+filepath.Join(key, "tls.key"), "--from-file="+filepath.Join(ca, "ca.crt"))
}

// TestOwnCertificate installs with a certificate from elsewhere, after others that cannot serve.
func TestOwnCertificate(t *testing.T) {
	l := shared()
	l.kubectl(t, "create", "namespace", "falcon-system")
	t.Cleanup(func() { l.kubectl(t, "delete", "namespace", "falcon-system") })
	l.uninstallAtEnd(t)
	one, two := l.tlsFiles(t), l.tlsFiles(t)
	l.secretOf(t, "wrong-key", one, two, one)
	l.secretOf(t, "wrong-authority", one, one, two)
	l.secretOf(t, "mine", one, one, one)
	same := l.unchanged(t, "certificates that cannot serve")
	for name, words := range map[string]string{
		"wrong-key":       "private key does not match public key",
		"wrong-authority": "signed by unknown authority",
		"absent":          `there is no secret "absent" in namespace falcon-system`,
	} {
		r := l.falcon(t, good("--tls-secret", name)...)
		wantCode(t, r, 2)
		wantContains(t, name, unfolded(r.stderr), "--tls-secret", words)
	}
	same()
	l.mustFalcon(t, good("--tls-secret", "mine")...)
	ns := l.namespace(t, "own-certificate")
	l.pod(t, ns, "one")
	wantContains(t, "pods", l.kubectl(t, "get", "pods", "-n", ns), "2/2")
	wantContains(t, "the injector", l.kubectl(t, "get", "deployment/injector", "-n", "falcon-system", "-o", "jsonpath={.spec.template.spec.volumes}"), `"secretName":"mine"`)
	wantContains(t, "certs", l.mustFalcon(t, "certs").stdout, "secret/mine")
	s := l.falcon(t, "status", "-o", "json")
	state := read[map[string]any](t, s.stdout)
	if s.code != 0 || fmt.Sprint(state["trusted"]) != "true" || state["certificateDays"].(float64) < 3640 {
		t.Errorf("status of an injector with its own certificate: %v", s)
	}
	r := l.falcon(t, "certs", "rotate")
	wantCode(t, r, 1)
	wantContains(t, "rotate", unfolded(r.stderr), "secret/mine, which kubectl falcon did not make")
	l.mustFalcon(t, "uninstall")
	l.kubectl(t, "get", "secret/mine", "-n", "falcon-system")
}
