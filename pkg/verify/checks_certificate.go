package verify

import (
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

var certificateChecks = []Check{{
	ID: "FC401", Title: "the webhook has a bundle of authorities to trust", Severity: Error,
	After: []string{"FC301", "FC307", "FC313"}, Needs: []string{listWebhooks}, Judge: judgeBundle,
}, {
	ID: "FC402", Title: "the injector's Secret has a certificate and a key", Severity: Error,
	After: []string{"FC201", "FC205"}, Needs: []string{listDeployments, getSecrets}, Judge: judgeSecret,
}, {
	ID: "FC403", Title: "the webhook trusts the injector's certificate", Severity: Error,
	After: []string{"FC401", "FC402"}, Needs: []string{listWebhooks, listDeployments, getSecrets}, Judge: judgeTrust,
}, {
	ID: "FC404", Title: "the certificate is for the name that the API server calls", Severity: Error,
	After: []string{"FC402", "FC403"}, Needs: []string{listWebhooks, listDeployments, getSecrets}, Judge: judgeName,
}, {
	ID: "FC405", Title: "the certificates last 30 days and more", Severity: Error,
	After: []string{"FC401", "FC402", "FC403"}, Needs: []string{listWebhooks, listDeployments, getSecrets}, Judge: judgeExpiry,
}, {
	ID: "FC406", Title: "the key belongs to the certificate", Severity: Error,
	After: []string{"FC402"}, Needs: []string{listDeployments, getSecrets}, Judge: judgeKey,
}, {
	ID: "FC407", Title: "the injector was started after its certificate last changed", Severity: Warning,
	After: []string{"FC402", "FC403", "FC406"}, Needs: []string{listDeployments, getSecrets, listPods}, Judge: judgeFresh,
}, {
	ID: "FC408", Title: "each injector pod serves the Secret's certificate", Severity: Error, Part: deepPart,
	After: []string{"FC402", "FC403", "FC406"}, Needs: []string{listDeployments, getSecrets, listPods, forwardPods}, Judge: judgeServed,
}, {
	ID: "FC409", Title: "it is known who renews the certificate", Severity: Info,
	After: []string{"FC402"}, Needs: []string{listDeployments, getSecrets}, Judge: judgeRenewal,
}, {
	ID: "FC410", Title: "the bundle holds only authorities that are in use", Severity: Warning,
	After: []string{"FC401", "FC402", "FC403"}, Needs: []string{listWebhooks, listDeployments, getSecrets}, Judge: judgeExtra,
}}

const (
	day       = 24 * time.Hour
	endsSoon  = 30 * day
	endsReal  = 7 * day
	dayFormat = "2006-01-02"
)

// rotate is how the injector's certificates are replaced.
func (i *Injector) rotate() (hint, command string) {
	if i.TLS != nil && i.TLS.Rotator != "" {
		return "have " + i.TLS.Rotator + " renew it, and see that the webhook trusts the new one", ""
	}
	switch i.Tool {
	case owner.Ours:
		return "Replace the certificates; with a certificate of your own, renew it where it comes from and install again", "kubectl falcon certs rotate"
	case owner.Guide, owner.Kubectl:
		return "take the injector over, then replace the certificates with kubectl falcon certs rotate", installCommand + " --adopt"
	case owner.Helm:
		return "Run helm upgrade, which makes new certificates unless container.autoCertificateUpdate is false", ""
	case owner.Operator:
		return "have the operator make the injector anew: it never renews certificates by itself", ""
	}
	return "Replace the certificates with what made them, in the Secret and in the webhook", ""
}

// secret names the injector's TLS Secret.
func (i *Injector) secret() string { return i.Namespace + "/secret/" + i.TLS.Secret }

// eachTLS judges each injector whose Secret is known, once.
func (v *View) eachTLS(judge func(i *Injector, t *tally)) Outcome {
	t := &tally{}
	seen := map[string]bool{}
	for n := range v.Injectors {
		i := &v.Injectors[n]
		if i.TLS == nil || seen[i.secret()] || i.Deployment == nil && v.orphaned(i) {
			continue
		}
		seen[i.secret()] = true
		t.looked++
		judge(i, t)
	}
	return t.outcome("it is not known which Secret an injector serves with")
}

// pair is what must agree: what a webhook trusts and what the Secret behind it holds.
type pair struct {
	hook   *Hook
	bundle []*x509.Certificate
	chain  []*x509.Certificate
}

// eachPair judges each webhook whose bundle and Secret are known.
func (v *View) eachPair(judge func(p pair, t *tally)) Outcome {
	t := &tally{}
	for _, h := range v.podHooks() {
		if h.Injector.TLS == nil || v.orphaned(h.Injector) {
			continue
		}
		p := pair{h, certs.Parse(h.ClientConfig.CABundle), certs.Parse([]byte(h.Injector.TLS.Chain))}
		if len(p.bundle) == 0 || len(p.chain) == 0 {
			continue
		}
		t.looked++
		judge(p, t)
	}
	return t.outcome("there is no certificate to compare the webhook's bundle with")
}

// verify follows the certificate to an authority of the bundle, at a time at which the certificate is
// valid: whether it is now is another question, and so is its name.
func (p pair) verify(now time.Time) ([][]*x509.Certificate, error) {
	leaf := p.chain[0]
	at := now
	if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	}
	roots, between := x509.NewCertPool(), x509.NewCertPool()
	for _, c := range p.bundle {
		roots.AddCert(c)
	}
	for _, c := range p.chain[1:] {
		between.AddCert(c)
	}
	return leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
}

