package certs

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

const day = 24 * time.Hour

// begin is when fresh was made.
var begin = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// fresh is a set as an installation makes it; once, since RSA keys take their time.
var fresh = sync.OnceValues(func() (manifest.TLS, error) { return New(begin, 3650*day) })

func mustFresh(t *testing.T) manifest.TLS {
	t.Helper()
	c, err := fresh()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// issue makes a set that differs from a good one in what change does to the leaf.
func issue(t *testing.T, change func(leaf *x509.Certificate)) manifest.TLS {
	t.Helper()
	caKey, ca := newKey(t), authority(t)
	leaf, err := template(begin, 3650*day, manifest.WebhookName)
	if err != nil {
		t.Fatal(err)
	}
	leaf.DNSNames = ServiceNames()
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	change(leaf)
	key := newKey(t)
	keyPEM, err := marshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return manifest.TLS{CA: sign(t, ca, ca, caKey, caKey), Cert: sign(t, leaf, ca, key, caKey), Key: keyPEM}
}

func authority(t *testing.T) *x509.Certificate {
	t.Helper()
	ca, err := template(begin, 3650*day, "test ca")
	if err != nil {
		t.Fatal(err)
	}
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	return ca
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t *testing.T, cert, parent *x509.Certificate, key, by *ecdsa.PrivateKey) []byte {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), by)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

func TestFreshOnesAreUsableUntilAMonthBeforeTheirEnd(t *testing.T) {
	c, end := mustFresh(t), begin.Add(3650*day)
	tests := map[string]struct {
		now  time.Time
		says string // empty: usable
	}{
		"at once":                    {begin, ""},
		"a clock that is behind":     {begin.Add(-59 * time.Minute), ""},
		"a clock that is far behind": {begin.Add(-2 * time.Hour), "not yet valid"},
		"years later":                {begin.Add(9 * 365 * day), ""},
		"31 days before the end":     {end.Add(-31 * day), ""},
		"29 days before the end":     {end.Add(-29 * day), "29 days"},
		"an hour before the end":     {end.Add(-time.Hour), "0 days"},
		"after the end":              {end.Add(time.Minute), "expired"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, Usable(c, test.now, 30*day), test.says) })
	}
}

func check(t *testing.T, err error, says string) {
	t.Helper()
	switch {
	case says == "" && err != nil:
		t.Errorf("not usable: %v", err)
	case says != "" && err == nil:
		t.Errorf("usable, want %q", says)
	case says != "" && !strings.Contains(err.Error(), says):
		t.Errorf("%q does not say %q", err, says)
	}
}

func TestUsableKnowsWhatTheAPIServerWouldNotAccept(t *testing.T) {
	good := issue(t, func(*x509.Certificate) {})
	other := issue(t, func(*x509.Certificate) {})
	tests := map[string]struct {
		certs manifest.TLS
		says  string
	}{
		"a good set":             {good, ""},
		"nothing":                {manifest.TLS{}, "certificate and key"},
		"no authority":           {manifest.TLS{Cert: good.Cert, Key: good.Key}, "no certificate authority"},
		"a broken authority":     {manifest.TLS{CA: []byte("junk"), Cert: good.Cert, Key: good.Key}, "no certificate authority"},
		"no key":                 {manifest.TLS{CA: good.CA, Cert: good.Cert}, "certificate and key"},
		"a broken certificate":   {manifest.TLS{CA: good.CA, Cert: good.Cert[:60], Key: good.Key}, "certificate and key"},
		"the key of another":     {manifest.TLS{CA: good.CA, Cert: good.Cert, Key: other.Key}, "private key does not match"},
		"the authority of other": {manifest.TLS{CA: other.CA, Cert: good.Cert, Key: good.Key}, "unknown authority"},
		"another name": {issue(t, func(leaf *x509.Certificate) { leaf.DNSNames = []string{"injector.other.svc"} }),
			"injector.other.svc"},
		"a name in the subject alone": {issue(t, func(leaf *x509.Certificate) { leaf.DNSNames = nil }), "Common Name"},
		"a client's certificate": {issue(t, func(leaf *x509.Certificate) {
			leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
		}), "incompatible key usage"},
		"near its end": {issue(t, func(leaf *x509.Certificate) { leaf.NotAfter = begin.Add(10 * day) }), "10 days"},
		"expired":      {issue(t, func(leaf *x509.Certificate) { leaf.NotAfter = begin.Add(-time.Minute) }), "expired"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { check(t, Usable(test.certs, begin, 30*day), test.says) })
	}
}

// The API server dials the Service by this name and trusts the webhook's caBundle alone.
func TestFreshOnesServeTheAPIServer(t *testing.T) {
	c := mustFresh(t)
	if err := handshake(t, c, c.CA, "injector.falcon-system.svc"); err != nil {
		t.Errorf("by the Service's name: %v", err)
	}
	if err := handshake(t, c, c.CA, "injector.default.svc"); err == nil {
		t.Error("it serves a name that is not its own")
	}
	other := issue(t, func(*x509.Certificate) {})
	if err := handshake(t, c, other.CA, "injector.falcon-system.svc"); err == nil {
		t.Error("a client that trusts another authority accepts it")
	}
}

// handshake returns what a client that trusts the authority says to a server with the certificates.
func handshake(t *testing.T, served manifest.TLS, ca []byte, name string) error {
	t.Helper()
	pair, err := tls.X509KeyPair(served.Cert, served.Key)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(ca) {
		t.Fatal("no authority")
	}
	now := func() time.Time { return begin }
	near, far := net.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		// The client is who judges; a server only learns that it was left.
		_ = tls.Server(far, &tls.Config{Certificates: []tls.Certificate{pair}, Time: now}).HandshakeContext(t.Context())
		_ = far.Close()
	}()
	err = tls.Client(near, &tls.Config{RootCAs: roots, ServerName: name, Time: now}).HandshakeContext(t.Context())
	_ = near.Close()
	<-done
	return err
}

func TestNewKeepsNoSecretOfTheAuthority(t *testing.T) {
	c := mustFresh(t)
	if kinds := pemKinds(c.CA); kinds != "CERTIFICATE" {
		t.Errorf("the authority is published as %s", kinds)
	}
	if kinds := pemKinds(c.Cert); kinds != "CERTIFICATE" {
		t.Errorf("the certificate holds %s", kinds)
	}
	if kinds := pemKinds(c.Key); kinds != "PRIVATE KEY" {
		t.Errorf("the key holds %s", kinds)
	}
	// That the key is not the authority's is what makes a stolen Secret useless for more.
	ca, _ := pem.Decode(c.CA)
	parsed, err := x509.ParseCertificate(ca.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(c.CA, c.Key); err == nil || !parsed.IsCA {
		t.Errorf("the authority (IsCA %v) can be used with the key: %v", parsed.IsCA, err)
	}
}

func pemKinds(content []byte) string {
	var all []string
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block.Type)
	}
	return strings.Join(all, ", ")
}
