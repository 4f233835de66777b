package pki

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

func newAuthority(t *testing.T) *Authority {
	t.Helper()
	a, err := NewAuthority()
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// parse returns the certificate of a pair whose key belongs to it.
func parse(t *testing.T, p Pair, err error) *x509.Certificate {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	both, err := tls.X509KeyPair(p.Cert, p.Key)
	if err != nil {
		t.Fatal(err)
	}
	return both.Leaf
}

func verify(a *Authority, c *x509.Certificate, usage x509.ExtKeyUsage, host string) error {
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(a.PEM)
	_, err := c.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{usage}, DNSName: host})
	return err
}

func TestClient(t *testing.T) {
	a := newAuthority(t)
	pair, err := a.Client("system:node:lab-x", "a-group", "system:nodes")
	c := parse(t, pair, err)
	if err := verify(a, c, x509.ExtKeyUsageClientAuth, ""); err != nil {
		t.Error(err)
	}
	// Kubernetes reads the user from the common name and the groups from the organisations.
	if c.Subject.CommonName != "system:node:lab-x" || !slices.Equal(c.Subject.Organization, []string{"a-group", "system:nodes"}) {
		t.Errorf("subject %s", c.Subject)
	}
	if err := verify(a, c, x509.ExtKeyUsageServerAuth, ""); err == nil {
		t.Error("a client could serve with its certificate")
	}
	if err := verify(newAuthority(t), c, x509.ExtKeyUsageClientAuth, ""); err == nil {
		t.Error("another lab accepts it")
	}
	plain, err := a.Client("system:kube-scheduler")
	if got := parse(t, plain, err); len(got.Subject.Organization) != 0 || got.SerialNumber.Cmp(c.SerialNumber) == 0 {
		t.Errorf("subject %s, serial %s after %s", got.Subject, got.SerialNumber, c.SerialNumber)
	}
}

func TestServer(t *testing.T) {
	a := newAuthority(t)
	hosts := []string{"localhost", "kubernetes.default.svc", "127.0.0.1", "10.96.0.1", "::1"}
	pair, err := a.Server("kube-apiserver", hosts...)
	c := parse(t, pair, err)
	for _, host := range hosts {
		if err := verify(a, c, x509.ExtKeyUsageServerAuth, host); err != nil {
			t.Error(err)
		}
	}
	for _, host := range []string{"kube-apiserver", "10.96.0.2", "example.org"} {
		if err := verify(a, c, x509.ExtKeyUsageServerAuth, host); err == nil {
			t.Errorf("it is good for %s too", host)
		}
	}
	// An address among the names is what some clients refuse.
	if len(c.IPAddresses) != 3 || !slices.Equal(c.DNSNames, hosts[:2]) {
		t.Errorf("addresses %v, names %q", c.IPAddresses, c.DNSNames)
	}
	if err := verify(a, c, x509.ExtKeyUsageClientAuth, ""); err == nil {
		t.Error("a server could log in with its certificate")
	}
}

// The controller manager signs with the authority's key file, so it must belong to the certificate.
func TestAuthority(t *testing.T) {
	a := newAuthority(t)
	key, err := a.KeyPEM()
	c := parse(t, Pair{Cert: a.PEM, Key: key}, err)
	if !c.IsCA || c.KeyUsage&x509.KeyUsageCertSign == 0 {
		t.Error("it may not sign")
	}
	client, err := a.Client("user")
	for what, c := range map[string]*x509.Certificate{"authority": c, "client": parse(t, client, err)} {
		if now := time.Now(); c.NotBefore.After(now.Add(-time.Minute)) || c.NotAfter.Before(now.Add(29*24*time.Hour)) {
			t.Errorf("%s is valid from %s to %s", what, c.NotBefore, c.NotAfter)
		}
	}
}

func TestSigningKey(t *testing.T) {
	private, public, err := NewSigningKey()
	if err != nil {
		t.Fatal(err)
	}
	privateBlock, _ := pem.Decode(private)
	publicBlock, _ := pem.Decode(public)
	if privateBlock == nil || publicBlock == nil || publicBlock.Type != "PUBLIC KEY" {
		t.Fatalf("not PEM:\n%s%s", private, public)
	}
	key, err := x509.ParsePKCS8PrivateKey(privateBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	want, err := x509.ParsePKIXPublicKey(publicBlock.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := key.(*ecdsa.PrivateKey); !ok || !got.PublicKey.Equal(want) {
		t.Error("the public key is another's")
	}
}

func TestWriteKubeconfig(t *testing.T) {
	a := newAuthority(t)
	pair, err := a.Client("lab-admin", "system:masters")
	parse(t, pair, err)
	path := filepath.Join(t.TempDir(), "kubeconfig")
	if err := a.WriteKubeconfig(path, "falcon-lab-x", "https://127.0.0.1:1234", pair); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	raw, err := clientcmd.LoadFromFile(path)
	if err != nil || raw.CurrentContext != "falcon-lab-x" {
		t.Fatalf("context %q, %v", raw.CurrentContext, err)
	}
	config, err := clientcmd.BuildConfigFromFlags("", path)
	if err != nil {
		t.Fatal(err)
	}
	tlsConfig := config.TLSClientConfig
	if config.Host != "https://127.0.0.1:1234" || tlsConfig.Insecure || string(tlsConfig.CAData) != string(a.PEM) ||
		string(tlsConfig.CertData) != string(pair.Cert) || string(tlsConfig.KeyData) != string(pair.Key) {
		t.Errorf("it makes %s", config)
	}
}
