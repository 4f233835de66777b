package verify

import (
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/owner"
)

// served compares what a pod serves with the Secret: yes, no, or not known.
func (i *Injector) served(pod string) (same, known bool) {
	want := certs.Parse([]byte(i.TLS.Chain))
	for _, s := range i.Served {
		if got := certs.Parse([]byte(s.Chain)); s.Pod == pod && len(got) > 0 && len(want) > 0 {
			return got[0].Equal(want[0]), true
		}
	}
	return false, false
}

// judgeFresh goes by times, and where the pods were asked by what they serve: an injector may well read its
// files again.
func judgeFresh(v *View) Outcome {
	return v.eachTLS(func(i *Injector, t *tally) {
		for _, p := range i.living() {
			if same, known := i.served(p.Name); known {
				if !same {
					t.cause = "FC408"
				}
				continue
			}
			start := p.CreationTimestamp.Time
			if p.Status.StartTime != nil {
				start = p.Status.StartTime.Time
			}
			if i.TLS.Changed.After(start) {
				t.add(finding(i.Namespace+"/pod/"+p.Name, "it was started at %s, and %s was written at %s: it may serve the certificate from before",
					stamp(start), i.secret(), stamp(i.TLS.Changed)).with("restart the injector, or see with --deep what it serves", i.restart()))
			}
		}
	})
}

// restart is the command for all of an injector's pods.
func (i *Injector) restart() string {
	if i.Deployment == nil {
		return ""
	}
	return fmt.Sprintf("kubectl rollout restart deployment %s -n %s", i.Deployment.Name, i.Namespace)
}

func judgeServed(v *View) Outcome {
	asked, silent := 0, ""
	o := v.eachTLS(func(i *Injector, t *tally) {
		for _, s := range i.Served {
			asked++
			if same, known := i.served(s.Pod); !known {
				silent = fmt.Sprintf("%s/pod/%s could not be asked: %s", i.Namespace, s.Pod, s.Error)
			} else if !same {
				t.add(finding(i.Namespace+"/pod/"+s.Pod, "it serves another certificate than %s holds", i.secret()).
					with("restart the injector", i.restart()))
			}
		}
	})
	switch {
	case len(o.findings) > 0 || o.verdict != "" && o.verdict != Pass:
		return o
	case asked == 0:
		return skipped("there is no running injector pod to ask")
	case silent != "":
		return undecided("%s", silent)
	}
	return o
}

func judgeRenewal(v *View) Outcome {
	return v.eachTLS(func(i *Injector, t *tally) {
		what := "nobody is known to renew it"
		switch {
		case i.TLS.Rotator != "":
			what = i.TLS.Rotator + " renews it"
		case i.Tool == owner.Ours:
			what = "kubectl falcon install renews it when fewer than 30 days are left, and kubectl falcon certs rotate at once; nothing does by itself"
		case i.Tool == owner.Helm:
			what = "each helm upgrade makes new certificates, unless container.autoCertificateUpdate is false"
		case i.Tool == owner.Operator:
			what = "the vendor's operator makes it once and never renews it"
		}
		f := finding(i.secret(), "%s", what)
		if chain := certs.Parse([]byte(i.TLS.Chain)); len(chain) > 0 {
			f.Message += "; it ends on " + chain[0].NotAfter.UTC().Format(dayFormat)
		}
		if i.TLS.Rotator == "" {
			f = f.with(i.rotate())
		}
		t.add(f)
	})
}

func judgeExtra(v *View) Outcome {
	return v.eachPair(func(p pair, t *tally) {
		chains, err := p.verify(v.Taken)
		if err != nil {
			return
		}
		hint, command := p.hook.Injector.rotate()
		for _, c := range p.bundle {
			used := slices.ContainsFunc(chains, func(chain []*x509.Certificate) bool { return slices.ContainsFunc(chain, c.Equal) })
			if used {
				continue
			}
			what := "the injector's certificate is not of it"
			if v.Taken.After(c.NotAfter) {
				what = "it ended on " + c.NotAfter.UTC().Format(dayFormat)
			}
			t.add(finding(p.hook.object(), "its caBundle also trusts %q: %s", c.Subject.CommonName, what).with(hint, command))
		}
	})
}
