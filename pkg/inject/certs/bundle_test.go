package certs

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
)

// chained is a leaf of an intermediate authority of a root.
func chained(t *testing.T) (root, between, leaf []byte) {
	t.Helper()
	rootKey, middleKey, leafKey := newKey(t), newKey(t), newKey(t)
	top, middle := authority(t), authority(t)
	middle.Subject.CommonName = "between"
	end, err := template(begin, 3650*day, manifest.WebhookName)
	if err != nil {
		t.Fatal(err)
	}
	end.DNSNames = ServiceNames()
	end.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	return sign(t, top, top, rootKey, rootKey), sign(t, middle, top, middleKey, rootKey), sign(t, end, middle, leafKey, middleKey)
}

func TestTrustsFollowsIntermediateAuthorities(t *testing.T) {
	root, between, leaf := chained(t)
	other := issue(t, func(*x509.Certificate) {})
	chain := append(bytes.Clone(leaf), between...)
	tests := map[string]struct {
		bundle, served []byte
		at             time.Time
		says           string
	}{
		"the whole chain":         {root, chain, begin, ""},
		"without what is between": {root, leaf, begin, "unknown authority"},
		"that is in the bundle":   {between, leaf, begin, ""},
		"in the wrong order":      {root, append(bytes.Clone(between), leaf...), begin, "not valid for any names"},
		"another root":            {other.CA, chain, begin, "unknown authority"},
		"one root of two":         {append(bytes.Clone(other.CA), root...), chain, begin, ""},
		"no bundle":               {nil, chain, begin, "no certificate authority"},
		"nothing served":          {root, nil, begin, "no certificate"},
		"after its end":           {root, chain, begin.Add(3651 * day), "expired"},
		"before its time":         {root, chain, begin.Add(-day), "not yet valid"},
		"with words before":       {append([]byte("# root\n"), root...), append([]byte("# leaf\n"), chain...), begin, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { check(t, Trusts(tt.bundle, tt.served, tt.at), tt.says) })
	}
}

// "until they have only renewBefore left" is about the authority, too.
func TestUsableLooksAtTheAuthoritysEnd(t *testing.T) {
	caKey, ca, key := newKey(t), authority(t), newKey(t)
	ca.NotAfter = begin.Add(10 * day)
	leaf, err := template(begin, 3650*day, manifest.WebhookName)
	if err != nil {
		t.Fatal(err)
	}
	leaf.DNSNames = ServiceNames()
	leaf.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	keyPEM, err := marshalKey(key)
	if err != nil {
		t.Fatal(err)
	}
	c := manifest.TLS{CA: sign(t, ca, ca, caKey, caKey), Cert: sign(t, leaf, ca, key, caKey), Key: keyPEM}
	check(t, Usable(c, begin, 30*day), "expired")
	check(t, Usable(c, begin, 9*day), "")
	check(t, Usable(c, begin, 0), "")
}

func TestParseLeavesOutWhatIsNoCertificate(t *testing.T) {
	c := mustFresh(t)
	tests := map[string]struct {
		text []byte
		want int
	}{
		"nothing":         {nil, 0},
		"junk":            {[]byte("junk"), 0},
		"one":             {c.CA, 1},
		"two":             {append(bytes.Clone(c.CA), c.Cert...), 2},
		"a key between":   {bytes.Join([][]byte{c.CA, c.Key, c.Cert}, nil), 2},
		"words around":    {bytes.Join([][]byte{[]byte("# a\n"), c.CA, []byte("\n\n# b\n")}, nil), 1},
		"a broken one":    {bytes.Join([][]byte{[]byte("-----BEGIN CERTIFICATE-----\neA==\n-----END CERTIFICATE-----\n"), c.CA}, nil), 1},
		"cut in the text": {c.CA[:len(c.CA)-40], 0},
	}
	for name, tt := range tests {
		if got := len(Parse(tt.text)); got != tt.want {
			t.Errorf("%s: %d, want %d", name, got, tt.want)
		}
	}
}

func TestJoinKeepsTheOrderAndEachOnce(t *testing.T) {
	a, b := issue(t, func(*x509.Certificate) {}).CA, issue(t, func(*x509.Certificate) {}).CA
	for name, tt := range map[string]struct{ got, want []byte }{
		"none":                 {Join(), nil},
		"one":                  {Join(a), a},
		"two":                  {Join(a, b), append(bytes.Clone(a), b...)},
		"the other way round":  {Join(b, a), append(bytes.Clone(b), a...)},
		"one twice":            {Join(a, b, a), append(bytes.Clone(a), b...)},
		"one that is empty":    {Join(nil, a, nil), a},
		"without its last end": {Join(bytes.TrimSpace(a), b), append(bytes.Clone(a), b...)},
		"with words":           {Join([]byte("# mine\n"), a), a},
	} {
		if !bytes.Equal(tt.got, tt.want) {
			t.Errorf("%s: %d certificates\n%s", name, len(Parse(tt.got)), tt.got)
		}
	}
}

func TestSame(t *testing.T) {
	a, b := issue(t, func(*x509.Certificate) {}).CA, issue(t, func(*x509.Certificate) {}).CA
	for name, tt := range map[string]struct {
		x, y []byte
		want bool
	}{
		"none":         {nil, nil, true},
		"the same":     {a, a, true},
		"the order":    {Join(a, b), Join(b, a), true},
		"twice":        {append(bytes.Clone(a), a...), a, true},
		"written anew": {append([]byte("# words\n"), a...), a, true},
		"another":      {a, b, false},
		"one more":     {Join(a, b), a, false},
		"one less":     {a, Join(a, b), false},
		"none and one": {nil, a, false},
	} {
		if got := Same(tt.x, tt.y); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestServiceNamesBeginWithTheOneThatIsCalled(t *testing.T) {
	names := ServiceNames()
	if names[0] != manifest.WebhookName || !strings.HasPrefix(names[1], manifest.WebhookName+".") || len(names) != 4 {
		t.Errorf("got %q", names)
	}
}
