package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// authority issues certificates in tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// newAuthority makes one of a name that ends at a time.
func newAuthority(name string, ends time.Time) authority {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: installedAt.Add(-1000 * day),
		NotAfter: ends, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der := must(x509.CreateCertificate(rand.Reader, t, t, key.Public(), key))
	return authority{must(x509.ParseCertificate(der)), key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

// issue makes a serving certificate, PEM.
func (a authority) issue(begins, ends time.Time, names ...string) string {
	key := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	t := &x509.Certificate{SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "injector.falcon-system.svc"}, DNSNames: names,
		NotBefore: begins, NotAfter: ends, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}}
	der := must(x509.CreateCertificate(rand.Reader, t, a.cert, key.Public(), a.key))
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

const called = "injector.falcon-system.svc"

var (
	longAfter = installedAt.Add(3650 * day)
	// otherAuthority has the name of the healthy one, as one that a chart makes anew.
	otherAuthority = newAuthority("falcon-system ca", longAfter)
)

// serving has the Secret and the pods serve a certificate, and the webhook trust its authority.
func serving(a authority, chain string) func(s *Snapshot) {
	return func(s *Snapshot) {
		s.Webhooks[0].Webhooks[0].ClientConfig.CABundle = a.pem
		s.Injectors[0].TLS.Chain, s.Injectors[0].TLS.CA = chain, string(a.pem)
		for n := range s.Injectors[0].Served {
			s.Injectors[0].Served[n].Chain = chain
		}
	}
}

// drifted is a Secret that somebody has written anew.
func drifted(s *Snapshot) {
	s.Injectors[0].TLS.Chain, s.Injectors[0].TLS.Changed = otherAuthority.issue(installedAt, longAfter, called), createdAt
}

func bundle(text []byte) func(s *Snapshot) {
	return onHook(func(h *admissionv1.MutatingWebhook) { h.ClientConfig.CABundle = text })
}

func lasting(left time.Duration) func(s *Snapshot) {
	return serving(otherAuthority, otherAuthority.issue(installedAt, takenAt.Add(left), called))
}

var brokenCertificate = map[string]breaks{
	"FC401": {
		"no bundle": bundle(nil),
		"junk":      bundle([]byte("junk")),
		"no bundle, by the chart": func(s *Snapshot) {
			bundle(nil)(s)
			s.Injectors[0].Tool = owner.Helm
		},
	},
	"FC402": {
		"absent":    func(s *Snapshot) { s.Injectors[0].TLS = &TLS{Secret: "injector-tls", Absent: true} },
		"no key":    func(s *Snapshot) { s.Injectors[0].TLS.Lacks = []string{"tls.key"} },
		"junk":      func(s *Snapshot) { s.Injectors[0].TLS.Chain = "junk" },
		"not known": func(s *Snapshot) { s.Injectors[0].TLS = nil },
		"from elsewhere": func(s *Snapshot) {
			s.Injectors[0].TLS = &TLS{Secret: "mine", Absent: true, Rotator: "cert-manager"}
		},
	},
	"FC403": {
		"drifted":    drifted,
		"bundle":     bundle(otherAuthority.pem),
		"a client's": serving(otherAuthority, string(certificate.CA)),
	},
	"FC404": {
		"another":  serving(otherAuthority, otherAuthority.issue(installedAt, longAfter, "other.falcon-system.svc", "other")),
		"no names": serving(otherAuthority, otherAuthority.issue(installedAt, longAfter)),
		"by URL": onHook(func(h *admissionv1.MutatingWebhook) {
			u := "https://injector.falcon-system.svc.example.com:443/mutate"
			h.ClientConfig.URL, h.ClientConfig.Service = &u, nil
		}),
	},
	"FC405": {
		"ended":         lasting(-day),
		"in six days":   lasting(6*day + time.Hour),
		"in one day":    lasting(day + time.Hour),
		"in two weeks":  lasting(14*day + time.Hour),
		"not yet valid": serving(otherAuthority, otherAuthority.issue(takenAt.Add(time.Hour), longAfter, called)),
		"authority ended": func(s *Snapshot) {
			old := newAuthority("old ca", installedAt)
			serving(old, old.issue(installedAt.Add(-day), longAfter, called))(s)
		},
		"authority ends": func(s *Snapshot) {
			a := newAuthority("short ca", takenAt.Add(14*day+time.Hour))
			serving(a, a.issue(installedAt, longAfter, called))(s)
		},
		"ends at the operator's": func(s *Snapshot) {
			lasting(14*day + time.Hour)(s)
			s.Injectors[0].Tool = owner.Operator
		},
	},
	"FC406": {"another key": func(s *Snapshot) { s.Injectors[0].TLS.KeyFits = false }},
	"FC407": {
		"written later": func(s *Snapshot) { s.Injectors[0].TLS.Changed, s.Injectors[0].Served = createdAt, nil },
		"written later, serves others": func(s *Snapshot) {
			s.Injectors[0].TLS.Changed, s.Injectors[0].Served[0].Chain = createdAt, string(certificate.CA)
		},
	},
	"FC408": {
		"another": func(s *Snapshot) { s.Injectors[0].Served[1].Chain = string(certificate.CA) },
		"silent": func(s *Snapshot) {
			s.Injectors[0].Served[1] = Served{Pod: "injector-5d8f-1", Error: "connection refused"}
		},
		"no pods":  func(s *Snapshot) { s.Injectors[0].Served, s.Injectors[0].Pods = nil, nil },
		"not deep": func(s *Snapshot) { s.Asked.Deep = false },
	},
	"FC409": {
		"cert-manager": func(s *Snapshot) { s.Injectors[0].TLS.Rotator = "cert-manager" },
		"Helm":         func(s *Snapshot) { s.Injectors[0].Tool = owner.Helm },
		"operator":     func(s *Snapshot) { s.Injectors[0].Tool = owner.Operator },
		"guide":        func(s *Snapshot) { s.Injectors[0].Tool = owner.Guide },
	},
	"FC410": {
		"another": bundle(slices.Concat(certificate.CA, otherAuthority.pem)),
		"ended":   bundle(slices.Concat(certificate.CA, newAuthority("old ca", installedAt).pem)),
	},
}
