// Package certs makes the throw-away certificates the stand-in's webhook is
// served with: those the installer renders, and the wrong ones of its faults.
// It must never be used for anything but tests.
package certs

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"time"
)

// keyBits is the size the real installer uses.
const keyBits = 2048

// Pair is a certificate and its key in PEM.
type Pair struct {
	Cert []byte
	Key  []byte
}

// Authority is a certificate authority that lives for one run.
type Authority struct {
	Pair
	cert *x509.Certificate
	key  *rsa.PrivateKey
}

// Lifetime is the time a certificate is valid in.
type Lifetime struct {
	From  time.Time
	Until time.Time
}

// ServiceNames are all the names a Service is called by inside a cluster; the
// first is the one the API server uses.
func ServiceNames(service, namespace string) []string {
	return []string{
		service + "." + namespace + ".svc",
		service + "." + namespace + ".svc.cluster.local",
		service + "." + namespace,
		service,
	}
}

// NewAuthority makes a self-signed authority.
func NewAuthority(name string, life Lifetime) (*Authority, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return nil, fmt.Errorf("make the key of authority %q: %w", name, err)
	}
	template := template(name, life)
	template.IsCA = true
	template.BasicConstraintsValid = true
	template.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("make authority %q: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("read back authority %q: %w", name, err)
	}
	return &Authority{Pair: encode(der, key), cert: cert, key: key}, nil
}

// Server issues a server certificate for names; the first is its common name.
func (a *Authority) Server(names []string, life Lifetime) (Pair, error) {
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Pair{}, fmt.Errorf("make the key of server %q: %w", names[0], err)
	}
	template := template(names[0], life)
	template.DNSNames = names
	template.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	template.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return Pair{}, fmt.Errorf("make the certificate of server %q: %w", names[0], err)
	}
	return encode(der, key), nil
}

// template leaves the serial out: CreateCertificate then draws a random one.
func template(name string, life Lifetime) *x509.Certificate {
	return &x509.Certificate{
		Subject:   pkix.Name{CommonName: name},
		NotBefore: life.From,
		NotAfter:  life.Until,
	}
}

func encode(der []byte, key *rsa.PrivateKey) Pair {
	return Pair{
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}),
	}
}
