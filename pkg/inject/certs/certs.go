// Package certs makes and judges the certificates between the API server and the injector.
//
// Three must agree at every moment: the bundle that the webhook trusts, the Secret that the injector
// mounts, and what its pods serve. It must not decide when they change; package inject does.
package certs

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// keyBits is what the vendor's injectors are known to serve with.
const keyBits = 2048

// ServiceNames are the names under which the injector's Service can be called, the API server's first.
func ServiceNames() []string {
	name, namespace := manifest.Name, manifest.Namespace
	return []string{
		name + "." + namespace + ".svc",
		name + "." + namespace + ".svc.cluster.local",
		name + "." + namespace,
		name,
	}
}

// New makes a fresh authority and a serving certificate of it, valid from now on. The authority's key is
// not kept: nobody can make another certificate that the API server would trust.
func New(now time.Time, validity time.Duration) (manifest.TLS, error) {
	caKey, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return manifest.TLS{}, err
	}
	ca, err := template(now, validity, manifest.Namespace+" ca")
	if err != nil {
		return manifest.TLS{}, err
	}
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return manifest.TLS{}, err
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return manifest.TLS{}, err
	}
	leaf, err := template(now, validity, manifest.WebhookName)
	if err != nil {
		return manifest.TLS{}, err
	}
	leaf.DNSNames = ServiceNames()
	leaf.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return manifest.TLS{}, err
	}
	keyPEM, err := marshalKey(key)
	return manifest.TLS{CA: encode(caDER), Cert: encode(der), Key: keyPEM}, err
}

func template(now time.Time, validity time.Duration, name string) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		// An hour back, for API servers whose clock is behind this machine's.
		NotBefore: now.Add(-time.Hour),
		NotAfter:  now.Add(validity),
	}, nil
}

func marshalKey(key crypto.PrivateKey) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func encode(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// Usable returns nil if the API server would accept the certificates now and until they have only the
// time renewBefore left, and otherwise what is wrong with them.
func Usable(t manifest.TLS, now time.Time, renewBefore time.Duration) error {
	pair, err := tls.X509KeyPair(t.Cert, t.Key)
	if err != nil {
		return fmt.Errorf("certificate and key: %w", err)
	}
	if left := pair.Leaf.NotAfter.Sub(now); left >= 0 && left < renewBefore {
		return fmt.Errorf("it ends in %d days", int(left.Hours()/24))
	}
	// Both the certificate and its authority must last.
	for _, at := range []time.Time{now, now.Add(renewBefore)} {
		if err := Trusts(t.CA, t.Cert, at); err != nil {
			return err
		}
	}
	return nil
}

// Trusts returns nil if an API server with the bundle would at that time accept an injector that serves
// with the certificate, and otherwise why not. Both are PEM; cert may be followed by intermediate ones.
func Trusts(bundle, cert []byte, at time.Time) error {
	chain := Parse(cert)
	if len(chain) == 0 {
		return errors.New("there is no certificate")
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(bundle) {
		return errors.New("there is no certificate authority")
	}
	between := x509.NewCertPool()
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	_, err := chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, DNSName: manifest.WebhookName, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	return err
}

// Parse returns the certificates of a PEM text, and leaves out what is none.
func Parse(text []byte) (all []*x509.Certificate) {
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		if c, err := x509.ParseCertificate(block.Bytes); err == nil && block.Type == "CERTIFICATE" {
			all = append(all, c)
		}
	}
	return all
}

// Join returns the certificates of all bundles in their order, each once, as PEM.
func Join(bundles ...[]byte) (joined []byte) {
	seen := map[string]bool{}
	for _, c := range Parse(bytes.Join(bundles, []byte("\n"))) {
		if !seen[string(c.Raw)] {
			seen[string(c.Raw)] = true
			joined = append(joined, encode(c.Raw)...)
		}
	}
	return joined
}

// Same says whether two bundles hold the same certificates, in whatever order.
func Same(a, b []byte) bool {
	count := map[string]int{}
	for _, c := range Parse(Join(a)) {
		count[string(c.Raw)]++
	}
	for _, c := range Parse(Join(b)) {
		count[string(c.Raw)]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}
