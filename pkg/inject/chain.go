package inject

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/certs"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/inject/manifest"
	"github.com/kubectl-falcon/kubectl-falcon/pkg/kube"
)

// Certificate is one certificate as a person wants to see it.
type Certificate struct {
	Subject string   `json:"subject"`
	Issuer  string   `json:"issuer"`
	Names   []string `json:"names,omitempty"`
	CA      bool     `json:"ca"`
	// Ends is when, Days how many are left at the time of asking; negative when it has ended.
	Ends time.Time `json:"ends"`
	Days int       `json:"days"`
	// SHA256 identifies it: the first 16 hexadecimal digits.
	SHA256 string `json:"sha256"`
}

// Place is where certificates are: the webhook's bundle, the Secret, or what a pod serves.
type Place struct {
	Where        string        `json:"where"`
	Certificates []Certificate `json:"certificates"`
	// Fault says what is wrong with it, or why it could not be seen.
	Fault string `json:"fault,omitempty"`
}

// Certificates shows what must agree side by side: the bundle that the webhook trusts, the Secret that the
// injector mounts, and what each of its pods serves.
func Certificates(ctx context.Context, c *kube.Cluster) ([]Place, error) {
	d, err := lookMounted(ctx, c)
	if err != nil {
		return nil, err
	}
	name := manifest.SecretName
	if d.deployment != nil && mounted(d.deployment) != "" {
		name = mounted(d.deployment)
	}
	now := time.Now()
	trusted := bundle(d.webhook)
	webhook := place("webhook "+WebhookName, trusted, now)
	if d.webhook == nil {
		webhook.Fault = "there is no webhook"
	}
	secret := Place{Where: "secret/" + name, Fault: "there is no such secret", Certificates: []Certificate{}}
	if d.secret != nil {
		t := tlsOf(d.secret)
		secret = place(secret.Where, append(append([]byte{}, t.Cert...), t.CA...), now)
		if err := certs.Usable(t, now, 0); err != nil && len(t.CA) > 0 {
			secret.Fault = err.Error()
		} else if err := certs.Trusts(trusted, t.Cert, now); err != nil && d.webhook != nil {
			secret.Fault = "the webhook does not trust it: " + err.Error()
		}
	}
	places := []Place{webhook, secret}
	pods, err := injectorPods(ctx, c)
	for i := range pods {
		if pods[i].DeletionTimestamp == nil {
			places = append(places, servedBy(ctx, c, pods[i].Name, listenPort(&pods[i]), trusted, now))
		}
	}
	return places, err
}

func servedBy(ctx context.Context, c *kube.Cluster, pod string, port int32, trusted []byte, now time.Time) Place {
	chain, err := certs.Served(ctx, c, pod, port)
	p := place("pod/"+pod, chain, now)
	if err != nil {
		p.Fault = err.Error()
	} else if err := certs.Trusts(trusted, chain, now); err != nil && len(trusted) > 0 {
		p.Fault = "the webhook does not trust it: " + err.Error()
	}
	return p
}

func place(where string, text []byte, now time.Time) Place {
	p := Place{Where: where, Certificates: []Certificate{}}
	for _, c := range certs.Parse(text) {
		sum := sha256.Sum256(c.Raw)
		p.Certificates = append(p.Certificates, Certificate{
			Subject: c.Subject.CommonName, Issuer: c.Issuer.CommonName, Names: c.DNSNames, CA: c.IsCA,
			Ends: c.NotAfter.UTC(), Days: int(c.NotAfter.Sub(now).Hours() / 24), SHA256: hex.EncodeToString(sum[:])[:16],
		})
	}
	return p
}