func judgeBundle(v *View) Outcome {
	t := &tally{}
	for _, h := range v.podHooks() {
		if v.orphaned(h.Injector) {
			continue
		}
		t.looked++
		hint, command := h.Injector.rotate()
		switch {
		case len(h.ClientConfig.CABundle) == 0:
			t.add(finding(h.object(), "it has no caBundle, so the API server does not trust the injector").with(hint, command))
		case len(certs.Parse(h.ClientConfig.CABundle)) == 0:
			t.add(finding(h.object(), "its caBundle holds no certificate that can be read").with(hint, command))
		}
	}
	return t.outcome("no webhook calls an injector that is there")
}

func judgeSecret(v *View) Outcome {
	return v.eachTLS(func(i *Injector, t *tally) {
		hint, command := i.rotate()
		if i.Tool == owner.Ours && i.TLS.Rotator == "" {
			hint, command = "install again, which makes what is missing", installCommand
		}
		wrong := func(format string, args ...any) { t.add(finding(i.secret(), format, args...).with(hint, command)) }
		switch {
		case i.TLS.Absent:
			wrong("it is not there, so no injector pod can start")
		case len(i.TLS.Lacks) > 0:
			wrong("it lacks %s", strings.Join(i.TLS.Lacks, " and "))
		case len(certs.Parse([]byte(i.TLS.Chain))) == 0:
			wrong("its tls.crt holds no certificate that can be read")
		}
	})
}

func judgeTrust(v *View) Outcome {
	return v.eachPair(func(p pair, t *tally) {
		_, err := p.verify(v.Taken)
		if err == nil || ended(err) {
			return
		}
		hint, command := p.hook.Injector.rotate()
		what := err.Error()
		if _, unknown := errors.AsType[x509.UnknownAuthorityError](err); unknown {
			what = fmt.Sprintf("it was issued by %q, which is no authority of the webhook's bundle, even if one there has that name",
				p.chain[0].Issuer.CommonName)
		}
		t.add(finding(p.hook.Injector.secret(), "%s does not trust the certificate: %s", p.hook.object(), what).with(hint, command))
	})
}

// ended says whether a chain is refused only because of the time.
func ended(err error) bool {
	invalid, ok := errors.AsType[x509.CertificateInvalidError](err)
	return ok && invalid.Reason == x509.Expired
}

// called is the name that the API server expects in the certificate.
func (h *Hook) called() string {
	if h.ClientConfig.URL != nil {
		if u, err := url.Parse(*h.ClientConfig.URL); err == nil {
			return u.Hostname()
		}
	}
	if s := h.ClientConfig.Service; s != nil {
		return s.Name + "." + s.Namespace + ".svc"
	}
	return ""
}

func judgeName(v *View) Outcome {
	return v.eachPair(func(p pair, t *tally) {
		leaf, name := p.chain[0], p.hook.called()
		if leaf.VerifyHostname(name) == nil {
			return
		}
		is := "it is for " + fewOf(leaf.DNSNames)
		if len(leaf.DNSNames) == 0 {
			is = fmt.Sprintf("it has no subject alternative name (a common name, %q, does not count)", leaf.Subject.CommonName)
		}
		hint, command := p.hook.Injector.rotate()
		t.add(finding(p.hook.Injector.secret(), "%s, and the API server calls %s", is, name).with(hint, command))
	})
}

// dated is one certificate of a chain, with where it is.
type dated struct {
	*x509.Certificate
	where string
}

func judgeExpiry(v *View) Outcome {
	failing := false
	o := v.eachPair(func(p pair, t *tally) {
		all := []dated{{p.chain[0], p.hook.Injector.secret()}}
		if chains, err := p.verify(v.Taken); err == nil {
			for _, c := range chains[0][1:] {
				all = append(all, dated{c, p.hook.object()})
			}
		} else {
			// No chain holds at any time at which the certificate does: the authority has ended.
			for _, c := range p.bundle {
				all = append(all, dated{c, p.hook.object()})
			}
		}
		hint, command := p.hook.Injector.rotate()
		for _, c := range all {
			if what, bad := c.lasts(v.Taken); what != "" {
				failing = failing || bad
				t.add(finding(c.where, "%s", what).with(hint, command))
			}
		}
	})
	if failing || len(o.findings) == 0 {
		return o
	}
	return warned(o.findings...)
}

// lasts says what is wrong with a certificate's time, if anything, and whether it cannot wait.
func (c dated) lasts(now time.Time) (string, bool) {
	what := "the certificate"
	if c.IsCA {
		what = "the authority"
	}
	what += fmt.Sprintf(" %q", c.Subject.CommonName)
	switch left := c.NotAfter.Sub(now); {
	case now.Before(c.NotBefore):
		return fmt.Sprintf("%s is valid only from %s", what, c.NotBefore.UTC().Format(time.RFC3339)), true
	case left <= 0:
		return fmt.Sprintf("%s ended on %s", what, c.NotAfter.UTC().Format(dayFormat)), true
	case left < endsSoon:
		return fmt.Sprintf("%s ends in %s, on %s", what, counted(int(left/day), "day"), c.NotAfter.UTC().Format(dayFormat)), left < endsReal
	}
	return "", false
}

func judgeKey(v *View) Outcome {
	return v.eachTLS(func(i *Injector, t *tally) {
		if !i.TLS.KeyFits && !i.TLS.Absent && len(i.TLS.Lacks) == 0 {
			hint, command := i.rotate()
			t.add(finding(i.secret(), "its tls.key is not the key of its tls.crt, so an injector that starts cannot serve").with(hint, command))
		}
	})
}
