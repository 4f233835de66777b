package aid

import (
	"context"
	"time"

	"github.com/kubectl-falcon/kubectl-falcon/pkg/falcon"
)

// HostFinder is the part of the Falcon API that knows sensors by their ids.
type HostFinder interface {
	Hosts(ctx context.Context, aids []string) (map[string]falcon.Host, error)
}

// Host is what the Falcon console knows of a sensor.
type Host struct {
	Name     string    `json:"name,omitempty"`
	LastSeen time.Time `json:"lastSeen,omitzero"`
	Version  string    `json:"version,omitempty"`
	// Policy is the id of the prevention policy.
	Policy string `json:"policy,omitempty"`
	// RFM is yes in reduced functionality mode.
	RFM    string `json:"rfm,omitempty"`
	Online string `json:"online,omitempty"`
	// Link is the console's page of it, as far as that is known.
	Link string `json:"link,omitempty"`
}

// Join adds to each pod with an id what the console knows of it, and flags those that it does not know. link
// gives the console's page of an id; nil is none.
func (r *Report) Join(ctx context.Context, finder HostFinder, link func(aid string) string) error {
	var ids []string
	asked := map[string]bool{}
	for n := range r.Pods {
		if id := r.Pods[n].AID; id != "" && id != zeros && !asked[id] {
			asked[id] = true
			ids = append(ids, id)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	hosts, err := finder.Hosts(ctx, ids)
	if err != nil {
		return err
	}
	for n := range r.Pods {
		p := &r.Pods[n]
		if p.AID == "" {
			continue
		}
		h, known := hosts[p.AID]
		if !known {
			p.flag(NotInConsole)
			continue
		}
		p.Host = &Host{Name: h.Name, LastSeen: h.LastSeen, Version: h.Version, Policy: h.Policies.Prevention.ID,
			RFM: h.Reduced, Online: h.Online}
		if link != nil {
			p.Host.Link = link(p.AID)
		}
	}
	r.Count()
	return nil
}
