package certs

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"
)

func TestServerCertificate(t *testing.T) {
	now := time.Now()
	tests := []struct {
		name  string
		life  Lifetime
		check string
		ok    bool
	}{
		{"full service name", Lifetime{now.Add(-time.Hour), now.Add(time.Hour)}, "injector.falcon-system.svc", true},
		{"cluster domain", Lifetime{now.Add(-time.Hour), now.Add(time.Hour)}, "injector.falcon-system.svc.cluster.local", true},
		{"short name", Lifetime{now.Add(-time.Hour), now.Add(time.Hour)}, "injector", true},
		{"another name", Lifetime{now.Add(-time.Hour), now.Add(time.Hour)}, "other.falcon-system.svc", false},
		{"expired", Lifetime{now.Add(-2 * time.Hour), now.Add(-time.Hour)}, "injector.falcon-system.svc", false},
	}
	authority, err := NewAuthority("falcon-system ca", Lifetime{now.Add(-time.Hour), now.Add(time.Hour)})
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(authority.Cert) {
		t.Fatal("the authority is not PEM")
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			pair, err := authority.Server(ServiceNames("injector", "falcon-system"), tt.life)
			if err != nil {
				t.Fatal(err)
			}
			loaded, err := tls.X509KeyPair(pair.Cert, pair.Key)
			if err != nil {
				t.Fatal(err)
			}
			if loaded.Leaf.Subject.CommonName != "injector.falcon-system.svc" || loaded.Leaf.SerialNumber.Sign() == 0 {
				t.Errorf("subject %v, serial %v", loaded.Leaf.Subject, loaded.Leaf.SerialNumber)
			}
			_, err = loaded.Leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: tt.check})
			if (err == nil) != tt.ok {
				t.Errorf("Verify(%s) = %v, want ok %v", tt.check, err, tt.ok)
			}
		})
	}
}
