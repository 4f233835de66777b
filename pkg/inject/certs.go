package inject

import (
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
)

// Certificates are what the injector serves with and what the API server trusts, all PEM.
type Certificates struct{ CA, Cert, Key []byte }

const (
	// validity is the vendor's default of 3650 days.
	validity = 3650 * 24 * time.Hour
	// renewBefore is how close to its end a certificate is replaced.
	renewBefore = 30 * 24 * time.Hour
	// keyBits is what the vendor's injectors are known to serve with.
	keyBits = 2048
)

// serviceNames are the names under which the injector's Service can be called, the API server's first.
func serviceNames() []string {
	return []string{
		Name + "." + Namespace + ".svc",
		Name + "." + Namespace + ".svc.cluster.local",
		Name + "." + Namespace,
		Name,
	}
}

// NewCertificates makes a fresh authority and a serving certificate of it, valid from now on. The
// authority's key is not kept: nobody can make another certificate that the API server would trust.
func NewCertificates(now time.Time) (Certificates, error) {
	caKey, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Certificates{}, err
	}
	ca, err := template(now, Namespace+" ca")
	if err != nil {
		return Certificates{}, err
	}
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return Certificates{}, err
	}
	key, err := rsa.GenerateKey(rand.Reader, keyBits)
	if err != nil {
		return Certificates{}, err
	}
	leaf, err := template(now, WebhookName)
	if err != nil {
		return Certificates{}, err
	}
	leaf.DNSNames = serviceNames()
	leaf.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	der, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), caKey)
	if err != nil {
		return Certificates{}, err
	}
	keyDER, err := marshalKey(key)
	if err != nil {
		return Certificates{}, err
	}
	return Certificates{
		CA:   pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: caDER}),
		Cert: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		Key:  keyDER,
	}, nil
}

func template(now time.Time, name string) (*x509.Certificate, error) {
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

// Usable returns nil if the API server would accept the certificates at now and for a month more, and
// otherwise what is wrong with them.
func (c Certificates) Usable(now time.Time) error {
	pair, err := tls.X509KeyPair(c.Cert, c.Key)
	if err != nil {
		return fmt.Errorf("certificate and key: %w", err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(c.CA) {
		return errors.New("there is no certificate authority")
	}
	if left := pair.Leaf.NotAfter.Sub(now); left >= 0 && left < renewBefore {
		return fmt.Errorf("it ends in %d days", int(left.Hours()/24))
	}
	// Both the certificate and its authority must last.
	for _, at := range []time.Time{now, now.Add(renewBefore)} {
		if _, err := pair.Leaf.Verify(x509.VerifyOptions{
			Roots: roots, DNSName: WebhookName, CurrentTime: at,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		}); err != nil {
			return err
		}
	}
	return nil
}
