package plugin

import (
	"strings"
	"testing"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/term"
)

func TestCertificatesAreShownAsAChain(t *testing.T) {
	ends := time.Date(2027, 1, 2, 0, 0, 0, 0, time.UTC)
	places := []inject.Place{{Where: "secret/injector-tls", Certificates: []inject.Certificate{
		{Subject: "injector", Issuer: "falcon authority", Names: []string{"injector.falcon-system.svc"}, Ends: ends, Days: 5, SHA256: "0123"},
		{Subject: "falcon authority", Issuer: "falcon authority", CA: true, Ends: ends, Days: 5, SHA256: "4567"}}}}
	var out strings.Builder
	s := &session{Streams: term.Streams{Out: &out}}
	if err := s.printPlaces(term.Table, places); err != nil {
		t.Fatal(err)
	}
	const want = `secret/injector-tls
  certificate injector
              issued by falcon authority
              5 days left, until 2027-01-02; sha256 0123
              injector.falcon-system.svc
  authority   falcon authority
              5 days left, until 2027-01-02; sha256 4567
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// What was not made here cannot be rotated here.
func TestWhatToDoAboutCertificates(t *testing.T) {
	for where, want := range map[string]string{"secret/injector-tls": "kubectl falcon certs rotate", "secret/mine": "renew the certificate where it comes from"} {
		if got := renewal([]inject.Place{{Where: "webhook x"}, {Where: where}}); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %s", where, got)
		}
	}
}
